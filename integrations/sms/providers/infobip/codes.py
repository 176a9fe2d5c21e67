"""Infobip's status and error codes: what each means for a message, and what a person does next.

Source: Infobip's "Response status and error codes". A status tells how far a message came and is in every reply, report and
log; an error tells why a delivery failed and is in reports and logs only. The same number means different things in the
two lists, so our codes say which one it is: ``status_52``, ``error_27``.
"""

from __future__ import annotations

from dataclasses import replace

from integrations.sms.errors import ErrorKind, SendError
from integrations.sms.events import DeliveryState

#: Statuses of a message that Infobip took, in our words.
TAKEN: dict[int, DeliveryState] = {
    26: DeliveryState.ACCEPTED,
    3: DeliveryState.SENT,
    7: DeliveryState.SENT,
    # With the operator, not on the phone yet: a further report may follow.
    2: DeliveryState.SENT,
    # No operator ever reported. It may have arrived, so this is not a failure.
    29: DeliveryState.SENT,
    5: DeliveryState.DELIVERED,
}
#: What a status means that is not in the tables, by its group. ACCEPTED is in the description, not in the list of codes.
GROUPS: dict[str, DeliveryState] = {
    "ACCEPTED": DeliveryState.ACCEPTED,
    "PENDING": DeliveryState.ACCEPTED,
    "DELIVERED": DeliveryState.SENT,
    "UNDELIVERABLE": DeliveryState.UNDELIVERED,
    "EXPIRED": DeliveryState.UNDELIVERED,
    "REJECTED": DeliveryState.FAILED,
}
GROUP_NAMES: dict[int, str] = {
    0: "ACCEPTED",
    1: "PENDING",
    2: "UNDELIVERABLE",
    3: "DELIVERED",
    4: "EXPIRED",
    5: "REJECTED",
}
FAILURES = frozenset({DeliveryState.UNDELIVERED, DeliveryState.FAILED})
#: Infobip has a message with this id already, which is the same message: what became of that one is what counts.
DUPLICATE_ID = 23


def _refused(status: int, text: str, *, opts_out: bool = False, bad_number: bool = False) -> tuple[int, SendError]:
    code = f"status_{status}"
    return status, SendError(ErrorKind.REJECTED, code, text, opts_out=opts_out, bad_number=bad_number)


def _stops_gateway(status: int, text: str) -> tuple[int, SendError]:
    return status, SendError(ErrorKind.NOT_SENT, f"status_{status}", text, stops_gateway=True)


def _stops_number(status: int, text: str) -> tuple[int, SendError]:
    return status, SendError(ErrorKind.NOT_SENT, f"status_{status}", text, stops_number=True)


_SUPPORT = "Ask Infobip's support for the reason."

#: How each status is classified in the reply to a send. Their texts are complete, so that equal failures read alike.
SEND_ERRORS: dict[int, SendError] = dict(
    (
        _refused(4, f"The recipient's operator refused the message. {_SUPPORT}"),
        _refused(6, "The recipient's network is not covered. Have it enabled for the Infobip account."),
        _refused(8, "The recipient's number has a wrong prefix or length. Correct it.", bad_number=True),
        _refused(9, "The message could not be delivered. Check that the recipient's number is still in use."),
        _refused(10, "The recipient's number is on a do-not-disturb list. Ask them for another way to reach them."),
        _stops_number(11, "Infobip does not send from this sender. Register it for the Infobip account, then resume."),
        _stops_gateway(12, "The Infobip account is out of credit. Top it up, then resume."),
        _stops_number(13, "The sender is on the Infobip account's blocklist. Take it off, then resume."),
        _refused(
            14,
            "The recipient is on the blocklist, as those are who have opted out. They can opt in again.",
            opts_out=True,
        ),
        _refused(15, "The message could not be delivered before it expired. Try again later."),
        _stops_gateway(17, "The Infobip account's credit has expired. Top it up, then resume."),
        _refused(18, "An Infobip trial account texts registered numbers only. Upgrade it or register the number."),
        _refused(19, "The Infobip account has no route to the recipient. Have one set up."),
        _refused(20, "The recipient was sent too many messages within the hour. Send fewer, or have the limit raised."),
        (
            21,
            SendError(
                ErrorKind.THROTTLED,
                "status_21",
                "Infobip refused the message for a fault of its own. It is sent again by itself.",
            ),
        ),
        (
            DUPLICATE_ID,
            SendError(
                ErrorKind.UNKNOWN,
                f"status_{DUPLICATE_ID}",
                "Infobip has had this message before. Await its delivery report or look it up.",
            ),
        ),
        _refused(24, "The message was not formed as Infobip wants it. Tell whoever runs this system."),
        _refused(25, "The text is longer than Infobip takes. Shorten it."),
        _refused(31, f"Infobip took the message and did not send it. {_SUPPORT}"),
        _refused(51, "The message had no recipient. Correct the recipient's number."),
        _refused(52, "The recipient's number is not a valid phone number. Correct it.", bad_number=True),
        _refused(87, "Infobip's fraud protection stopped the message. Have the recipient's number trusted."),
        _refused(100, f"Infobip's platform refused the message. {_SUPPORT}"),
    )
)


def _failed(error: int, text: str, *, opts_out: bool = False, bad_number: bool = False) -> tuple[int, SendError]:
    code = f"error_{error}"
    return error, SendError(ErrorKind.REJECTED, code, text, opts_out=opts_out, bad_number=bad_number)


_OPTED_OUT = "The recipient has opted out. They can text START to receive messages again."
_NO_TEXTS = "The recipient's number cannot receive texts. Ask for another one."
_OUT_OF_REACH = "The recipient's phone is off or out of reach. Try again later."
_FILTERED = "The carrier filtered the message as unwanted. Review the text, its links and the consent."
_BLOCKED = "The recipient's network blocks the message. Ask them for another way to reach them."
_TOO_MUCH = "The sender's limit at the carrier is used up. Send slower, send the rest tomorrow or have it raised."
_SHORT_CODE = (
    "The recipient's network does not take messages of this short code. Have it set up, or use another number."
)

#: Words for a failed delivery, by the error's code.
DELIVERY_ERRORS: dict[int, SendError] = dict(
    (
        _failed(1, "The recipient's number is unknown to its network. Check that it is still in use."),
        _failed(5, "The recipient's number is unknown to its network. Check that it is still in use."),
        _failed(6, _OUT_OF_REACH),
        _failed(9, _BLOCKED),
        _failed(11, _NO_TEXTS, bad_number=True),
        _failed(13, "The recipient's network has suspended their service. Try again later."),
        _failed(27, _OUT_OF_REACH),
        _failed(31, _OUT_OF_REACH),
        _failed(32, _OUT_OF_REACH),
        _failed(255, "The carrier gave no reason for the failure. Try again later."),
        _failed(256, "The recipient's phone has no room for more messages. Try again later."),
        _failed(351, "The recipient's number is not in use, or not on its network. Check it."),
        _failed(352, "The recipient's country is not known. Correct the number.", bad_number=True),
        _failed(355, "The text is longer than the carrier takes. Shorten it."),
        _failed(488, "The toll-free number is not verified. Have it verified before more is sent from it."),
        _failed(541, _TOO_MUCH),
        _failed(542, _TOO_MUCH),
        _failed(560, _BLOCKED),
        _failed(561, _FILTERED),
        _failed(562, _SHORT_CODE),
        _failed(563, _SHORT_CODE),
        _failed(564, _SHORT_CODE),
        _failed(565, _SHORT_CODE),
        _failed(566, _BLOCKED),
        _failed(568, _NO_TEXTS, bad_number=True),
        _failed(569, "The recipient's network has suspended their service. Try again later."),
        _failed(572, "The number's campaign is not registered with the carrier. Register it before more is sent."),
        _failed(573, _OPTED_OUT, opts_out=True),
        _failed(581, "The recipient has no credit left to receive messages. Try again later."),
        _failed(603, _OPTED_OUT, opts_out=True),
        _failed(607, _FILTERED),
        _failed(629, _NO_TEXTS, bad_number=True),
        _failed(2050, "The recipient's number is on a do-not-disturb list. Ask them for another way to reach them."),
        _failed(2052, SEND_ERRORS[14].text, opts_out=True),
        _failed(3041, "The recipient's number has been given up. Ask for another one.", bad_number=True),
        _failed(4099, "The Infobip account's monthly limit is reached. Have it raised."),
        _failed(4101, SEND_ERRORS[15].text),
        _failed(4103, SEND_ERRORS[20].text),
        _failed(4104, SEND_ERRORS[20].text),
        _failed(4202, _TOO_MUCH),
    )
)


def send_error(status: int, reason: str) -> SendError:
    """What a refusal in the reply to a send means.

    Args:
        status: Infobip's code, -1 if it gave none.
        reason: Infobip's own words, used when the code is not in the table.
    """
    return SEND_ERRORS.get(status) or _unknown_refusal("refused", f"status_{status}" if status >= 0 else "", reason)


def delivery_error(status: int, error: int, reason: str = "") -> SendError:
    """What a failed delivery means: the message has gone, so nothing stops and nothing is sent again.

    Args:
        status: code of the status, -1 if there is none.
        error: code of the error, 0 or less if there is none.
        reason: Infobip's own words, used when neither code is in the tables.
    """
    known = DELIVERY_ERRORS.get(error)
    if known is not None:
        return known
    if error > 0:
        return _unknown_refusal("could not deliver", f"error_{error}", reason)
    known = SEND_ERRORS.get(status)
    if known is not None:
        return replace(known, kind=ErrorKind.REJECTED, stops_gateway=False, stops_number=False)
    return _unknown_refusal("could not deliver", f"status_{status}" if status >= 0 else "", reason)


def _unknown_refusal(what: str, code: str, reason: str) -> SendError:
    said = reason.strip().rstrip(".")[:200] or "it gave no reason"
    label = f"{code.replace('_', ' ')}: " if code else ""
    text = f"Infobip {what} the message ({label}{said}). Infobip's list of status and error codes tells what to do."
    return SendError(ErrorKind.REJECTED, code[:32] or "refused", text)
