"""English wordings by class of meaning: who ends messages, or leaves a list, in many verbs."""

from __future__ import annotations

from messaging.wording.rule import Rule

WIDE = (
    Rule(
        "asks to stop messages",
        70,
        "STOP QUIT CEASE HALT DISCONTINUE DEACTIVATE DISABLE SUSPEND TERMINATE KILL DITCH END STOPPING CEASING SILENCE",
        r"(?:(?!AND|TO|IF|WHEN|IN|AT|BY|FOR|SEND|READING|LOVING)\w+ ){0,3}(?:<SENDING>|<TEXTS>)",
        "deactivate all of your text alerts",
    ),
    Rule(
        "asks to stop messages",
        70,
        "LAY EASE CUT COOL KNOCK EASING",
        r"(?:OFF|UP|OUT|IT|BACK) (?:(?:OFF|OUT|ON|WITH|THE|ALL|THESE|YOUR|ALREADY|DAMN) ){0,4}(?:<SENDING>|<TEXTS>)",
        "lay off the texts",
    ),
    Rule(
        "asks to stop contact",
        60,
        "STOP QUIT CEASE",
        r"(?:ALL )?(?:THE |THIS |YOUR )?(?:CONTACT|OUTREACH|SOLICIT\w+|COMMUNICATING|HOUNDING|STALKING|TORMENTING"
        r"|DISTURBING|ANNOYING"
        r"|HITTING|PINGING|BUZZING|HASSLING|REACHING)\b",
        "stop all contact",
    ),
    Rule(
        "asks to be taken off",
        70,
        "UNENROLL UNENROL DISENROLL DEREGISTER UNREGISTER UNSIGN UNJOIN UNLIST DELIST UNFRIEND BLACKLIST WIPE PURGE "
        "CLEAR CROSS "
        "SCRATCH KICK BOOT EXCLUDE CUT DEACTIVATE DISABLE DISCONNECT OMIT UNADD DISCARD EXPUNGE ELIMINATE TRASH "
        "DUMP SIGN DITCH DROP UNINSTALL STRIKE PULL",
        r"(?:(?:OUT|OFF|AWAY) )?(?:(?:ME|US)(?! UP| IN| A| AT| INTO| OVER)\b|(?:MY|THIS|OUR|THE) <0-1>(?:NUMBER"
        r"|PHONE|NAME|CONTACT|INFO|DATA|DETAILS"
        r"|INFORMATION|RECORDS?|LINE|CELL)\b)",
        "wipe my number from your system",
    ),
    Rule(
        "asks to be taken off",
        70,
        "TAKE TAKING GET GETTING REMOVE REMOVING DELETE DROP STRIKE PULL KEEP LEAVE LET",
        r"(?:(?:OFF )?(?:ME|US|THIS NUMBER|MY <0-2>(?:NUMBER|NAME|PHONE|CELL|CONTACT)|THIS (?:PHONE|CELL|LINE"
        r"|CONTACT))"
        r" (?:\w+ ){0,2}(?:OFF|FROM|OUT) (?:OF )?(?:\w+ ){0,3}(?:LISTS?|<TEXTS>|SYSTEM|DATABASE|RECORDS|GROUP"
        r"|THREAD|CHAT|THIS|THESE))\b",
        "keep me off your list",
    ),
    Rule(
        "asks to be taken off",
        70,
        "TAKE",
        r"OFF (?:MY|THIS) (?:\w+ )?(?:NUMBER|NAME|PHONE|CELL)\b",
        "take off my number",
    ),
    Rule(
        "wants to leave",
        60,
        "WANT LIKE WISH NEED WANNA PREFER REQUEST ASK ASKING",
        r"(?:TO (?:BE|GET) |TO |BEING )?(?:OFF|OUT OF|REMOVED|REMOVAL|DELETED|UNLISTED|UNENROLLED|TAKEN OUT"
        r"|TAKEN OFF)"
        r"(?! (?:MY|THE) (?:ORDER|TEAM|CAR|BUS|HOUSE))\b",
        "I'd like to be deleted",
    ),
    Rule("names a do-not-contact list", 60, "DNC", r"(?:LIST|REGISTRY|REQUEST|NOW|[.,?])", "add me to your DNC list"),
    Rule(
        "names a do-not-contact list",
        60,
        "NOT NO",
        r"(?:CALL|TEXT|CONTACT|DISTURB|MAIL|SOLICIT|SMS|MESSAGE) (?:LIST|REGISTRY|REGISTER)\b",
        "put me on the do not call list",
    ),
    Rule(
        "asks to be taken off",
        60,
        "FORGET LOSE DELETE",
        r"(?:THAT )?(?:(?:YOU|I) )?(?:EVER )?(?:HAVE |HAD |GOT |KNOW |MET )?(?:THIS|MY|OUR) <0-2>(?:NUMBER|DIGITS"
        r"|CONTACT|NAME)\b",
        "forget you ever had my number",
    ),
    Rule(
        "opts out",
        40,
        "I WE",
        r"(?:AM |ARE )?(?:UNSUBSCRIBING|OPTING OUT|OPT OUT|LEAVING (?:THIS|THE|YOUR) LIST)\b",
        "we are opting out",
    ),
    Rule(
        "leaves",
        60,
        "COUNT SIGN",
        r"(?:ME|US) (?:OUT|OFF) (?:OF|FROM) (?:THESE|THIS|YOUR|THE|ALL|<TEXTS>)",
        "count me out of these texts",
    ),
    Rule(
        "wants to leave",
        60,
        "WANTS",
        r"(?:OFF|OUT|TO (?:UNSUBSCRIBE|OPT OUT|BE REMOVED|BE TAKEN OFF|STOP))\b",
        "he wants off",
    ),
    Rule(
        "asks to be taken off",
        60,
        "REMOVED DELETED ERASED PURGED STRUCK STRICKEN",
        r"(?:FROM|OFF) (?:\w+ ){0,3}(?:LISTS?|RECORDS|SYSTEM|DATABASE|<TEXTS>)",
        "this number should be removed from your records",
    ),
    Rule(
        "asks to be taken off",
        60,
        "WITHDRAW WITHDRAWING",
        r"(?:ME|US|MY (?:NUMBER|NAME|SUBSCRIPTION)|FROM (?:THIS|THESE|YOUR|THE LIST|ALL|<TEXTS>))\b",
        "withdraw my number",
    ),
    Rule("turns messages off", 60, "TURN SHUT SWITCH", r"(?:\w+ ){0,3}<TEXTS> OFF\b", "turn these notifications off"),
    Rule("turns something off", 30, "SHUT SWITCH", r"(?:IT|THIS|THAT) (?:OFF|DOWN) <END>", "shut it off"),
    Rule(
        "asks to be taken off", 70, "UNENROLL UNENROL DISENROLL DEREGISTER", r"(?:ME|US|MY|THIS|<END>)", "unenroll me"
    ),
    Rule("asks to stop messages", 70, "STP STAP STAHP", r"<SENDING>", "stp txting me"),
    Rule(
        "asks to be left out",
        70,
        "NOT STOP QUIT NEVER",
        r"(?:INCLUDE|INCLUDING|ADD|ADDING|PUT|PUTTING|COUNT|COUNTING) (?:ME|US) (?:IN|ON|TO|AMONG) <0-5><TEXTS>",
        "don't include me in your promos",
    ),
    Rule(
        "asks to be taken off",
        70,
        "REMOVE DELETE DROP ERASE STRIKE",
        r"(?:IT|THIS|THAT|THESE) (?:FROM|OFF) (?:YOUR|ALL|ANY) <0-2>"
        r"(?:MARKETING|DATABASE|CONTACTS?|CAMPAIGNS?|DIRECTORY|MAILING|<TEXTS>)",
        "please remove it from your database",
    ),
    Rule("opts out", 40, "CHOOSE ELECT CHOOSING PREFER DECIDED", r"TO OPT OUT\b", "I choose to opt out"),
    Rule("opts out", 40, ". ,", r"OPT(?:ING)? OUT(?! OF (?:THE|MY)| \w+ (?:BUT|IF))\b", "opting out thanks"),
    Rule("asks to stop messages", 60, ". ,", r"(?:DESIST|CEASE) <END>", "desist"),
    Rule(
        "ends the subscription",
        60,
        "DISCONTINUE CANCEL END TERMINATE",
        r"(?:(?:MY|THIS|THE|YOUR) )?(?:SERVICE TO|ENROLLMENT|REGISTRATION TO|SERVICE FOR THIS NUMBER)\b",
        "cancel service to this number",
    ),
    Rule("ends the subscription", 60, "DISCONTINUE", r"(?:(?:MY|THIS|THE|YOUR) )?SERVICE\b", "discontinue service"),
    Rule(
        "“stop”, and no more than a word",
        60,
        "STOP",
        r"(?:(?:BRO|MAN|DUDE|OK|OKAY|GUYS|SIR|MAAM|BUDDY|GIRL|AND|THANK|THANKS|YOU|FOREVER|PERMANENTLY|COMPLETELY"
        r"|FOR|GOOD|HERE|TODAY|ALL|PEOPLE|FOLKS"
        r"|TY|THX|LADY|GOD|CHRIST|SAKE|REAL|REALLY|SERIOUSLY|ASAP) ){1,4}<END>",
        "Stop please and thank you",
    ),
    Rule(
        "asks to be taken off",
        60,
        "NOT NEVER",
        r"(?:INCLUDE|ADD|PUT|KEEP|LIST|HAVE) (?:ME|US|(?:MY|THIS) (?:NUMBER|NAME|PHONE)) (?:\w+ ){0,3}(?:LISTS?"
        r"|<TEXTS>|ANYMORE|AGAIN|FUTURE|FILE|SYSTEM)",
        "don't add me to your lists",
    ),
    Rule(
        "asks to be taken off",
        60,
        "TAKE REMOVE DELETE",
        r"(?:HIS|HER|THEIR|\w+S) <0-1>(?:NUMBER|NAME|PHONE|CELL|CONTACT)(?: (?:OFF|FROM)\b| <END>)",
        "please take his number off",
    ),
    Rule("opts out", 40, ". ,", r"(?:I AM )?UNSUBSCRIBING (?:NOW )?<END>", "can't take it, unsubscribing"),
    Rule("a stop sign alone", 60, ".", r"(?:STOPSIGN ){1,5}<END>", "🛑"),
    Rule("a stop sign", 60, "STOPSIGN", r"(?:STOPSIGN ){0,5}(?:<TEXTS>|<SENDING>|THIS|ME)\b", "🛑 texts"),
    Rule("asks to stop messages", 60, "STOP QUIT", r"TESTING (?:ME|MY PHONE)\b", "stop testing me"),
    Rule(
        "opts out",
        40,
        "TIME",
        r"(?:FOR (?:ME|US) )?TO (?:UNSUBSCRIBE|OPT OUT|LEAVE THIS LIST)\b",
        "it is time to unsubscribe",
    ),
    Rule("unsubscribing, dictated", 70, "UN ON AN", r"SUBSCRIBED? (?:ME |<END>)", "un subscribe"),
)
