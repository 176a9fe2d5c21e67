"""French rules; accents are folded and "m'envoyez" is "M ENVOYEZ" before."""

from __future__ import annotations

from messaging.wording.rule import DOUBTFUL, Rule
from messaging.wording.rules.french_things import THINGS
from messaging.wording.rules.french_wide import WIDE

_SEND = r"(?:ENVO|ECRI|CONTACT|SPAM|HARCEL|DERANG|IMPORTUN|EMBET|MESSAGE)\w{0,7}\b"

_CLEAR = (
    Rule(
        "asks to stop messages (fr)",
        70,
        "ARRETEZ ARRETE ARRETER CESSEZ CESSER STOPPEZ STOPPER",
        rf"(?:DE |D )(?:M |ME |NOUS )?{_SEND}",
        "Arrêtez de m'envoyer des SMS",
    ),
    Rule(
        "asks to stop messages (fr)",
        70,
        "ARRETEZ ARRETE ARRETER CESSEZ CESSER STOPPEZ STOPPER",
        r"(?:LES |VOS |CES |TOUT |TOUS |AVEC |DE ){0,2}<SMS>",
        "Cessez vos messages",
    ),
    Rule("asks to stop this (fr)", 60, "ARRETEZ CESSEZ STOPPEZ", r"(?:CA|TOUT|CELA|<END>)", "Arrêtez ça"),
    Rule(
        "asks not to be written to (fr)",
        70,
        "NE N",
        rf"(?:M |ME |NOUS )?(?:{_SEND}|MENVO\w+|MECRI\w+) (?:PLUS|PAS|JAMAIS)\b",
        "Ne m'envoyez plus de messages",
    ),
    Rule(
        "asks not to be written to (fr)",
        70,
        "PLUS",
        rf"(?:M |ME |NOUS |RIEN )?(?:EN )?{_SEND}",
        "Merci de ne plus m'envoyer de SMS",
    ),
    Rule(
        "does not want messages (fr)",
        70,
        "JE NE ON NOUS",
        (
            r"(?:NE )?(?:VEUX|VEUT|VOULONS|SOUHAITE|SOUHAITONS|DESIRE) (?:PLUS"
            r"|PAS) (?:(?:DE (?:VOS |CES )?<SMS>|VOS|RIEN|RECEVOIR|CES)\b)"
        ),
        "Je ne veux plus de vos SMS",
    ),
    Rule(
        "does not want messages (fr)",
        70,
        "REFUSE REFUSONS",
        r"(?:DE RECEVOIR|QUE|D ETRE|TOUT)\b",
        "je refuse de recevoir vos SMS",
    ),
    Rule("no more messages (fr)", 70, "PLUS", r"(?:JAMAIS )?(?:DE|AUCUN|D) (?:VOS )?<SMS>", "Plus de messages"),
    Rule(
        "asks to be taken off (fr)",
        70,
        "RETIREZ RETIRE ENLEVEZ ENLEVE SUPPRIMEZ SUPPRIME OTEZ EFFACEZ RAYEZ VIREZ SORTEZ SUPPRIMER RETIRER ENLEVER "
        "EFFACER",
        r"(?:(?:MOI|NOUS)(?! (?:UN|UNE|DEUX|TROIS|LE|LES|DU)\b)|(?:MON|CE|MES) (?:\w+ )?(?:NUMERO|TELEPHONE|NOM"
        r"|COORDONNEES|CONTACT|DONNEES))\b",
        "Retirez-moi de la liste",
    ),
    Rule(
        "asks to be taken off (fr)",
        70,
        "ME NOUS M",
        r"(?:RETIRER|ENLEVER|SUPPRIMER|RAYER|OTER|EFFACER|SORTIR) (?:DE|DES)\b",
        "Pouvez-vous me retirer de votre liste ?",
    ),
    Rule(
        "ends the subscription (fr)",
        70,
        "ANNULER ANNULEZ RESILIER RESILIEZ ARRETER ARRETEZ",
        r"(?:MON |L |CET )?(?:ABONNEMENT|INSCRIPTION)\b",
        "résilier mon abonnement",
    ),
    Rule("asks to be unsubscribed (fr)", 40, "JE", r"ME (?:DESABONNE|DESINSCRIS)\b", "je me désabonne"),
    Rule("nothing more (fr)", 60, ". ,", r"PLUS RIEN <END>", "plus rien svp"),
    Rule(
        "names unsubscribing (fr)",
        40,
        "DESABONNER DESABONNEZ DESABONNE DESABONNEMENT DESINSCRIRE DESINSCRIVEZ DESINSCRIPTION DESINSCRIS",
        "",
        "comment me désabonner",
    ),
    Rule(
        "asks to be unsubscribed (fr)",
        40,
        "DESABONNEZ DESINSCRIVEZ DESABONNE DESINSCRIS",
        r"(?:MOI|NOUS)\b",
        "désabonnez-moi",
    ),
    Rule(
        "asks to be unsubscribed (fr)",
        40,
        "MERCI VEUILLEZ VEUX SOUHAITE VOUDRAIS AIMERAIS DEMANDE POUVEZ PEUX",
        r"<0-3>(?:DESABONNER|DESINSCRIRE)\b",
        "Merci de me désabonner",
    ),
    Rule(
        "asks to be left alone (fr)",
        60,
        "LAISSEZ LAISSE FOUTEZ FOUS FICHEZ LACHEZ",
        r"(?:MOI|NOUS) (?:TRANQUILLES?|EN PAIX|LA PAIX|<END>)",
        "Laissez-moi tranquille",
    ),
    Rule(
        "has asked before (fr)",
        70,
        "DIRE DIT REPONDU ENVOYE DEMANDE ECRIT",
        r"(?:DE )?(?:STOP|ARRETER|ARRET)\b",
        "J'ai déjà répondu STOP",
    ),
    Rule(
        "enough messages (fr)",
        70,
        "SUFFIT MARRE ASSEZ",
        r"(?:DE |LES |AVEC |VOS |DES |CES ){0,2}<SMS>",
        "Ça suffit les messages",
    ),
)

_HINTS = (
    Rule("wrong number (fr)", 35, "MAUVAIS ERREUR FAUX TROMPEZ TROMPE", r"(?:DE )?NUMERO\b", "Mauvais numéro"),
    Rule("wrong number (fr)", 35, "PAS", r"LE (?:BON )?NUMERO\b", "ce n'est pas le numéro de Paul"),
    Rule("wrong number (fr)", 30, "CONNAIS", r"PAS (?:CE|CETTE|DE)\b", "je ne connais pas ce monsieur"),
    Rule("asks to stop calls (fr)", 35, "M ME", r"APPELEZ (?:PLUS|PAS)\b", "ne m'appelez plus"),
    Rule("is not for them (fr)", 25, "PAS", r"POUR MOI\b", "pas pour moi merci"),
    Rule(
        "asks where the number is from (fr)",
        25,
        "COMMENT QUI OU",
        r"<0-3>(?:EU|TROUVE|DONNE|OBTENU) MON NUMERO\b",
        "comment vous avez eu mon numéro",
    ),
    Rule("is not interested (fr)", 25, "PAS", r"INTERESSE\w*", "Pas intéressé"),
    Rule("too many (fr)", 30, "TROP MOINS TANT", r"DE <SMS>", "Trop de messages"),
    Rule(
        "too many (fr)",
        30,
        "ECRIVEZ ENVOYEZ MESSAGES SMS",
        r"(?:BEAUCOUP )?TROP SOUVENT\b",
        "vous m'écrivez trop souvent",
    ),
    Rule("asks for fewer (fr)", 30, "PAS", r"DE <SMS>", "Pas de messages la nuit"),
    Rule("ends something (fr)", 30, "ANNULER ANNULEZ", r"(?:MA|LA|LE|MON|MES|L|UNE?|<END>)", "Annulez ma commande"),
    Rule(
        "ends something (fr)",
        30,
        "RETIREZ ENLEVEZ SUPPRIMEZ",
        r"(?:LE|LA|LES|UNE?|MON|MA)\b",
        "retirez le deuxième billet",
    ),
    Rule(
        "asks how to leave (fr)",
        30,
        "COMMENT",
        r"<0-3>(?:ARRETER|STOPPER|ANNULER|QUITTER|SORTIR)\b",
        "Comment arrêter ça ?",
    ),
    Rule("enough (fr)", 25, "SUFFIT MARRE", "", "Ça suffit"),
    Rule("sends them away (fr)", 25, "FOUTRE DEGAGEZ CASSEZ MERDE", "", "allez vous faire foutre"),
    Rule(
        "never agreed (fr)",
        30,
        "JAMAIS",
        r"(?:DONNE|ACCEPTE|DEMANDE|CONSENTI|AUTORISE)\b",
        "Je n'ai jamais donné mon accord",
    ),
    Rule("calls it harassment (fr)", 25, "HARCELEMENT", "", "c'est du harcèlement"),
)

_AGAINST = (
    Rule(
        "says not to (fr)",
        -110,
        "N NE",
        r"(?:ME |NOUS )?(?:ARRETE\w*|RETIREZ|DESABONNEZ|SUPPRIMEZ|ENLEVEZ|CESSEZ|QUITTEZ|ANNULEZ) (?:PAS|SURTOUT"
        r"|JAMAIS)\b",
        "N'arrêtez pas, j'adore",
    ),
    Rule(
        "a stop that is a place (fr)", -70, "L PROCHAIN EN SANS PAS QUEL UN", r"(?:ARRET|STOP)\b", "au prochain arrêt"
    ),
    Rule(
        "only at times (fr)",
        -60,
        "LA LE DU APRES AVANT SI",
        r"(?:NUIT|SOIR|MATIN|DIMANCHE|WEEK|TOT|TARD|\d+)\b",
        "pas de messages la nuit",
        floor=DOUBTFUL,
    ),
    Rule(
        "a dish (fr)",
        -30,
        "DE SUR",
        r"(?:MA|MON|LA) (?:PIZZA|BURGER|SALADE|SANDWICH|COMMANDE)\b",
        "retirez les oignons de ma pizza",
    ),
    Rule("supposes (fr)", -60, "SI", r"(?:JE|VOUS|CA|LES)\b", "si vous continuez", floor=DOUBTFUL),
)

FRENCH = (*_CLEAR, *WIDE, *_HINTS, *_AGAINST, *THINGS)
