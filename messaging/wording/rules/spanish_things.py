"""Spanish threats and displeasure, and what is ended that is no message; accents are folded before."""

from __future__ import annotations

from messaging.wording.rule import Rule

#: Verbs of writing to somebody.
SEND = (
    r"(?!\w+RON\b|\w+IO\b|MANDO\b|ENVIO\b)(?:MAND|ENVI|ESCRIB|CONTACT|MOLEST|TEXTE|TEXTI|MENSAJE|JOD|JOROB|CHING"
    r"|FREG|FASTIDI|ACOS|HOSTIG"
    r"|INSIST|LLEN|HART|BOMBARDE|SPAM|NOTIFI)\w{0,9}\b"
)
#: What is sent.
TEXTS = (
    r"(?:MENSAJ\w{1,6}|MSJS?|MSJES?|SMS|TEXTOS?|TEXTS?|PROMOCION(?:ES)?|PROMOS?|PUBLICIDAD|OFERTAS"
    r"|NOTIFICACION(?:ES)?|AVISOS|ALERTAS|SPAM"
    r"|PROPAGANDA|ANUNCIOS|COMUNICACION(?:ES)?|INFORMACION|PORQUERIAS?|BASURA|MAMADAS|PENDEJADAS|TONTERIAS"
    r"|CHINGADERAS|COSAS)\b"
)
#: Not followed by what else is taken off or cancelled.
NOT_A_THING = (
    r"(?!(?:DE )?UNA? (?!VEZ|BUENA|PUTA)|(?:LA|EL|LAS|LOS|ES[AE]|EST[AE]) (?:(?:PRIMER[AO]?|SEGUND[AO]|OTR[AO]|ULTIM[AO]) )?"
    r"(?:DUDA|CITA|TURNO|PEDIDO|ORDEN|CARGO|COBRO|RESERVA|CEBOLLA|BOLETOS?|ENTRADAS?|ASIENTOS?|LUGAR|PRODUCTO|ARTICULO)\b)"
)
THINGS = (
    Rule(
        "is fed up (es)",
        60,
        "HARTO HARTA HARTOS CANSADO CANSADA CANSADOS HASTA",
        rf"(?:YA )?(?:DE|CON|LA \w+ DE) (?:\w+ ){{0,2}}(?:{TEXTS}|{SEND})",
        "estoy harta de sus mensajes",
    ),
    Rule(
        "is fed up (es)",
        35,
        "HARTO HARTA HARTOS",
        r"(?:YA )?(?:DE |CON )?(?:USTEDES"
        r"|ESTO|<END>)",
        "me tienen harta",
    ),
    Rule("sends them away (es)", 30, "LARGO LARGUENSE PUDRANSE", "", "lárguense de aquí"),
    Rule(
        "threatens, over messages (es)",
        60,
        "MANDANDO ENVIANDO ESCRIBIENDO MENSAJE MENSAJES MOLESTANDO TEXTO",
        r"(?:MAS )?(?:\w+ |, ){0,6}(?:DENUNCI\w+|DEMAND\w+|ABOGADO|REPORT\w+|BLOQUE\w+|POLICIA)\b",
        "un mensaje más y los denuncio",
    ),
    Rule(
        "threatens with the law (es)",
        35,
        "DENUNCIO DENUNCIAR DENUNCIARE DEMANDARLOS ACOSO HOSTIGAMIENTO",
        "",
        "esto es acoso",
    ),
    Rule(
        "wants to block them (es)",
        35,
        "BLOQUEAR BLOQUEARE BLOQUEO BLOQUEARLOS",
        r"(?:ESTE|SU|<END>|EL NUMERO|\w+ <END>)",
        "los voy a bloquear",
    ),
    Rule(
        "asks for something else (es)",
        30,
        "PREFIERO MEJOR",
        r"(?:\w+ ){0,4}(?:CORREO|EMAIL|MAIL)\b",
        "prefiero por correo",
    ),
    Rule(
        "wants to come back (es)",
        -110,
        "AGREGUENME AGREGENME PONGANME VUELVANME REINSCRIBANME",
        "",
        "agréguenme otra vez",
    ),
    Rule("by mistake (es)", -60, "POR SIN", r"(?:ERROR|ACCIDENTE|QUERER|EQUIVOCACION)\b", "me di de baja por error"),
    Rule("another list (es)", -70, "LISTA", r"DE (?:ESPERA|INVITADOS|COMPRAS)\b", "la lista de espera"),
    Rule(
        "speaks of the past (es)",
        -70,
        "ME NOS",
        r"(?:BORRARON|QUITARON|SACARON|ELIMINARON|DIERON DE BAJA)\b",
        "¿me borraron de la lista?",
    ),
    Rule(
        "talks of ending another thing (es)",
        -40,
        "QUIERO NECESITO PUEDO QUISIERA TENGO PUEDEN QUERIA DEBO PODRIA GUSTARIA",
        r"(?:QUE )?(?:CANCELAR|QUITAR|ELIMINAR|BORRAR|ANULAR|PARAR) (?:\w+ ){0,2}(?:PEDIDO|CITA|RESERVA|RESERVACION"
        r"|ORDEN|TURNO|MESA|BOLETOS?|ENTRADAS?|CLASE|VUELO|ENVIO|PAGO"
        r"|ENTREGA|COMPRA|VISITA|MANCHA|HABITACION|CONTRATO|SEGURO)\b(?! DE MANANA\b)",
        "necesito cancelar la cita del martes",
    ),
    Rule(
        "does not get them (es)",
        -45,
        "NO",
        r"(?:ME |NOS )(?:MANDAN|ENVIAN|ESCRIBEN|CONTACTAN|MANDARON|ENVIARON|LLEGO|LLEGAN|LLEGARON)\b",
        "no me mandan nada",
    ),
    Rule(
        "threatens, over messages (es)",
        130,
        "SI",
        rf"(?:(?:ME|NOS|NO|VUELVEN|VUELVE|VUELVES|SIGUEN|SIGUES|SIGUE|A|DEJAN DE) ){{1,4}}(?:{SEND}) (?:\w+ "
        rf"|, ){{0,8}}(?:DENUNCI\w+|DEMAND\w+|ABOGADO|REPORT\w+"
        r"|BLOQUE\w+|POLICIA)\b",
        "si me vuelven a escribir los denuncio",
    ),
    Rule(
        "a dish (es)",
        -30,
        "QUITE QUITEN QUITA QUITAR",
        r"(?:LA|EL|LAS|LOS|LE) (?:LA |EL )?(?:CEBOLLAS?|QUESO|TOMATES?|PICANTE|SALSA|HIELO|MANCHAS?|ETIQUETAS?"
        r"|PEPINILLOS?)\b",
        "quite la cebolla",
    ),
    Rule(
        "not to be sent another thing (es)",
        -70,
        "NO",
        rf"(?:(?:ME|NOS|LE) )?{SEND} (?:(?:MAS|YA|TODAVIA|AUN) )?(?:LA|EL|LAS|LOS|MI|UN|UNA|NINGUNA?) "
        r"(?:PIZZAS?|PEDIDO|COMIDA|ORDEN|PAQUETE|FACTURA|CUENTA|RECIBO|REPARTIDOR|TAXI|CODIGO|BOLETOS?|ENTRADAS?|MESA)\b",
        "no me manden la pizza",
    ),
    Rule(
        "asks how to leave (es)",
        40,
        "COMO",
        r"(?:(?:HAGO|HACEMOS|HACER|LE|SE|PUEDO|ME|HACE|TENGO QUE) ){1,4}(?:PARA )?(?:NO RECIBIR|QUE (?:YA )?(?:NO|DEJEN))\b",
        "¿cómo hago para no recibir más?",
    ),
    Rule("somebody has died (es)", 25, "FALLECIO MURIO", "", "ya falleció"),
    Rule(
        "threatens, over messages (es)",
        100,
        "DENUNCIAR DENUNCIO DENUNCIARE DEMANDAR BLOQUEAR REPORTAR",
        r"(?:(?:A )?USTEDES |LOS )?SI (?:SIGUEN|VUELVEN|ME|NO DEJAN|NO PARAN)\b",
        "los voy a denunciar si siguen",
    ),
    Rule(
        "is annoyed (es)",
        35,
        "PINCHES PUTOS MALDITOS CHINGADOS JODIDOS PUTO MALDITO",
        rf"{TEXTS}",
        "malditos mensajes",
    ),
    Rule("is annoyed (es)", 25, "OTRA", r"VEZ (?:USTEDES|CON (?:LO|SUS))\b", "otra vez ustedes"),
    Rule(
        "wants only some (es)",
        30,
        "SOLO SOLAMENTE",
        rf"(?:QUIERO )?(?:QUE )?(?:ME )?{SEND} ",
        "solo mándenme las de carne",
    ),
    Rule("sends them away (es)", 60, "METANSE METETE METASE", rf"(?:\w+ ){{0,2}}{TEXTS}", "métanse sus mensajes"),
    Rule(
        "better a text than a call (es)",
        -60,
        "MEJOR PREFIERO SOLO",
        r"(?:(?:POR|UN|MANDE\w*|ENVIE\w*) ){0,2}(?:MENSAJE|TEXTO|WHATSAPP|SMS)\b",
        "mejor mensaje",
    ),
)
