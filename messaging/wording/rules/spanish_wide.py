"""Spanish wordings by class of meaning, with the forms of address of all regions; accents are folded before."""

from __future__ import annotations

from messaging.wording.rule import Rule
from messaging.wording.rules.spanish_things import NOT_A_THING, SEND, TEXTS


def _forms(stems: str, endings: str) -> str:
    """Every stem with every ending, as words a rule begins with."""
    return " ".join(f"{stem}{ending}" for stem in stems.split() for ending in endings.split())


_WISH_NOT = (
    r"(?:ESCRIB(?:AN|A|AS)(?:ME)?|MAND(?:EN|E|ES)(?:ME)?|ENVI(?:EN|E|ES)(?:ME)?|CONTACT(?:EN|E|ES)"
    r"|MOLEST(?:EN|E|ES)|TEXTEEN|TEXTEE|JODAN)\b"
)
_ENDS = _forms(
    "DEJ PAR CES SUSPEND DETEN DETENG TERMIN CORT ACAB FREN", "EN E A AD AR ANME ENME EME AME ENLE ALE ENSE ATE AN ER"
)
#: Of who takes something away: "quiten", "quíteme", "quítame", "quitame", "quitad", "quitarme", "me quitan"...
_AWAY = (
    "QUIT SAC SAQU BORR ELIMIN RETIR BAJ CANCEL DESUSCRIB DESCRIB DESAFILI DESAPUNT DESINSCRIB EXCLUY REMUEV "
    "REMOV BLOQUE BLOQU"
)
_AWAY_ME = "ENME EME AME ARME ERME IRME ANME ENNOS ENOS ANOS ARNOS ADME ARSE IME"
_AWAY_ALL = "EN E A AR AD AN ER ES IR AS"
WIDE = (
    Rule(
        "gives no permission (es)",
        60,
        "NO NUNCA",
        r"(?:(?:LES|LE|DOY|DI|TIENEN|TIENE|MI|HE"
        r"|DADO) ){1,3}(?:PERMISO|AUTORIZACION"
        r"|CONSENTIMIENTO)\b",
        "no doy permiso",
    ),
    Rule(
        "revokes consent (es)",
        70,
        "RETIRO REVOCO",
        r"(?:MI |EL )?(?:PERMISO|AUTORIZACION"
        r"|CONSENTIMIENTO)\b",
        "revoco mi consentimiento",
    ),
    Rule("enough (es)", 30, ". ,", r"YA NO <END>", "ya no"),
    Rule(
        "asks to stop messages (es)",
        70,
        _ENDS,
        rf"(?:YA |POR FAVOR )?DE (?:UNA (?:VEZ|PUTA VEZ) )?(?:ESTAR |ESTARME |ANDAR |SEGUIR )?(?:ME "
        rf"|NOS )?(?:{SEND}|\w+ (?:CON )?(?:SUS|ESTOS"
        rf"|TANTOS|ESOS) {TEXTS})",
        "dejen de estar fregando con sus mensajes",
    ),
    Rule(
        "asks to stop messages (es)",
        70,
        f"{_ENDS} BASTA SUFICIENTE YA CANCELEN CANCELE CANCELA CANCELAR CANCELAME CANCELENME QUITEN QUITA QUITENME "
        f"QUITAME DESACTIVEN "
        "DESACTIVAR DESACTIVA ELIMINEN ELIMINAR APAGUEN",
        rf"(?:YA )?(?:(?:CON|DE|TODOS|TODAS|TODO|LOS|LAS|EL|LA|SUS|ESTOS|ESOS|ESTAS|TANTOS|TANTA) ){{1,3}}{TEXTS}",
        "cancelen los mensajes",
    ),
    Rule(
        "asks not to be written to (es)",
        70,
        "NO NI NUNCA JAMAS",
        rf"(?:MAS |YA |VUELV\w+ A |ME |NOS |LE |SIGAN |SIGA |QUIERO QUE ){{0,4}}{SEND} (?:(?!DE|EL"
        rf"|LA)\w+ ){{0,2}}(?:MAS|NUNCA|JAMAS|NADA|OTRA VEZ)\b",
        "no vuelvan a escribirme nunca más",
    ),
    Rule(
        "asks not to be written to (es)",
        70,
        "NO",
        rf"(?:MAS |YA )?(?:SIGAN |SIGAS |SIGA |VUELVAN A |VUELVA A |VUELVAS A )(?:ME )?{SEND}",
        "no sigan molestando",
    ),
    Rule(
        "asks to be left alone (es)",
        60,
        "NO",
        r"(?:ME |NOS )?(?:MOLESTEN|MOLESTE|MOLESTES|MOLESTAR|JODAN|JODAS|FREGUEN|CHINGUEN|FASTIDIEN)\b",
        "No molesten",
    ),
    Rule(
        "asks not to be written to (es)",
        60,
        "YA NUNCA JAMAS",
        rf"(?:NO |MAS |JAMAS ){{0,2}}(?:ME |NOS |MAS |LE ){{0,2}}{_WISH_NOT}",
        "ya no manden",
    ),
    Rule(
        "does not want messages (es)",
        70,
        "NO NI TAMPOCO",
        r"(?:QUIERO|QUEREMOS|DESEO|DESEAMOS|NECESITO|QUISIERA) (?:MAS )?(?:RECIBIR|QUE ME (?:SIGAN|MANDEN|ENVIEN"
        r"|ESCRIBAN|CONTACTEN)|SER "
        r"CONTACTAD\w+|SEGUIR RECIBIENDO|SABER (?:NADA|MAS)|NADA (?:MAS|DE)|SUS|MAS <END>|SEGUIR EN|FORMAR PARTE)",
        "no deseo seguir recibiendo esto",
    ),
    Rule(
        "does not want messages (es)",
        60,
        "YA",
        r"NO (?:LOS |LO |LAS |ME )?(?:QUIERO|QUEREMOS|DESEO|INTERESAN?|NECESITO) (?:<END>|NADA|ESTOS?|SUS|RECIBIR"
        r"|MAS|SABER|QUE|SER|ESTAR)",
        "ya no me interesa",
    ),
    Rule(
        "does not want messages (es)",
        60,
        "NO",
        rf"(?:ME INTERESAN?|NOS INTERESAN?|(?:ESTOY|ESTAMOS) INTERESAD\w+ EN) (?:(?:RECIBIR|SUS|ESTOS|ESTAS|LOS|LAS"
        rf"|TUS|MAS) ){{1,3}}{TEXTS}",
        "no me interesan sus promociones",
    ),
    Rule(
        "no more messages (es)",
        70,
        "NI NO BASTA",
        rf"(?:(?:UN|UNA|UNO|DE|YA|SOLO) )?(?:MAS )?{TEXTS} (?:MAS|YA|NUNCA)\b",
        "ni un mensaje más",
    ),
    Rule(
        "no more messages (es)",
        70,
        "NO",
        rf"MAS (?:DE )?(?:SUS |TUS |ESTOS |ESTAS )?{TEXTS}",
        "no más de sus promociones",
    ),
    Rule(
        "asks to be unsubscribed (es)",
        70,
        _forms("D", "ENME EME AME ADME ARME AR ANOS ENOS EN E A ARSE ARNOS OY ESE EMOS"),
        r"(?:YA |DE |POR FAVOR |ME )?(?:\w+ )?(?:DE |LA )BAJA\b(?! (?:MI|LA|EL|UN|UNA) (?!NUMERO|TEL|CEL"
        r"|SUSCRIPCION|LINEA))",
        "dadme de baja",
    ),
    Rule(
        "asks to be unsubscribed (es)",
        70,
        "ME NOS",
        r"(?:DEN|DA|DAS|DAN|DES|DE|PUEDEN DAR|PONGAN) DE BAJA\b",
        "que me den de baja",
    ),
    Rule(
        "asks to be taken off (es)",
        70,
        _forms(_AWAY, _AWAY_ME),
        NOT_A_THING,
        "sáquenme ya",
    ),
    Rule(
        "asks to be taken off (es)",
        70,
        _forms(_AWAY, _AWAY_ALL) + " DAR BLOQUEEN PIERDAN PIERDE PIERDA OLVIDEN OLVIDENSE OLVIDA OLVIDATE OLVIDESE",
        r"(?:YA |DE )?(?:A )?(?:MI|ESTE|MIS|ESE) <0-1>(?:NUMERO|NUM|NOMBRE|TELEFONO|TEL|CELULAR|CEL|MOVIL|DATOS"
        r"|CONTACTO|LINEA)\b",
        "saca mi numero",
    ),
    Rule(
        "asks to be taken off (es)",
        70,
        "ME NOS",
        r"(?:PUED\w+ |PODRIA\w* |QUIERO |GUSTARIA |PUEDO )?(?!\w+RON\b)(?:QUIT|SAC|SAQU|BORR|ELIMIN|RETIR|SALIR"
        r"|DESUSCRIB|DESAPUNT|DESINSCRIB|REMUEV)\w{0,4} (?:YA )?(?:DE|DEL)"
        r" (?:\w+ ){0,2}(?:LISTA|LISTAS|GRUPO|SISTEMA|BASE|AQUI|ESTO|SERVICIO|REGISTRO|REGISTROS)\b",
        "¿me quita de la lista?",
    ),
    Rule(
        "asks to be taken off (es)",
        60,
        "OLVIDENSE OLVIDENME OLVIDEN OLVIDATE OLVIDESE",
        r"(?:DE )?(?:MI|MIS|NOSOTROS)\b",
        "olvídense de mí",
    ),
    Rule(
        "wants to leave (es)",
        70,
        "SALIR SALIRME SALGO BORRARME QUITARME RETIRARME ELIMINARME",
        r"(?:YA )?(?:DE|DEL) <0-2>(?:LISTA|GRUPO|SISTEMA|SERVICIO|ESTO|AQUI|CHAT|PROGRAMA)\b",
        "quiero salir de esto",
    ),
    Rule(
        "enough (es)",
        60,
        ". ,",
        r"YA (?:BASTA|ESTUVO|PAREN(?:LE)?|DEJEN(?:ME)?|DETENGANSE)(?: \w+){0,2} <END>",
        "¡Ya basta!",
    ),
    Rule("enough (es)", 30, ". ,", r"(?:YA )?(?:SUFICIENTE|BASTA)\b", "suficiente"),
    Rule(
        "asks to be left alone (es)",
        60,
        "DEJENME DEJEME DEJAME DEJENNOS DEJADME DEJANOS",
        r"(?:YA )?(?:<END>|EN PAZ|TRANQUIL\w+|EN PAS)",
        "ya déjenme",
    ),
    Rule(
        "asks not to be written to (es)",
        70,
        "NO",
        rf"(?:ME |NOS )?(?:ESTEN|ESTES|ESTE|ANDEN) (?:\w+ )?{SEND}",
        "no me estén mandando nada",
    ),
    Rule("wants to leave (es)", 60, ". ,", r"(?:DE |LA )BAJA(?: POR FAVOR| YA| GRACIAS)? <END>", "de baja por favor"),
    Rule("asks to stop this (es)", 60, "ALTO", r"(?:YA )?(?:A|CON) (?:ESTO|TODO|ESTOS)\b", "alto a esto"),
    Rule(
        "does not want messages (es)",
        60,
        "DEJAR DEJEN DEJE DEJA",
        r"DE (?:RECIBIR|RECIBIENDO|LLEGAR\w*)\b",
        "quiero dejar de recibir esto",
    ),
    Rule(
        "does not want messages (es)",
        60,
        "YA",
        r"NO (?:ESTOY|ESTAMOS) INTERESAD\w+(?! EN (?:EL|LA|UN))",
        "ya no estoy interesado",
    ),
    Rule(
        "asks not to be written to (es)",
        60,
        "FAVOR DE FAVOR SOLICITO PIDO",
        r"(?:DE )?NO (?:ME |SEGUIR |VOLVER A ){0,2}(?:MANDAR|ENVIAR|ESCRIBIR|MOLESTAR|CONTACTAR)\w{0,3}\b",
        "favor de no mandar mensajes",
    ),
    Rule(
        "ends the subscription (es)",
        70,
        "ANULEN ANULE ANULA SUSPENDAN SUSPENDER SUSPENDE TERMINEN TERMINA DETENGAN CANCELENME",
        r"(?:LA |MI |ESTA )?SUSCRIPCION\b",
        "anulen mi suscripción",
    ),
    Rule(
        "asks to stop messages (es)",
        70,
        "DESACTIVAR DESACTIVEN DESACTIVA APAGAR APAGUEN",
        rf"(?:LOS |LAS |SUS )?{TEXTS}",
        "desactivar mensajes",
    ),
    Rule("wants to leave (es)", 60, ". ,", r"(?:QUIERO )?SALIRME(?: YA)? <END>", "salirme"),
    Rule(
        "enough (es)",
        60,
        "YA",
        r"(?:PAREN(?:LE)?|PARALE|PARENLO|DEJEN(?:ME)?|ESTUVO(?: BUENO)?) <END>",
        "pinches mensajes ya párenle",
    ),
    Rule("no more messages (es)", 60, "YA", rf"NO (?:MAS )?{TEXTS}", "ya no texts por favor"),
)
