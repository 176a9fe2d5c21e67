"""English wordings by class of meaning: who refuses contact, wants no more of it, or threatens over it."""

from __future__ import annotations

from messaging.wording.rule import Rule

_THREAT = (
    r"(?:LAWYERS?|ATTORNEYS?|SUE|SUING|LAWSUIT|COURT|LEGAL|POLICE|COPS|FCC|FTC|TCPA|BBB|REPORT\w{0,3}|BLOCK\w{0,3}"
    r"|COMPLAINT"
    r"|HARASSMENT|AUTHORITIES|CARRIER)\b"
)
_STEPS = r"(?:\w+ |, ){0,10}"
REFUSALS = (
    Rule(
        "does not want messages",
        60,
        "WANT NEED LIKE",
        r"(?:THESE|THIS|THEM|YOUR|ALL) (?:\w+ ){0,2}(?:TO (?:END"
        r"|STOP|CEASE)|STOPPED|GONE)\b",
        "I want these to end",
    ),
    Rule("enough messages", 60, ". ,", r"ENOUGH <TEXTS>(?: \w+)? <END>", "enough texts"),
    Rule("ends with “remove”", 40, "REMOVE", r"<END>", "not interested please remove"),
    Rule(
        "asks not to be written to",
        70,
        "NOT NEVER NO",
        r"(?:(?:YOU|DARE|EVEN|TRY|ATTEMPT|TO|BE|KEEP|EVER|LONGER) ){0,4}"
        r"(?:TEXT|MESSAGE|CONTACT|WRITE|BOTHER|SPAM|HARASS|DISTURB|BUG|PESTER|ANNOY|REACH OUT|SOLICIT|PING|TEXTING"
        r"|MESSAGING|CONTACTING"
        r"|BOTHERING|SPAMMING)(?: TO)? (?:<ME>|AGAIN|ANYMORE|ANY MORE|ANY LONGER|NO MORE|ANY FURTHER)\b",
        "don't you ever text me again",
    ),
    Rule(
        "asks not to be written to",
        70,
        "NO NOT NEVER",
        r"(?:MORE )?SEND(?:ING)? (?:ME |US |TO ME |HERE )?(?:NO |ANY )?(?:(?!LINK|CODE|MAN)\w+ ){0,2}(?:<TEXTS>"
        r"|MORE|AGAIN|NOTHING)\b",
        "no send me more message",
    ),
    Rule("asks to be left alone", 60, "NOT", r"(?:BOTHER|DISTURB|SOLICIT)(?: US)? <END>", "Do not disturb"),
    Rule(
        "asks to be left alone",
        60,
        "LEAVE LEMME LET",
        r"(?:ME|US|MY (?:PHONE|NUMBER|INBOX|FAMILY)|THIS (?:PHONE|NUMBER))(?: THE \w+| TF)? (?:ALONE|BE|IN PEACE)\b",
        "leave me the hell alone",
    ),
    Rule("asks to be left alone", 60, "LEAVE", r"ALONE <END>", "leave alone"),
    Rule(
        "asks to be left alone",
        60,
        "STAY KEEP GET",
        r"(?:THE \w+ )?(?:OFF|OUT OF|AWAY FROM) (?:OF )?MY (?:PHONE|INBOX|CELL|TEXTS|MESSAGES|LIFE|NUMBER|LINE)\b",
        "stay out of my inbox",
    ),
    Rule("asks to be left alone", 60, "BOTHER", r"(?:SOMEONE|SOMEBODY|ANYONE) ELSE\b", "go bother someone else"),
    Rule(
        "does not want messages",
        60,
        "NOT NEVER LONGER DONT",
        r"(?:WANT|NEED|WANNA|WISH|LIKE|INTERESTED|CARE)(?: (?:THESE|THIS|THEM|ANY|YOUR \w+|TO (?:RECEIVE|GET"
        r"|HEAR)(?: \w+)?|TO BE (?:A )?(?:PART OF|ON) \w+|<TEXTS>))? (?:ANYMORE|ANY MORE|ANY LONGER|NO MORE"
        r"|ANY FURTHER"
        r"|ANYTHING (?:MORE|ELSE|FROM YOU|FURTHER)|NOTHING|FROM YOU|PART OF (?:THIS|THESE|IT|YOUR)|IN ON THIS)\b",
        "I don't want these anymore",
    ),
    Rule(
        "does not want messages",
        60,
        "NO",
        r"(?:LONGER |INTEREST |DESIRE |WISH |NEED )(?:IN |TO |FOR |OF ){0,2}(?:\w+ ){0,2}(?:<TEXTS>|RECEIV\w+"
        r"|BE CONTACTED|GET|HEAR|THESE|THIS"
        r"|THEM)\b",
        "I have no interest in your texts",
    ),
    Rule(
        "does not want messages",
        60,
        "LONGER",
        r"(?:INTERESTED|PARTICIPAT\w+|SUBSCRIBED?|A (?:CUSTOMER|MEMBER|SUBSCRIBER)) ?(?:<END>|IN|TO)",
        "No longer interested",
    ),
    Rule(
        "does not want messages",
        70,
        "HATE DESPISE LOATHE UNWANTED DECLINE REFUSE REJECT REFUSING DECLINING OBJECT",
        r"(?:TO )?(?:\w+ ){0,3}<TEXTS>",
        "I decline all further messages",
    ),
    Rule(
        "enough messages",
        70,
        "ENOUGH DONE FINISHED OVER THROUGH SICK TIRED FED",
        r"(?:ALREADY )?(?:UP )?(?:OF|WITH) (?:\w+ ){0,3}(?:<TEXTS>|<SENDING>)",
        "fed up with all of your spam",
    ),
    Rule(
        "no more messages",
        60,
        "NO",
        r"(?:MORE|FURTHER|ADDITIONAL) (?:\w+ ){0,2}(?:CONTACT|<SENDING>|SOLICIT\w+)",
        "no more contact",
    ),
    Rule(
        "no more messages",
        60,
        ". ,",
        r"NO (?:<TEXTS>|CONTACT|TEXTING)(?: (?!YET|NEEDED|NECESSARY|TODAY|CAME|FROM|SO|RECEIVED|THIS)\w+){0,2} <END>",
        "no texts ever please",
    ),
    Rule(
        "threatens, over messages",
        60,
        "TEXT TEXTS TEXTING MESSAGE MESSAGES MESSAGING CONTACT SPAM",
        rf"{_STEPS}{_THREAT}",
        "your messages are harassment",
    ),
    Rule(
        "threatens, over messages",
        130,
        "IF",
        r"(?:YOU|I GET|I RECEIVE|THIS|THESE|THERE IS)(?! NOT) (?:\w+ ){0,3}(?:<TEXTS>|<SENDING>|CONTACT|AGAIN"
        r"|KEEPS?|CONTINUES?) "
        rf"{_STEPS}{_THREAT}",
        "If you text me again I will call my lawyer",
    ),
    Rule(
        "threatens, over messages",
        230,
        "IF",
        r"(?:YOU|THIS|THESE) <0-2>NOT (?:STOP|CEASE|QUIT)\b(?! (?:BY|AT|IN|FOR)\b)",
        "if this does not stop I will sue",
    ),
    Rule(
        "threatens, over messages",
        60,
        "ONE ANOTHER ANYMORE",
        rf"(?:MORE |SINGLE )?<TEXTS> {_STEPS}{_THREAT}",
        "one more text and I sue",
    ),
    Rule("names the law of calls and texts", 45, "TCPA", "", "This violates the TCPA"),
    Rule("names the law of calls and texts", 35, "FTC FCC GDPR RGPD CNIL", "", "I am writing to the FCC"),
    Rule(
        "threatens with the law",
        30,
        "FROM CALLING CONTACTING CALL CONTACT WITH GET GETTING TO LEGAL FILE FILING TAKE",
        r"(?:(?:MY|A|THE|OUR|LEGAL) )?(?:LAWYER|ATTORNEY|LAWSUIT|ACTION|POLICE|COPS|ATTORNEY GENERAL)\b",
        "You will hear from my lawyer",
    ),
    Rule(
        "will block it",
        35,
        "BLOCK BLOCKING BLOCKED",
        r"(?:YOU|THIS|THESE|IT <END>|YOUR NUMBER)\b",
        "I'm blocking this number",
    ),
    Rule(
        "does not want messages",
        60,
        "I WE",
        r"(?:REALLY |ALSO )?DO NOT (?:WANT|NEED|LIKE) (?:THESE|THIS|THEM|YOUR)(?: THINGS| STUFF| THANKS)? <END>",
        "We don't want these",
    ),
    Rule(
        "does not want messages",
        60,
        "SKIP EXCLUDE",
        r"(?:ME|US)(?: FROM NOW ON| FROM| ON| FOREVER|,)",
        "skip me from now on",
    ),
    Rule(
        "revokes consent",
        70,
        "CONSENT PERMISSION AUTHORIZATION AUTHORISATION",
        r"(?:(?:IS|HAS BEEN|TO \w+ \w+ IS) )?(?:HEREBY )?(?:REVOKED|WITHDRAWN|DENIED|RESCINDED|CANCELLED)\b",
        "consent revoked",
    ),
    Rule("an insult by hand", 30, "MIDDLEFINGER", "", "🖕"),
    Rule(
        "does not want messages",
        60,
        "WANT WANTS WISH",
        r"NOTHING (?:MORE|ELSE|TO DO WITH|FROM)\b",
        "I want nothing more from you",
    ),
    Rule(
        "asks not to be written to",
        60,
        "NOT NEVER",
        r"SEND(?: ME| US)? (?:THESE|THIS|THEM|IT)(?: (?:ANY|AGAIN|ANYMORE)\b| <END>)",
        "don't send me these any longer",
    ),
    Rule(
        "has asked before",
        60,
        "KEEP",
        r"(?:SAYING|TYPING|REPLYING|SENDING|TEXTING|TELLING YOU)(?: YOU)?(?: TO)? (?:STOP|UNSUBSCRIBE)\b",
        "I keep saying stop",
    ),
    Rule("no more messages", 60, "NO", r"(?:MO|MOR|MOAR) <0-2><TEXTS>", "no mo texts"),
    Rule(
        "does not want messages",
        60,
        "NOT NEVER",
        r"(?:WANT TO |WANNA |CARE TO |WISH TO )?(?<!DID NOT )HEAR (?:FROM|ANYTHING)\b",
        "I'd rather not hear from you",
    ),
    Rule("does not want messages", 60, "NO", r"SOLICIT\w+", "no soliciting"),
    Rule(
        "does not want messages",
        60,
        "APPRECIATE PREFER RATHER LOVE",
        r"(?:\w+ )?NOT (?:GETTING|RECEIVING|GET|RECEIVE|TEXT|MESSAGE|CONTACT|SEND)\b",
        "I'd appreciate not getting these",
    ),
    Rule("does not want messages", 60, "NOT", r"WANTING <0-2>(?:<TEXTS>|THESE|THIS)", "not wanting these texts"),
    Rule("gives no permission", 60, "NOT", r"CONSENT\b", "I do not consent"),
    Rule(
        "gives no permission",
        60,
        "NO NOBODY NEVER NOT",
        r"(?:(?:GAVE|GIVE|ONE|YOU|HAS|HAVE|HAD|MY) ){0,4}PERMISSION\b",
        "nobody gave you permission",
    ),
    Rule(
        "asks to be left alone",
        60,
        "SPAM TEXT HARASS ANNOY MESSAGE PESTER",
        r"(?:SOMEONE|SOMEBODY|ANYONE) ELSE\b",
        "go spam someone else",
    ),
    Rule(
        "asks not to be written to",
        60,
        "NOT NEVER",
        r"SEND (?:THESE|THIS|THEM|ANYTHING|STUFF) TO (?:ME|US|MY|THIS)\b",
        "don't send these to me",
    ),
    Rule(
        "asks not to be written to",
        60,
        "NEVER",
        r"(?:EVER )?AGAIN (?:TEXT|MESSAGE|CONTACT|WRITE|BOTHER|SEND)\b",
        "never again text me",
    ),
    Rule("does not want messages", 60, "NO", r"WANT (?:\w+ ){0,3}(?:<TEXTS>|THIS|THESE)", "I no want this message"),
    Rule(
        "does not want messages",
        60,
        "NO ANY",
        r"USE FOR (?:THESE|THIS|THEM|YOUR"
        r"|<TEXTS>)",
        "I have no use for them",
    ),
    Rule(
        "does not want messages",
        60,
        "NOT NO",
        r"(?:LONGER )?(?:GET|GETTING|RECEIVE|RECEIVING) (?:\w+ ){0,3}(?:ANY LONGER|ANYMORE|ANY MORE"
        r"|AGAIN)\b(?! (?:WHY|WHAT))",
        "so that we don't get them any longer",
    ),
    Rule(
        "threatens, over messages",
        100,
        "LAWYER ATTORNEY COPS POLICE FCC FTC SUE REPORT BLOCK BLOCKING REPORTING SUING COMPLAINT",
        r"(?:\w+ ){0,3}IF (?:YOU|I GET|THIS|THESE) (?:\w+ ){0,3}(?:<TEXTS>|<SENDING>|CONTACT|CONTINUES?)",
        "I'm calling the cops if you text me again",
    ),
    Rule(
        "will block it",
        35,
        "REPORTED YOU BEING",
        r"(?:(?:AND|ARE|ARE BEING|HAVE BEEN) )?BLOCKED\b",
        "reported and blocked",
    ),
    Rule("sends them away", 40, "GTFO STFU", "", "gtfo my phone"),
)
