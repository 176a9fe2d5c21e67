"""English wordings that speak against an opt-out in their sentence, or make it doubtful."""

from __future__ import annotations

from messaging.wording.rule import DOUBTFUL, Rule

AGAINST = (
    Rule(
        "says not to",
        -110,
        "NOT NEVER WITHOUT CANT",
        r"(?:STOP|UNSUBSCRIBE|REMOVE|CANCEL|END|OPT|LEAVE|TAKE ME|TAKE US|QUIT|DELETE|FORGET|LOSE|BLOCK|DROP"
        r"|ERASE)\b",
        "please don't stop",
    ),
    Rule("no need to", -110, "NO NOT", r"NEED TO (?:CANCEL|STOP|UNSUBSCRIBE|REMOVE)\b", "no need to cancel"),
    Rule("nobody can stop it", -110, "NOBODY NOTHING", r"(?:CAN|COULD|WILL) STOP\b", "Nobody can stop us"),
    Rule("said “stop” to another", -60, "STOP", r"TO (?:MY|HIM|HER|THE|A|THEM)\b", "I said stop to my brother"),
    Rule(
        "stops by",
        -100,
        "STOP",
        r"(?:BY|IN|OVER|FOR (?:A|GAS|LUNCH|DINNER|COFFEE|FOOD|FUEL)|OFF|BACK|AT(?! ONCE)|NEAR|THE PRESS|ME IF)\b",
        "I'll stop by at 5",
    ),
    Rule("asks about the past", -110, "DID WHY WHEN", r"(?!MY STOP)<0-5>STOP\b", "Why did you stop texting me?"),
    Rule(
        "asks where or when something stops", -70, "WHERE WHICH DOES WHAT", r"<0-5>STOP\b", "Where does the bus stop?"
    ),
    Rule("a stop, as a noun", -70, "A THE WHICH OUR AT", r"STOPS?\b", "put a stop to it"),
    Rule(
        "their own mistake",
        -35,
        "I",
        r"(?:TEXTED|CALLED|DIALL?ED|HAD|GOT|SENT) (?:IT TO )?(?:THE|A) WRONG\b",
        "I texted the wrong number",
    ),
    Rule("does not want to miss them", -100, "MISS", r"<0-3><TEXTS>", "I don't want to miss these texts"),
    Rule("wants to stay", -100, "KEEP", r"(?:ME ON|THEM COMING)\b", "keep me on the list"),
    Rule(
        "wants to stay",
        -100,
        ". ,",
        r"KEEP (?:SENDING|TEXTING)\b(?! (?:ME |US )?(?:AND|I WILL)\b)",
        "keep sending these",
    ),
    Rule("another list", -110, "WAITING WAIT GUEST", r"LIST\b", "take me off the waiting list"),
    Rule("asks how", -200, "HOW", r"(?:DO|CAN|COULD|TO)\b", "how do I stop this?", floor=DOUBTFUL),
    Rule(
        "supposes",
        -60,
        "IF MAYBE HAPPENS SHOULD",
        r"(?<!APPRECIATE IT IF )(?<!APPRECIATE IF )(?:I|YOU(?! COULD| WOULD| CAN| DO NOT MIND)|PRICES|IT"
        r"|UNSUBSCRIBE)\b",
        "What happens if I say stop?",
        floor=DOUBTFUL,
    ),
    Rule(
        "only at times",
        -60,
        "AT SO BEFORE AFTER ON IN DURING TODAY TONIGHT UNTIL",
        (
            r"(?:NIGHT|EARLY|LATE|OFTEN|MUCH|MANY|\d+|NOON|WORK|DINNER|SUNDAYS?"
            r"|SATURDAYS?|WEEKENDS?|MIDNIGHT|THE (?:MORNING|EVENING|NIGHT)|(?<!SO )I AM)\b"
        ),
        "stop sending these at night",
        floor=DOUBTFUL,
    ),
    Rule(
        "only some of them",
        -60,
        "THE THESE THOSE",
        r"\w+ (?:COUPONS?|NEWSLETTERS?|ADS|OFFERS|ONES)\b",
        "stop sending me the dog coupons",
        floor=DOUBTFUL,
    ),
    Rule(
        "only some of them",
        -60,
        "SENDING",
        r"(?:ME |US )?(?:THE|YOUR) (?!<TEXTS>)\w+ <END>",
        "stop sending me the links",
        floor=DOUBTFUL,
    ),
    Rule("only some of them", -60, "ANYMORE MORE ANY", r"\w+ (?:COUPONS?|ONES)\b", "no more wine ones", floor=DOUBTFUL),
    Rule(
        "only calls",
        -60,
        "CALLING CALLS",
        r"<0-2>, (?:\w+ ){0,2}(?:TEXT|TEXTS|MESSAGE)\b",
        "stop calling me, text is fine",
        floor=DOUBTFUL,
    ),
    Rule(
        "elsewhere instead",
        -60,
        "USE TEXT SEND",
        r"(?:\w+ ){0,5}INSTEAD\b",
        "use my other number instead",
        floor=DOUBTFUL,
    ),
    Rule(
        "but somebody does",
        -60,
        "BUT",
        r"(?:I (?:DO|LIKE|LOVE|WANT)|KEEP|NOT (?:ALL|THE))\b",
        "but I do",
        floor=DOUBTFUL,
    ),
    Rule(
        "a dish",
        -30,
        "FROM ON IN",
        r"MY (?:\w+ )?(?:BURGER|PIZZA|SANDWICH|SALAD|TACOS?|MEAL|FOOD)\b",
        "no onions on my burger",
    ),
    Rule("a stain", -30, "STAIN STAINS RUST", "", "remove the stain"),
)
