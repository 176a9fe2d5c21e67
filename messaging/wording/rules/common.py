"""Rules for words that people of all languages use."""

from __future__ import annotations

from messaging.wording.rule import Rule

COMMON = (
    Rule(
        "a standard word as a sentence of its own",
        70,
        '. , "',
        r"(?:(?:OK|OKAY|BUT|SO|THEN|YES|NO|AND|NOW|HEY|HI|THANKS|PERO|PUES|YA|MAIS|DONC|ALORS|ET|BON"
        r"|POR FAVOR) ){0,3}"
        r"(?:STOP|STOPALL|UNSUBSCRIBE|CEASE|OPTOUT|REVOKE|ALTO|BAJA|PARAR|PAREN|BASTA|ARRET|ARRETEZ|DESABONNER"
        r"|DESABONNEMENT"
        r"|DESINSCRIPTION|REMOVE|REMOVE ME|OPT OUT)"
        r'(?: (?:PLEASE|THANKS|THANK YOU|SIR|MAAM|NOW|ALL|IT|THIS|THESE|YA|GRACIAS|MERCI|POR FAVOR)){0,2} (?:[.,?"])',
        "No. Stop.",
    ),
    Rule("ends with “stop”", 60, "STOP", "<END>", "not for me stop"),
    Rule(
        "asks to stop messages",
        70,
        "STOP",
        r"(?:(?:LES|LA|AUX|VOS|CES|LOS|THE|ALL|A|TOUS|TOUTES|TODOS) ){0,3}(?:<TEXTS>|<SMS>|<MENSAJES>)",
        "Stop pub",
    ),
    Rule("says “stop” again and again", 60, "STOP", r"STOP\b", "stop stop"),
    Rule("begins with “stop”", 15, ". ,", r"STOP\b", "Stop my wife is laughing"),
    Rule("says “stop”", 25, "STOP", "", "we need a stop to all that"),
    Rule("repeats how to opt out", 25, "REPLYSTOP", "", "Reply STOP to unsubscribe"),
    Rule(
        "calls it spam",
        25,
        "SPAM SPAMS SPAMMERS SCAM SCAMMERS SCAMMER ESTAFA ARNAQUE",
        r"(?!FOLDER|FILTER|MUSUBI|SANDWICH|BOX)",
        "this is spam",
    ),
    Rule("names unsubscribing", 40, "UNSUBSCRIBE UNSUBSCRIBING UNSUBSCRIBED", "", "maybe I should unsubscribe"),
    Rule(
        "a stop that is a place",
        -70,
        "BUS NEXT TRUCK TRAM TRAIN METRO PIT REST ONE NON LAST FIRST DOOR AUTO",
        r"STOPS?\b",
        "bus stop",
    ),
    Rule("a stop that is a thing", -70, "STOP", r"(?:SIGN|LIGHT|WATCH|MOTION|LOSS)\b", "at the stop sign"),
    Rule("ends with “quit”", 60, ",", r"QUIT <END>", "these cost me money, quit"),
    Rule("a joke", -15, "HAHA HAHAHA LOL LMAO JAJA JAJAJA MDR KIDDING JK", "", "stop it haha"),
)
