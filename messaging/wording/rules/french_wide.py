"""French wordings by class of meaning, with and without "ne"; accents are folded and "m'envoyez" is "M ENVOYEZ" "
"before."""

from __future__ import annotations

from messaging.wording.rule import Rule
from messaging.wording.rules.french_things import SEND, TEXTS

_ENDS = (
    "ARRETEZ ARRETE ARRETES ARRETER ARETEZ ARETER ARETE CESSEZ CESSE CESSER STOPPEZ STOPPE STOPPER FINISSEZ "
    "HALTE STOP FIN DESACTIVEZ DESACTIVER"
)
_AWAY = (
    "RETIREZ RETIRE RETIRER ENLEVEZ ENLEVE ENLEVER SUPPRIMEZ SUPPRIME SUPPRIMER OTEZ OTER EFFACEZ EFFACE EFFACER "
    "RAYEZ RAYER VIREZ VIRE VIRER "
    "SORTEZ SORS SORTIR DESABONNEZ DESABONNE DESABONNER DESINSCRIVEZ DESINSCRIS DESINSCRIRE ELIMINEZ RADIEZ DEGAGEZ "
    "BLOQUEZ OUBLIEZ OUBLIE PERDEZ "
    "PERDS BARREZ"
)
WIDE = (
    Rule(
        "revokes consent (fr)",
        70,
        "RETIRE REVOQUE",
        r"(?:MON |LE )?(?:CONSENTEMENT|ACCORD"
        r"|AUTORISATION)\b",
        "je retire mon consentement",
    ),
    Rule(
        "asks to be taken off (fr)",
        70,
        "ME NOUS",
        r"(?:RETIRER|ENLEVER|SUPPRIMER|RAYER"
        r"|EFFACER) <END>",
        "prière de me retirer",
    ),
    Rule("nothing more (fr)", 60, ". ,", r"PLUS RIEN (?:MERCI|SVP|STP)\b", "plus rien merci"),
    Rule(
        "asks to stop messages (fr)",
        70,
        _ENDS,
        rf"(?:(?:UN PEU|TOUT DE SUITE|IMMEDIATEMENT|MAINTENANT|SVP|DONC|ENFIN) )?(?:DE |D |AVEC |LES |VOS |CES "
        rf"|TOUS |TOUT |TOUTES |A |AUX |L |ME "
        rf"|M |NOUS |MOI |TES |DES ){{0,4}}(?:{SEND}|{TEXTS})",
        "arrêtez un peu avec tous ces messages",
    ),
    Rule(
        "asks to stop this (fr)",
        60,
        ". ,",
        r"(?:ARRETEZ|CESSEZ|STOPPEZ|STOP|ARRETE) (?:TOUT|CA|CELA|MAINTENANT|DEFINITIF|DEFINITIVEMENT"
        r"|IMMEDIATEMENT)\b",
        "stop définitif",
    ),
    Rule(
        "asks not to be written to (fr)",
        70,
        "NE N NON ME M PLUS JAMAIS",
        rf"(?:(?:M|ME|NOUS|PLUS|PAS|JAMAIS|RIEN|L) ){{0,3}}{SEND} (?:PLUS|PAS|JAMAIS|RIEN|PU)\b(?! TROP| LE SOIR)",
        "m'envoyez plus rien",
    ),
    Rule(
        "asks not to be written to (fr)",
        70,
        "NE",
        rf"(?:PLUS|PAS|JAMAIS) (?:(?:ME|M|NOUS|ETRE) ){{0,2}}{SEND}",
        "merci de ne plus me contacter",
    ),
    Rule(
        "asks not to be written to (fr)",
        60,
        "NE",
        r"(?:PLUS|PAS) (?:RECEVOIR|ETRE (?:CONTACTE\w*|DERANGE\w*|SOLLICITE\w*|INSCRIT\w*))\b",
        "merci de ne plus recevoir",
    ),
    Rule(
        "does not want messages (fr)",
        70,
        "VEUX VEUT VOULONS SOUHAITE SOUHAITONS DESIRE VOUDRAIS AIMERAIS DEMANDE",
        rf"(?:NE )?(?:PLUS|PAS|PU) (?:(?:DE|DU|D|VOS|CES|RIEN|TES) ){{0,3}}(?:{TEXTS}|RECEVOIR|ETRE (?:CONTACT"
        rf"|DERANG|INSCRI|SUR|DANS|SOLLICIT|ABONN|IMPORTUN|HARCEL|SPAM)\w{{0,6}}|QUE VOUS|ENTENDRE PARLER|RIEN|VOS"
        rf"|AVOIR|EN RECEVOIR)",
        "veux plus de vos pubs",
    ),
    Rule(
        "does not want messages (fr)",
        70,
        "RIEN PLUS",
        r"(?:PLUS )?(?:RECEVOIR DE VOUS|RIEN RECEVOIR|RECEVOIR <END>|A FAIRE DE VOS|RIEN DE VOUS)\b",
        "je ne veux plus rien recevoir",
    ),
    Rule(
        "does not want messages (fr)",
        60,
        "N NE",
        r"EN (?:VEUX|VEUT|VOULONS|SOUHAITE) (?:PLUS|PAS|PU)\b",
        "je n'en veux plus",
    ),
    Rule(
        "does not want messages (fr)",
        60,
        "INTERESSE INTERESSEE INTERESSENT INTERESSES",
        rf"(?:PLUS|PAS|PAR) (?:\w+ ){{0,2}}{TEXTS}",
        "pas intéressée par vos offres",
    ),
    Rule("does not want messages (fr)", 60, "PLUS", r"(?:DU TOUT )?INTERESSE\w*", "je ne suis plus intéressé"),
    Rule(
        "does not want messages (fr)",
        60,
        "VOS CES",
        rf"(?:{TEXTS}) (?:\w+ ){{0,2}}(?:M INTERESSENT|INTERESSENT) (?:PAS|PLUS)\b",
        "vos offres ne m'intéressent plus",
    ),
    Rule(
        "no more messages (fr)",
        70,
        "PLUS PU AUCUN AUCUNE",
        rf"(?:JAMAIS |AUCUN |AUCUNE |UN SEUL )?(?:(?:DE|D|DU|UN|UNE|VOS|CES|TOUS) ){{0,2}}{TEXTS}",
        "plus un seul sms",
    ),
    Rule(
        "no more messages (fr)",
        60,
        ". ,",
        rf"PAS DE {TEXTS}(?: (?:MERCI|SVP|PLUS|PUBLICITAIRES?))? <END>",
        "pas de pub merci",
    ),
    Rule(
        "asks to be taken off (fr)",
        70,
        _AWAY,
        r"(?:(?:DONC|IMMEDIATEMENT|VITE|SVP) )?(?:MOI|NOUS|ME|(?:MON|CE|MES|NOTRE|LE) (?:\w+ )?(?:NUMERO|NUM|NUMBER"
        r"|TELEPHONE|TEL|PORTABLE|NOM|COORDONNEES|CONTACT"
        r"|DONNEES))\b(?! (?:UN|UNE|DEUX|TROIS|LE|LES|DU)\b)",
        "enlève mon num",
    ),
    Rule(
        "asks to be taken off (fr)",
        70,
        "ME NOUS M ETRE",
        r"(?:RETIR|ENLEV|SUPPRIM|RAY|OT|EFFAC|SORT|DESABONN|DESINSCR|VIR|RADI)\w{1,5} (?:\w+ )?(?:DE|DES|DU)\b",
        "je veux être retiré de la liste",
    ),
    Rule(
        "asks to be unsubscribed (fr)",
        40,
        "POUVEZ PEUX PEUT MERCI POURRIEZ VEUX DOIS",
        r"(?:\w+ )?(?:ME|NOUS) (?:DESABONN\w+|DESINSCR\w+)\b",
        "tu peux me désinscrire",
    ),
    Rule(
        "is out of a list (fr)",
        60,
        "QUITTER SORTIR",
        r"(?:DE )?(?:LA|VOTRE|CETTE|VOS|CE) (?:LISTES?|GROUPE|FICHIER|BASE|SERVICE)\b",
        "je veux quitter cette liste",
    ),
    Rule(
        "asks to be left alone (fr)",
        60,
        "LAISSEZ LAISSE FOUTEZ FOUS FICHEZ FICHE LACHEZ LACHE LAISSER CRISSEZ CRISSE SACREZ SACRE",
        r"(?:MOI |NOUS |ME )(?:DONC |UN PEU |ENFIN )?(?:TRANQUIL\w*|EN PAIX|LA PAIX|(?:LA )?PATIENCE|LA GRAPPE|<END>)",
        "fichez-moi donc la paix",
    ),
    Rule(
        "asks to be left alone (fr)", 60, "OUBLIEZ OUBLIE PERDEZ", r"(?:MOI|NOUS|MON NUMERO|CE NUMERO)\b", "oubliez-moi"
    ),
    Rule(
        "asks to be left alone (fr)",
        60,
        "NE ME M NOUS",
        r"(?:(?:ME|NOUS|M|PLUS|PAS) )?(?:DERANGEZ|DERANGER|EMBETEZ|HARCELEZ|IMPORTUNEZ|ENNUYEZ)(?: PLUS| PAS)",
        "ne me dérangez plus",
    ),
    Rule(
        "asks to stop this (fr)",
        60,
        "MERCI",
        r"(?:DE |D )(?:CESSER|STOPPER|ARRETER)(?! (?:LE|LA|DE|AU|A|LES)\b)",
        "merci de cesser",
    ),
    Rule("asks to be unsubscribed (fr)", 40, "ETRE", r"(?:DESABONN\w+|DESINSCRIT\w*)\b", "je veux être désabonné"),
    Rule(
        "is out of a list (fr)",
        60,
        "ETRE",
        r"(?:RETIRE\w*|ENLEVE\w*|SUPPRIME\w*|RAYE\w*)\b",
        "je demande à être retirée",
    ),
    Rule(
        "asks to stop this (fr)",
        60,
        "VEUILLEZ DEMANDE PRIE PRIERE",
        r"(?:DE |D )?(?:CESSER|STOPPER|ARRETER)(?! (?:LE|LA|DE|AU|A|LES)\b)",
        "veuillez arrêter",
    ),
    Rule(
        "asks to be taken off (fr)",
        70,
        "SUPPRESSION RETRAIT EFFACEMENT",
        r"(?:DE |DES )?(?:MES |MON |CE )?(?:DONNEES|NUMERO|COORDONNEES|NOM|CONTACT)\b",
        "suppression de mon numéro",
    ),
    Rule(
        "ends the subscription (fr)",
        60,
        "JE",
        r"(?:LE |LA )?(?:RESILIE|ME DESABONNE"
        r"|ME DESINSCRIS)\b",
        "je résilie",
    ),
)
