"""Sinch's statuses and codes in delivery reports: what each means for a message, and what a person does next.

Sources: "Delivery report statuses" and "Delivery report error codes" of the SMS API, the list of status reports' error codes that
it shares with Sinch's SMPP service, and Sinch's article on STOP at toll-free numbers (257). Codes below 100 mean different things
on Sinch's older and newer platforms, so of those only the screening errors are here, which are the same on both.
"""

from __future__ import annotations

from integrations.sms.errors import ErrorKind, SendError
from integrations.sms.events import DeliveryState

#: Every status there is, in our words. Reports have them capitalised; newer parts of Sinch write them in capitals.
STATES: dict[str, DeliveryState] = {
    "QUEUED": DeliveryState.ACCEPTED,
    "DISPATCHED": DeliveryState.SENT,
    # With the carrier, which never said more: it may have arrived, so this is not a failure.
    "UNKNOWN": DeliveryState.SENT,
    "DELIVERED": DeliveryState.DELIVERED,
    "FAILED": DeliveryState.UNDELIVERED,
    "EXPIRED": DeliveryState.UNDELIVERED,
    "DELETED": DeliveryState.UNDELIVERED,
    # These never reached the carrier.
    "ABORTED": DeliveryState.FAILED,
    "REJECTED": DeliveryState.FAILED,
    "CANCELLED": DeliveryState.FAILED,
    "CANCELED": DeliveryState.FAILED,
}
FAILURES = frozenset({DeliveryState.UNDELIVERED, DeliveryState.FAILED})


def _failed(code: int, text: str, *, opts_out: bool = False, bad_number: bool = False) -> tuple[int, SendError]:
    return code, SendError(ErrorKind.REJECTED, str(code), text, opts_out=opts_out, bad_number=bad_number)


_SUPPORT = "Ask Sinch's support for the reason."
_OUT_OF_REACH = "The recipient's phone is off or out of reach. Try again later."
_NO_TEXTS = "The recipient's number cannot receive texts. Ask for another one."
_NOT_IN_USE = "The recipient's number is unknown to its network. Check that it is still in use."
_NO_ROOM = "The recipient's phone has no room for more messages. Try again later."
_BARRED = "The recipient's network blocks the message. Ask them for another way to reach them."
_NETWORK = "The recipient's network had a fault. Try again later."
_INVALID = "The recipient's number is not a valid phone number. Correct it."
_SENDER = "Sinch does not send from this number to this recipient. Have it enabled for the service plan."

#: Words for a failed delivery, by its code. The message has gone: nothing stops, nothing is sent again.
DELIVERY_ERRORS: dict[int, SendError] = dict(
    (
        _failed(60, "Sinch blocks the sending number. Ask its support for the reason."),
        _failed(61, "Sinch blocks the recipient's number. Ask them for another way to reach them."),
        _failed(62, "Sinch filtered the message for its words. Review the text, its links and the consent."),
        _failed(
            64,
            "The sending number's quota is used up, or it is a toll-free number that is not verified. "
            "Have it verified, or the quota raised.",
        ),
        _failed(100, _NOT_IN_USE),
        _failed(102, _NETWORK),
        _failed(107, _NETWORK),
        _failed(150, _NOT_IN_USE),
        _failed(151, _BARRED),
        _failed(152, _NO_TEXTS, bad_number=True),
        _failed(153, _OUT_OF_REACH),
        _failed(155, _NETWORK),
        _failed(158, _NO_ROOM),
        _failed(159, _OUT_OF_REACH),
        _failed(200, _NOT_IN_USE),
        _failed(201, _OUT_OF_REACH),
        _failed(202, _OUT_OF_REACH),
        _failed(203, _NETWORK),
        _failed(205, _BARRED),
        _failed(206, _BARRED),
        _failed(207, _NETWORK),
        _failed(210, _NO_ROOM),
        _failed(
            257,
            "The recipient has opted out of this number. They can text START or UNSTOP to receive messages again.",
            opts_out=True,
        ),
        _failed(300, _INVALID, bad_number=True),
        _failed(301, _INVALID, bad_number=True),
        _failed(302, _INVALID, bad_number=True),
        _failed(310, _SENDER),
        _failed(311, _SENDER),
        _failed(312, _SENDER),
        _failed(402, f"Sinch has no route to the recipient. {_SUPPORT}"),
        _failed(403, "Sinch had a fault of its own and did not send the message. Try again later."),
        _failed(404, "Sinch could not hand the message over. Try again later."),
        _failed(405, "Sinch found no text for this recipient. Tell whoever runs this system."),
        _failed(406, "The message expired before Sinch had sent it. Try again later."),
        _failed(407, "The message was cancelled at Sinch. Ask whoever uses the same service plan."),
        _failed(408, f"Sinch refused the message. {_SUPPORT}"),
        _failed(410, _SENDER),
        _failed(411, "The message has more segments than Sinch was told to send. Shorten it."),
        _failed(412, "The service plan may not send to the recipient's country. Have it enabled at Sinch."),
        _failed(413, "Sinch blocks the account, perhaps for lack of credit. Top it up or ask Sinch's support."),
    )
)


def delivery_error(status: str, code: int) -> SendError:
    """What a failed delivery means.

    Args:
        status: Sinch's word.
        code: Sinch's code, below 0 if it gave none.
    """
    known = DELIVERY_ERRORS.get(code)
    if known is not None:
        return known
    number = str(code) if code > 0 else status.lower()
    text = (
        f"Sinch could not deliver the message (status {status}, code {code}). "
        "Sinch's list of delivery report error codes tells what to do."
    )
    return SendError(ErrorKind.REJECTED, number[:32], text)
