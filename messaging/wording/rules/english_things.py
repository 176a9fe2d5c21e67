"""What is ended, stopped or left in English, other than messages; and those who want to come back."""

from __future__ import annotations

from messaging.wording.rule import DOUBTFUL, Rule

_THING = (
    r"(?:ORDERS?|APPOINTMENTS?|APPTS?|RESERVATIONS?|BOOKINGS?|TABLE|TICKETS?|SEATS?|DELIVERY|DELIVERIES|SHIPMENTS?"
    r"|PACKAGES?|PAYMENTS?"
    r"|AUTOPAY|CHARGES?|BILL|INVOICE|REFUND|LEASE|CONTRACT|POLICY|INSURANCE|FLIGHT|HOTEL|ROOM|CLASS|CLASSES"
    r"|LESSONS?|VISIT|SESSION"
    r"|MEETING|GAME|SHOW|EVENT|TRIP|JOB|SHIFT|WARRANTY|TREATMENT|ITEMS?|SURGERY|PARTY|CALLS?|TOUR|RENTAL|INTERVIEW"
    r"|PICKUP|SLOT"
    r"|CLEANING|HAIRCUT|INSPECTION|SCRATCH\w*|DENTS?|STAINS?|LABELS?|TAGS?|STICKERS?|LID|TREES?|STUMP|SNOW|TILES?"
    r"|WALL|CARPET|RUG|MOLD"
    r"|PAINT|ONIONS?|CHEESE|PICKLES?|TOMATO\w*|SAUCE|NUTS|MAYO|ICE|\d+)\b"
)
_ENDING = r"(?:CANCEL|CANCELLING|CANCELING|END|REMOVE|DELETE|TERMINATE|QUIT|STOP|DROP|TAKE OFF|GET RID OF)"

THINGS = (
    Rule(
        "talks of ending another thing",
        -40,
        "TO CAN COULD MUST GOTTA WANNA AND OR YOU DID SHOULD",
        rf"(?:(?:I|WE|YOU|HAVE TO) )?{_ENDING} (?:MY|THE|OUR|AN?|THIS|THAT|HIS|HER) (?:(?!TEXT|MESSAG"
        rf"|LIST)\w+ ){{0,2}}{_THING}(?! (?:<TEXTS>|REMINDERS?))",
        "I need to cancel my appointment with Dr. Patel",
    ),
    Rule(
        "stops another thing",
        -70,
        "STOP STOPPING STOPPED END HALT",
        r"(?:(?:THE|MY|THIS|A|YOUR|OUR|ALL|ANY) ){0,2}(?:(?!TEXT|MESSAG)\w+ )?(?:AUTOPAY|PAYMENTS?|DELIVER\w+"
        r"|SHIPMENTS?|SHIPPING|MAIL|WATER|LEAK\w*|BLEEDING"
        r"|NOISE|CAR|TRUCK|DRIVER|CONSTRUCTION|CHECK|CHEQUE|MEDICATION|MEDS|PILLS?|CLOCK|TIMER|PRESS|MUSIC|ORDER"
        r"|CHARGES?|CHARGING|BILLING"
        r"|MACHINE|ENGINE|SERVICE|TRASH|PRESCRIPTION|TREATMENT|AUTO ?RENEW\w*|RENEWAL|RECURRING)\b(?! <TEXTS>)",
        "please stop the autopay on my card",
    ),
    Rule(
        "stops doing another thing",
        -45,
        "STOP STOPPED QUIT",
        r"(?:MAKING|LAUGHING|CRYING|SMILING|THINKING|WORKING|RAINING|SNOWING|RUNNING|EATING|SMOKING|DRINKING"
        r"|BEEPING|GROWING|BUYING|SHOPPING"
        r"|SINGING|DANCING|TALKING|STARING|LOOKING|LISTENING|PLAYING|WATCHING|BLEEDING|LEAKING|CHARGING|TEASING"
        r"|WEARING|TAKING (?:MY|THE|IT)|USING"
        r"|MY (?:JOB|MEDS))\b",
        "stop making me hungry",
    ),
    Rule(
        "an exclamation",
        -40,
        "STOP",
        r"(?:(?:IT|THAT) ){1,2}(?:RIGHT NOW )?(?:[,.] )?(?:THAT|THATS|THIS|YOU|YOUR|I AM|I LOVE|SO|HOW|SHUT UP"
        r"|NO WAY|REALLY|TOO)\b",
        "STOP IT that is the cutest puppy",
    ),
    Rule(
        "praise",
        -30,
        "LOVE ADORE CUTE CUTEST AMAZING ADORABLE HILARIOUS GORGEOUS BLUSH BLUSHING DELICIOUS YUM CONGRATS "
        "CONGRATULATIONS",
        r"(?!IF|OF|TO (?:BE|STOP|OPT|GET)|<TEXTS> NO|HOW)",
        "I love that",
    ),
    Rule(
        "wants to come back",
        -110,
        "ADD PUT SIGN OPT GET SUBSCRIBE",
        r"(?:ME|US) (?:\w+ )?(?:BACK|AGAIN|BACK ON|IN)\b",
        "add me back",
    ),
    Rule(
        "wants to come back",
        -110,
        "NOT NEVER WHY",
        r"(?:(?:WAS|WERE|AM|I|MEAN|MEANT|INTEND|WANT|TRYING|TO|DID|BEEN|GOT|YOU) ){1,5}(?:UNSUBSCRIBED?|OPT OUT"
        r"|OPTED OUT|REMOVED?|TAKEN OFF|STOP|CANCEL)\b"
        r"(?! (?:YET|EVEN))",
        "didn't mean to unsubscribe",
    ),
    Rule("by mistake", -60, "ACCIDENTALLY MISTAKENLY", "", "I accidentally unsubscribed"),
    Rule("by mistake", -60, "BY", r"(?:ACCIDENT|MISTAKE)\b", "unsubscribed by mistake"),
    Rule(
        "about money or goods",
        -25,
        "MY THE A",
        r"(?:\w+ )?(?:REFUND|MONEY|DEPOSIT|BUG|POTHOLE|OUTAGE|LEAK|ISSUE|CRIME)\b",
        "I will report you if you don't refund my money",
    ),
    Rule(
        "not the messages",
        -60,
        "NOT",
        r"(?:MY|THE|YOUR|THESE) TEXTS(?: <END>|,)",
        "pause my membership not my texts",
        floor=DOUBTFUL,
    ),
    Rule("only at times", -60, "TILL UNTIL", r"\w", "no texts until May", floor=DOUBTFUL),
    Rule(
        "asks for a ride",
        -70,
        "DROP DROPPING",
        r"(?:ME|US) OFF (?:AT|IN|BY|NEAR|ON|HERE|THERE)\b",
        "drop me off at the store",
    ),
    Rule(
        "leaves another thing",
        -110,
        "OFF OUT FROM",
        r"(?:OF )?(?:THE|THIS|YOUR|MY|OUR) (?:\w+ )?(?:SCHEDULE|ROTA|ROSTER|CALENDAR|BUS|TRAIN|HOOK|INVITE|TEAM"
        r"|POTLUCK|CARPOOL|PLANE|WAITLIST|SHIFT|ORDER|LEASE|BILL|DRAW|SHEET|SIGN UP|INSURANCE|PLAN|RENTAL|401K"
        r"|PROTECTION|WARRANTY|CONTRACT|EVENT|TRIP|GAME|CLASS)\b",
        "take me off the schedule Friday",
    ),
    Rule(
        "only some of them",
        -60,
        "TEXT MESSAGE",
        r"(?:ME|US) (?:THE|A|AN|WHEN|WHILE|ABOUT|DURING)\b",
        "don't text me the address",
        floor=DOUBTFUL,
    ),
    Rule(
        "laughs first",
        -40,
        "LOL HAHA HAHAHA OMG LMAO LMFAO",
        r"STOP(?: IT)? (?:<END>|THAT|YOU|YOUR|THIS IS|I AM)",
        "lol stop",
    ),
    Rule(
        "asks why nothing comes", -60, "WHY", r"(?:AM|DID|ARE|HAVE|DO) (?:I|WE) NOT\b", "why am I not getting messages"
    ),
    Rule(
        "a dish",
        -30,
        "REMOVE CANCEL TAKE LEAVE HOLD",
        r"(?:OFF )?(?:THE|ANY|ALL) (?:ONIONS?|PICKLES?|CHEESE|TOMATO\w*|SAUCE|NUTS|MAYO|ICE|OLIVES?|LETTUCE|BACON"
        r"|PEPPERS?|MUSHROOMS?|GARLIC|FRIES)\b",
        "remove the onions",
    ),
    Rule(
        "leaves another thing",
        -110,
        "OFF OUT",
        r"(?:WORK|EARLY|FOR (?:LUNCH|DINNER|DRINKS|A)|TO (?:LUNCH|DINNER|EAT)|(?:ON )?(?:MON|TUES|WEDNES|THURS|FRI"
        r"|SATUR|SUN)DAY|TOMORROW|NEXT|AT)\b",
        "I need off Friday",
    ),
    Rule(
        "stops another thing",
        -70,
        "STOP",
        r"(?:\w+ ){1,3}FROM (?!<SENDING>|GETTING|COMING)\w+ING\b",
        "how do I stop my dog from chewing",
    ),
    Rule(
        "takes a message back",
        -110,
        "CANCEL DELETE END STOP",
        r"(?:MY|THE|THAT"
        r"|YOUR) (?:LAST|PREVIOUS|EARLIER)\b",
        "cancel my last text",
    ),
    Rule(
        "another list",
        -110,
        "VOLUNTEER INVITE WAITING WAIT GUEST GROCERY SHOPPING PLAYER TO",
        r"(?:DO )?LIST\b",
        "off the guest list",
    ),
)
