"""Spanish rules; accents are folded before."""

from __future__ import annotations

from messaging.wording.rule import DOUBTFUL, Rule
from messaging.wording.rules.spanish_things import NOT_A_THING, THINGS
from messaging.wording.rules.spanish_wide import WIDE

_SEND = r"(?!\w+RON\b|\w+IO\b|MANDO\b)(?:MAND|ENVI|ESCRIB|CONTACT|MOLEST|TEXTE|MENSAJE)\w{0,7}\b"

_CLEAR = (
    Rule("asks not to be written to (es)", 70, "NO", rf"(?:ME|NOS|LE) (?:VUELV\w+ A )?{_SEND}", "No me escriban más"),
    Rule("asks not to be written to (es)", 70, "NO", rf"{_SEND} (?:ME )?<0-1>MAS\b", "no manden más mensajes"),
    Rule(
        "asks to stop messages (es)",
        70,
        "DEJEN DEJE DEJA DEJAR DEJENME DEJAME DEJEME PAREN PARE PARA PARENLE CESEN",
        rf"(?:YA )?DE (?:{_SEND}|JODER|FASTIDIAR|FREGAR|CHINGAR)",
        "Dejen de enviarme mensajes",
    ),
    Rule(
        "asks to stop messages (es)",
        70,
        "PAREN PARENLE PARE PARALE YA BASTA",
        r"(?:YA )?(?:CON|DE) <0-2><MENSAJES>",
        "ya basta de mensajes",
    ),
    Rule(
        "asks to stop messages (es)",
        70,
        "PAREN PARENLE BASTA",
        r"(?:YA )?(?:CON|DE) <0-2><MENSAJES>",
        "párenle ya con los mensajes",
    ),
    Rule(
        "does not want messages (es)",
        70,
        "NO",
        r"(?:QUIERO|QUEREMOS|DESEO|DESEAMOS|AUTORIZO|NECESITO|ME INTERESA) (?:(?!PERDER)\w+ ){0,5}<MENSAJES>",
        "No quiero recibir más mensajes",
    ),
    Rule("asks not to be written to (es)", 70, "NO", r"(?:ME|NOS) LLEGUEN?\b", "que ya no me lleguen estos mensajes"),
    Rule("asks that nothing more comes (es)", 70, "NO", rf"(?:ME )?{_SEND} NADA\b", "no me envíen nada más"),
    Rule("asks not to be written to (es)", 60, "NO", rf"(?:ME |NOS )?{_SEND} <END>", "no manden"),
    Rule(
        "does not want messages (es)",
        70,
        "NO",
        r"(?:QUIERO|DESEO|QUEREMOS) (?:ESTAR EN|SER CONTACTAD[OA]|QUE ME)\b",
        "no deseo ser contactado",
    ),
    Rule(
        "wants to leave (es)", 70, "SALIR SALIRME", r"DE <0-2>(?:LISTA|GRUPO|SISTEMA)\b", "quiero salirme de esta lista"
    ),
    Rule(
        "wants to leave (es)",
        70,
        "SOLICITO PIDO QUIERO NECESITO SOLICITAR TRAMITAR TRAMITEN GESTIONEN",
        r"(?:LA |MI )?BAJA\b(?! (?:EN|POR)\b)",
        "solicito la baja",
    ),
    Rule(
        "wants to leave (es)",
        60,
        ". ,",
        r"BAJA (?:DEL|DE (?:LA|MI|ESTA|SU) (?:LISTA|NUMERO|SUSCRIPCION))\b",
        "Baja del servicio",
    ),
    Rule(
        "no more messages (es)", 70, "ALTO", r"(?:A |CON |YA |LOS |SUS |ESTOS ){1,4}<MENSAJES>", "alto a los mensajes"
    ),
    Rule("no more messages (es)", 70, "NO NI", r"MAS <MENSAJES>", "no más mensajes"),
    Rule(
        "asks to be unsubscribed (es)",
        70,
        "DENME DEME DAME DARME DAR DANOS DARNOS",
        r"(?:\w+ )?DE BAJA\b",
        "Quiero darme de baja",
    ),
    Rule(
        "asks to be taken off (es)",
        70,
        (
            "QUITENME QUITEME QUITAME SAQUENME SAQUEME SACAME BORRENME BORREME BORRAME ELIMINENME "
            "ELIMINEME ELIMINAME QUITARME SACARME BORRARME ELIMINARME REMUEVANME RETIRENME"
        ),
        NOT_A_THING,
        "Quítenme de la lista",
    ),
    Rule(
        "asks to be taken off (es)",
        70,
        (
            "QUITEN QUITE QUITA SAQUEN BORREN BORRE BORRA ELIMINEN ELIMINE "
            "ELIMINA RETIREN REMUEVAN REMUEVA REMOVER QUITAR BORRAR ELIMINAR"
        ),
        r"(?:MI|ESTE|MIS) <0-1>(?:NUMERO|NOMBRE|TELEFONO|CELULAR|DATOS|CONTACTO)\b",
        "Eliminen mi número",
    ),
    Rule(
        "ends the subscription (es)",
        70,
        "CANCELAR CANCELEN CANCELE CANCELA ANULAR TERMINAR",
        r"(?:LA |MI |ESTA )?SUSCRIPCION\b",
        "cancelar suscripción",
    ),
    Rule(
        "asks to be unsubscribed (es)",
        70,
        "DESUSCRIBIR DESUSCRIBIRME DESUSCRIBANME DESUSCRIBEME DESINSCRIBIR DESINSCRIBIRME DESINSCRIBANME DESAPUNTARME",
        "",
        "desuscribirme",
    ),
    Rule(
        "asks to be left alone (es)",
        60,
        "DEJENME DEJEME DEJAME DEJENNOS",
        r"(?:YA )?(?:EN PAZ|TRANQUIL[OA])\b",
        "Déjenme en paz",
    ),
    Rule(
        "has asked before (es)",
        70,
        "DIJE PEDI RESPONDI CONTESTE ENVIE MANDE",
        r"(?:YA |QUE )?<0-2>(?:STOP|ALTO|BAJA|PARAR)\b",
        "ya respondí STOP",
    ),
)

_HINTS = (
    Rule("wrong number (es)", 35, "NUMERO TELEFONO", r"(?:EQUIVOCADO|INCORRECTO|ERRONEO)\b", "Número equivocado"),
    Rule("wrong number (es)", 35, "NO", r"(?:SOY|ES EL NUMERO DE) \w+ <END>", "no soy Pedro"),
    Rule("wrong number (es)", 35, "NO", r"ES (?:MI|EL|SU) NUMERO\b", "no es mi número"),
    Rule(
        "does not want something (es)", 30, "NO", r"(?:QUIERO|QUEREMOS) (?:ESTO|ESTOS|SABER NADA)\b", "no quiero esto"
    ),
    Rule(
        "asks where the number is from (es)",
        25,
        "DONDE COMO",
        r"<0-2>(?:SACARON|CONSIGUIERON|TIENEN|OBTUVIERON) MI NUMERO\b",
        "¿de dónde sacaron mi número?",
    ),
    Rule("not their number any more (es)", 30, "NUMERO TELEFONO", r"YA NO ES\b", "este número ya no es de Carmen"),
    Rule(
        "asks how to leave (es)",
        40,
        "COMO",
        r"(?:ME |PUEDO |SE |LE |LO )?(?:ME )?(?:PARO|DOY DE BAJA|CANCELO|SALGO|DETENGO|QUITO|PARAR|CANCELAR)\b",
        "¿Cómo paro esto?",
    ),
    Rule("is not interested (es)", 25, "NO", r"(?:ME|NOS) INTERESA\b(?! (?:EL|LA|ESE|ESA)\b)", "No me interesa"),
    Rule("is not interested (es)", 25, "NO", r"(?:ESTOY|ESTAMOS) INTERESAD\w+", "no estoy interesado"),
    Rule("wrong number (es)", 30, "NO", r"CONOZCO (?:A )?(?:ESA|ESE|NINGUN|ESTA)\b", "no conozco a esa persona"),
    Rule("too many (es)", 30, "DEMASIADOS MUCHOS TANTOS MENOS", "<MENSAJES>", "Demasiados mensajes"),
    Rule("asks for fewer (es)", 30, "NO", rf"{_SEND} <0-1><MENSAJES>", "No manden mensajes de noche"),
    Rule(
        "ends something (es)",
        30,
        "CANCELAR CANCELEN CANCELE QUITEN QUITE QUITAR ELIMINEN ELIMINAR BORREN",
        r"(?:(?:MI|MIS|LA|EL|UNA|UNO|LAS|LOS)\b|<END>)",
        "Cancelar mi pedido",
    ),
    Rule("never agreed (es)", 30, "NO", r"ME (?:REGISTRE|SUSCRIBI|INSCRIBI|APUNTE)\b", "Yo no me registré"),
    Rule("never agreed (es)", 25, "QUIEN", r"<0-2>(?:DIO|DIERON) MI NUMERO\b", "¿Quién les dio mi número?"),
    Rule("asks to stop calls (es)", 35, "DEJEN DEJE PAREN", r"DE LLAM\w+", "dejen de llamarme"),
    Rule("asks to stop calls (es)", 35, "NO", r"ME (?:LLAMEN|LLAMES|LLAME)\b", "no me llamen más"),
    Rule("sends them away (es)", 25, "VAYANSE VETE CHINGUEN CHINGA VAYASE", "", "váyanse al diablo"),
)

_AGAINST = (
    Rule(
        "says not to (es)",
        -110,
        "NO NUNCA",
        r"(?:ME |NOS |SE )?(?:PAREN|PARES|DEJEN|DEJES|DEN DE BAJA|QUITEN|BORREN|ELIMINEN|CANCELEN|PUEDO PARAR)\b",
        "no dejen de mandarme las ofertas",
    ),
    Rule(
        "only at times (es)",
        -60,
        "DE POR TAN LOS EN DESPUES ANTES",
        r"(?:NOCHE|LA NOCHE|TEMPRANO|TARDE|DOMINGOS?|FINES|LA MADRUGADA|DE LAS)\b",
        "no manden mensajes de noche",
        floor=DOUBTFUL,
    ),
    Rule(
        "only calls (es)", -60, "SOLO", r"(?:MENSAJES?|TEXTOS?)\b", "dejen de llamarme, solo mensajes", floor=DOUBTFUL
    ),
    Rule("supposes (es)", -60, "SI", r"(?:SUBEN|SIGUEN|ME|NO|LLEGA)\b", "si suben los precios", floor=DOUBTFUL),
    Rule("asks how (es)", -200, "COMO", r"(?:ME|SE|PUEDO)\b", "¿Cómo me doy de baja?", floor=DOUBTFUL),
    Rule(
        "a dish (es)",
        -30,
        "DE EN",
        r"(?:MI|LA|EL) (?:TORTA|TACOS?|PIZZA|HAMBURGUESA|ENSALADA|COMIDA)\b",
        "quiten la cebolla de mi torta",
    ),
)

SPANISH = (*_CLEAR, *WIDE, *_HINTS, *_AGAINST, *THINGS)
