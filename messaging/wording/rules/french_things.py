"""French threats and displeasure, and what is ended that is no message; accents are folded before."""

from __future__ import annotations

from messaging.wording.rule import DOUBTFUL, Rule

#: Verbs of writing to somebody.
SEND = (
    r"(?:(?:ENVO|ECRI|CONTACT|SPAM|HARCEL|DERANG|IMPORTUN|EMBET|MESSAGE|TEXTO|TEXTE[RZ]|SOLLICIT|EMMERD|SAOUL|SOUL|RELANC"
    r"|ENQUIQUIN|FAIRE CHIER|CASSER LES)"
    r"\w{0,7}|M?ENVOY\w+|MECRI\w+|MENVO\w+|ENNUY\w+)\b"
)
#: What is sent.
TEXTS = (
    r"(?:MESSAGES?|MSG|MSGS|SMS|TEXTOS?|TEXTS?|PUBS?|PUBLICITES?|PROMOS?|PROMOTIONS?|OFFRES|NOTIFICATIONS?|NOTIFS?"
    r"|SPAMS?|ENVOIS?|ALERTES?"
    r"|NEWSLETTERS?|SOLLICITATIONS?|CONNERIES|MERDES?|TRUCS|COMMUNICATIONS?|MAILS?|RELANCES)\b"
)
THINGS = (
    Rule(
        "is fed up (fr)",
        60,
        "MARRE RAS RASLEBOL ASSEZ SUFFIT SAOULE SOULE",
        rf"(?:LE BOL |PLEIN LE DOS )?(?:AVEC |DE |DES |VOS |TOUS |TOUTES |CES |D |RECEVOIR |LES ){{0,4}}(?:{TEXTS}"
        rf"|{SEND})",
        "ras le bol de vos pubs",
    ),
    Rule("is fed up (fr)", 30, "RAS MARRE SAOULEZ SOULEZ GONFLEZ", r"(?:LE BOL|LA|DE|<END>)", "ras le bol"),
    Rule("sends them away (fr)", 30, "CAMP BARREZ CASSEZ DEGAGE", r"(?:VOUS\b|TOI\b|<END>)", "foutez le camp"),
    Rule(
        "threatens, over messages (fr)",
        60,
        "MESSAGE MESSAGES SMS TEXTO CONTACTEZ ENVOYEZ",
        r"(?:DE PLUS )?(?:\w+ |, ){0,6}(?:PLAINTE|AVOCAT|SIGNALE\w*|CNIL|BLOQUE|POLICE|HARCELEMENT)\b",
        "encore un message et je porte plainte",
    ),
    Rule(
        "threatens with the law (fr)",
        35,
        "PLAINTE CNIL RGPD SIGNALER SIGNALE AVOCAT",
        r"(?!POUR)",
        "je vais saisir la CNIL",
    ),
    Rule("will block it (fr)", 35, "BLOQUE BLOQUER", r"(?:\w+ )?(?:NUMERO|<END>)", "je vous bloque"),
    Rule(
        "asks how (fr)",
        -200,
        "COMMENT",
        r"(?:(?:JE|ON|FAIRE|FAUT|POUR|IL|PEUX|PUIS|DOIS|ME|SE|LA|L|QU) ){0,4}(?:DESABONN|DESINSCR|ARRET|STOPP|ANNUL"
        r"|QUITT|SORT|RESILI)",
        "comment me désabonner ?",
        floor=DOUBTFUL,
    ),
    Rule(
        "does not get them (fr)",
        -110,
        "RECOIS RECOIT RECEVONS RECU",
        r"(?:PLUS|PAS)\b",
        "je ne reçois plus vos messages",
    ),
    Rule("by mistake (fr)", -60, "PAR", r"(?:ERREUR|ACCIDENT|MEGARDE)\b", "désabonné par erreur"),
    Rule("wants to come back (fr)", -110, "REMETTEZ REINSCRIVEZ REABONNEZ RAJOUTEZ REMETTRE", "", "remettez-moi svp"),
    Rule("another list (fr)", -70, "LISTE", r"D (?:ATTENTE|INVITES?|COURSES?)\b", "la liste d'attente"),
    Rule(
        "talks of ending another thing (fr)",
        -40,
        "VEUX VOUDRAIS PEUX PEUT DOIS DOIT VOULAIS PUIS POUVEZ AIMERAIS SOUHAITE FAUT",
        r"(?:\w+ )?(?:ANNULER|SUPPRIMER|RETIRER|ENLEVER|RESILIER|ARRETER) (?:\w+ ){0,2}(?:COMMANDE|RDV|RENDEZ"
        r"|RESERVATION|RESA|BILLETS?|TABLE|COURS|LIVRAISON|PAIEMENT"
        r"|ACHAT|VISITE|PLACES?|SEANCE|TACHES?|COLIS|VOL|SEJOUR|BAIL|ASSURANCE)\b(?! DE DEMAIN\b)",
        "je veux annuler ma commande 4471",
    ),
    Rule(
        "asks for something else (fr)",
        30,
        "PREFERE PLUTOT",
        r"(?:\w+ ){0,2}(?:COURRIEL|EMAIL|MAIL|COURRIER)\b",
        "je préfère par courriel",
    ),
    Rule(
        "a dish (fr)",
        -30,
        "RETIREZ ENLEVEZ RETIRER ENLEVER SANS",
        r"(?:LES|LA|LE|L|D) (?:OIGNONS?|FROMAGE|TOMATES?|SAUCE|GLACONS?|TACHES?|ETIQUETTES?|CORNICHONS?)\b",
        "retirez les oignons",
    ),
    Rule(
        "asks where the number is from (fr)",
        25,
        "EU TROUVE OBTENU DONNE",
        r"MON NUMERO\b",
        "vous avez eu mon numéro où ?",
    ),
    Rule("somebody has died (fr)", 25, "DECEDE DECEDEE", "", "elle est décédée"),
    Rule("wants more (fr)", -110, "ENCORE", r"PLUS (?:DE|D)\b", "encore plus de promos"),
    Rule(
        "only some of them (fr)",
        -60,
        "ENVOYEZ ENVOIE ENVOYER",
        r"PAS (?:LA|LE|L|UN|UNE) (?!SMS|MESSAGE|PUB|TEXTO)",
        "n'envoyez pas la facture",
        floor=DOUBTFUL,
    ),
    Rule(
        "asks why nothing comes (fr)",
        -110,
        "POURQUOI",
        r"(?:(?:VOUS|TU|NE|N|JE|ON|EST|CE|QUE) ){0,4}(?:(?:M|ME|NOUS) )?(?:ENVOYEZ|RECOIS|ECRIVEZ|ENVOIE"
        r"|RECOIT) (?:PLUS|PAS)\b",
        "pourquoi vous m'envoyez plus les offres",
    ),
    Rule("asks which (fr)", -70, "STOP", r"OU (?:PAS|ENCORE)\b", "stop ou encore ?"),
    Rule("wrong number (fr)", 30, "PAS", r"\w+ ICI\b", "c'est pas Julie ici"),
    Rule("is annoyed (fr)", 25, "ENCORE", r"VOUS <END>", "encore vous"),
    Rule("wants more (fr)", -110, "AI AVONS MOI", r"(?<!LAISSEZ MOI )PLUS (?:DE|D)\b", "envoyez-moi plus de messages"),
    Rule(
        "better a text than a call (fr)",
        -60,
        "PLUTOT PREFERE",
        r"(?:(?:UN|DES|PAR|LES) ){0,2}(?:SMS|MESSAGE|TEXTO)\b",
        "plutôt un SMS",
    ),
)
