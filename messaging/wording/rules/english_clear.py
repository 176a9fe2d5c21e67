"""English wordings that ask for an end of all messages; each is enough by itself."""

from __future__ import annotations

from messaging.wording.rule import Rule

CLEAR = (
    Rule(
        "asks to stop messages",
        70,
        "STOP QUIT CEASE DISCONTINUE",
        r"<0-2>(?:<SENDING>|<TEXTS>)",
        "Please stop texting me",
    ),
    Rule(
        "asks to stop messages",
        70,
        "CEASE REFRAIN DESIST",
        r"(?:AND DESIST|ALL|FROM|FURTHER|ANY)\b",
        "Cease and desist.",
    ),
    Rule(
        "asks to stop this",
        60,
        "STOP QUIT",
        r"(?:ALL |DOING )?(?:IT|THIS|THESE|THAT|THEM|NOW|EVERYTHING)(?: NOW| THANKS)? <END>",
        "would you stop this",
    ),
    Rule(
        "asks not to be written to",
        70,
        "NOT NEVER",
        r"(?:TEXT|MESSAGE|CONTACT|WRITE|BOTHER|SPAM)(?: TO)? <ME>",
        "do not text me again",
    ),
    Rule("asks to stop this", 60, "STOP", r"(?:RIGHT )?NOW(?: OR| BEFORE|,)", "stop now or I'll report you"),
    Rule(
        "asks not to be written to",
        60,
        "NOT NEVER",
        r"(?:TEXT|MESSAGE|CONTACT|WRITE)(?: IT| HERE| ANYMORE| ANY MORE| AGAIN)? <END>",
        "Do not text.",
    ),
    Rule(
        "asks not to be written to",
        70,
        "NOT NEVER",
        r"(?:BE )?(?:TEXTED|CONTACTED|MESSAGED) (?:ANY MORE|ANYMORE|AGAIN)\b",
        "make sure I am not texted any more",
    ),
    Rule(
        "asks not to be written to",
        70,
        "NOT NEVER",
        r"SEND <0-3>(?:<TEXTS>|ANYTHING|ANYMORE|AGAIN|MORE|OFFERS)",
        "Don't send me anything",
    ),
    Rule(
        "does not want messages",
        70,
        "NOT LONGER NEVER",
        (
            r"(?:WANT|WISH|NEED|LIKE|CARE|INTERESTED)(?:ED|S)? (?!TEXTING)(?:(?!MISS|LOSE"
            r"|STOP)\w+ ){0,5}(?:<TEXTS>|HEAR FROM YOU|RECEIVE|BE (?:CONTACTED|TEXTED|BOTHERED|ON|IN))"
        ),
        "I don't want any more of your texts",
    ),
    Rule(
        "does not want messages",
        60,
        "NOT",
        r"TO (?:RECEIVE|GET|BE TEXTED|BE CONTACTED)\b",
        "I would prefer not to receive texts",
    ),
    Rule(
        "would be glad of an end",
        110,
        "APPRECIATE PREFER LOVE GLAD GRATEFUL",
        r"(?:IT )?IF (?:YOU|THIS|THESE) <0-2>(?:STOP|STOPPED|NOT|REMOVE|QUIT)\b",
        "I would appreciate it if you stopped",
    ),
    Rule(
        "messages are not wanted",
        60,
        "TEXTS MESSAGES TEXT MESSAGE SMS",
        r"(?:ARE )?(?:NOT WANTED|UNWANTED|NOT WELCOME)\b",
        "Texts not wanted",
    ),
    Rule("no more messages", 70, "NO", r"(?:MORE|FURTHER) <0-2><TEXTS>", "no more texts please"),
    Rule("no more messages", 60, "NO", r"MORE OF (?:THESE|THIS|THEM|YOUR|THAT)\b", "no more of these"),
    Rule("no more messages", 60, ". ,", r"NO <TEXTS>(?: <TEXTS>)? <END>", "No text messages please"),
    Rule("is done with messages", 60, "DONE FINISHED THROUGH OFF", r"WITH <0-2><TEXTS>", "I'm done with these texts"),
    Rule(
        "turns messages off",
        60,
        "TURN SHUT SWITCH",
        r"(?:(?:THESE|THEM|<TEXTS>) )?(?<!NOT TURN )OFF (?:<0-2><TEXTS>|<END>)",
        "turn off the texts",
    ),
    Rule(
        "turns messages off", 60, "TURN SHUT SWITCH", r"(?:THESE|THEM|(?:THE |YOUR )?<TEXTS>) OFF\b", "turn these off"
    ),
    Rule("enough messages", 70, "ENOUGH", r"(?:WITH|OF) <0-2><TEXTS>", "enough with the texts"),
    Rule(
        "asks to be unsubscribed",
        40,
        "UNSUBSCRIBE",
        r"(?:ME|US|MY|THIS|THE|FROM (?!WHAT)|NOW)\b",
        "unsubscribe me from this",
    ),
    Rule(
        "wants to leave",
        70,
        "WANT LIKE WISH NEED ASK ASKING REQUEST REQUESTING WANNA",
        r"(?:TO )?(?:UNSUBSCRIBE|OPT OUT|OUT|OFF|BE (?:REMOVED|TAKEN OFF|UNSUBSCRIBED)|LEAVE (?:THIS|THE"
        r"|YOUR) LIST)\b",
        "I want to opt out",
    ),
    Rule("asks to be opted out", 70, "OPT OPTING", r"(?:ME|US|MY \w+) <0-2>OUT\b", "Opt me out"),
    Rule(
        "asks to be taken off",
        70,
        "TAKE TAKING GET GETTING REMOVE REMOVING DELETE DROP STRIKE PULL SCRUB",
        (
            r"(?:ME|US|MY (?:NAME|NUMBER|PHONE|CELL|CONTACT|DETAILS|INFO)|(?:THIS"
            r"|OUR) (?:NAME|NUMBER|PHONE|CELL|LINE|MOBILE)) <0-1>(?:OFF|FROM|OUT)\b"
        ),
        "take me off this list",
    ),
    Rule("asks to be taken off", 70, "TAKE REMOVE DELETE", r"(?:(?:OFF|FROM) <0-2>LIST|NUMBER)\b", "remove from list"),
    Rule(
        "asks to be taken off",
        70,
        "REMOVE DELETE LOSE ERASE FORGET REMOVING DELETING BLOCK",
        r"(?:(?:ME|US)(?! AN? )|(?:MY|THIS|OUR) <0-1>(?:NUMBER|PHONE|NAME|CONTACT|INFO|DATA|DETAILS|INFORMATION"
        r"|RECORDS?))\b",
        "lose my number",
    ),
    Rule("asks to be taken off", 70, "RID", r"OF (?:ME|MY <0-1>NUMBER|THIS NUMBER)\b", "Get rid of my number"),
    Rule("asks to be left alone", 60, "LEAVE", r"(?:ME|US) (?:ALONE|BE|IN PEACE)\b", "leave me alone"),
    Rule(
        "revokes consent",
        70,
        "REVOKE WITHDRAW RESCIND RETRACT REVOKING WITHDRAWING",
        r"<0-2>(?:CONSENT|PERMISSION|AUTHORI[SZ]ATION)\b",
        "I revoke my consent",
    ),
    Rule(
        "has asked before",
        70,
        "SAID TOLD ASKED REPLIED RESPONDED TEXTED SENT WROTE TYPED",
        r"(?:(?!IF )\w+ ){0,6}(?:STOP|UNSUBSCRIBE|REMOVE ME)(?! TO)\b",
        "I already replied STOP twice",
    ),
    Rule(
        "has asked before",
        70,
        "ASKED TOLD REQUESTED SAID",
        r"<0-5>(?:REMOVED?|TAKEN OFF|UNSUBSCRIBED?|OPT OUT)\b",
        "I asked to be removed months ago",
    ),
    Rule("opts out", 40, "I WE", r"(?:WANT TO |WILL |AM |HEREBY |WOULD LIKE TO )?OPT(?:ING)? OUT\b", "I opt out"),
    Rule(
        "has asked before",
        70,
        "HOW",
        r"MANY TIMES <0-5>(?:STOP|UNSUBSCRIBE|TELL|ASK|SAY)\b",
        "How many times do I have to ask?",
    ),
    Rule(
        "gives no permission",
        60,
        "NOT NEVER",
        r"(?:HAVE|GIVE|GAVE|GIVEN|GRANT) <0-2>(?:PERMISSION|CONSENT|AUTHORI[SZ]ATION)\b",
        "I do not give permission to text me",
    ),
    Rule(
        "complains that it does not end", 250, "WHY", r"(?:WILL|DO|CAN) NOT YOU STOP\b", "Why won't you stop texting me"
    ),
    Rule(
        "complains that it does not end",
        170,
        "YOU",
        r"(?:\w+ )?(?:NOT|NEVER) STOP <0-1>(?:<SENDING>|<TEXTS>)",
        "You don't stop texting me",
    ),
    Rule(
        "ends the subscription",
        70,
        "CANCEL END TERMINATE",
        r"<0-2>(?:SUBSCRIPTION(?! BOX)|<TEXTS>)",
        "cancel my subscription",
    ),
    Rule("does not want messages", 60, "NOT", r"(?:GET|RECEIVE|HAVE) (?:ANY )?MORE\b", "I'd rather not get any more"),
    Rule(
        "does not want messages",
        60,
        "LONGER",
        r"(?:WANT|NEED|WISH|CARE)\b(?! (?:THE|A|AN|MY|OUR|IT)\b)",
        "no longer want these",
    ),
    Rule("asks to be taken off", 60, "REMOVE", r"REMOVE\b", "remove remove remove"),
)
