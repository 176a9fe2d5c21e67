"""Twilio's error codes: what each means for a message, and what a person does next.

Source: Twilio's "Error and Warning Dictionary". Codes that are missing here are classified by their HTTP status.
"""

from __future__ import annotations

from integrations.sms.errors import ErrorKind, SendError


def _rejected(code: str, text: str, *, opts_out: bool = False, bad_number: bool = False) -> SendError:
    return SendError(ErrorKind.REJECTED, code, text, opts_out=opts_out, bad_number=bad_number)


def _stops_gateway(code: str, text: str) -> SendError:
    return SendError(ErrorKind.NOT_SENT, code, text, stops_gateway=True)


def _stops_number(code: str, text: str) -> SendError:
    return SendError(ErrorKind.NOT_SENT, code, text, stops_number=True)


def _throttled(code: str, text: str) -> SendError:
    return SendError(ErrorKind.THROTTLED, code, text)


_CREDENTIALS = "Twilio refused the credentials. Check the account SID and the auth token or API key, then resume."
_SUSPENDED = "The Twilio account is suspended or closed. Settle it in the Twilio Console, then resume."
_SENDER = (
    "Twilio does not send from this number. Check that the number belongs to this Twilio account, can send texts and "
    "may text the recipients' country, then resume."
)
_REGISTRATION = "Register the number's traffic with Twilio before more is sent from it."

#: Codes that concern the recipient or the text. Their texts are complete: they do not quote Twilio's wording, so
#: that equal failures read alike.
_MESSAGE_ERRORS = (
    _rejected("21211", "The recipient's number is not a valid phone number. Correct it.", bad_number=True),
    _rejected("21217", "The recipient's number is not a valid phone number. Correct it.", bad_number=True),
    _rejected(
        "21408", "The recipient's country is not enabled. Allow it in Twilio's Messaging Geographic Permissions."
    ),
    _rejected("21602", "The message was empty. Give it a text or a media link."),
    _rejected("21604", "The message had no recipient. Correct the recipient's number."),
    _rejected("21608", "A Twilio trial account texts verified numbers only. Upgrade the account or verify the number."),
    _rejected("21610", "The recipient has opted out. They can text START to receive messages again.", opts_out=True),
    _rejected("21612", "Twilio has no route from this number to the recipient. Send from another number."),
    _rejected("21614", "The recipient's number is not a mobile number. Ask for another one.", bad_number=True),
    _rejected("21617", "The text is longer than 1,600 characters. Shorten it."),
    _rejected("21619", "The message was empty. Give it a text or a media link."),
    _rejected("21620", "A media link is not valid. Correct it."),
    _rejected("21623", "There are more than 10 media links. Remove some."),
    _rejected("21635", "The recipient's number is a landline. Ask for a mobile number.", bad_number=True),
)

_GATEWAY_ERRORS = (
    _stops_gateway("10001", _SUSPENDED),
    _stops_gateway("20003", _CREDENTIALS),
    _stops_gateway("20005", _SUSPENDED),
    _stops_gateway("20008", "These are Twilio's test credentials. Enter the live ones, then resume."),
    _stops_gateway(
        "20403", "The credentials may not send messages. Give the API key that right in the Console, then resume."
    ),
    _stops_gateway(
        "20404", "Twilio does not know this account or address. Check the account SID and base URL, then resume."
    ),
    _stops_gateway("21609", "Twilio cannot call our public URL. Set it to an address it can reach, then resume."),
    _stops_gateway("21703", "The messaging service has no senders. Add one in the Twilio Console, then resume."),
    _stops_gateway("21704", "The messaging service has no senders. Add one in the Twilio Console, then resume."),
    _stops_gateway("21705", "Twilio does not know the messaging service. Correct its SID, then resume."),
    _stops_gateway("30002", _SUSPENDED),
    _stops_gateway(
        "63038", "The Twilio account's daily limit of messages is reached. Have it raised or resume tomorrow."
    ),
    _stops_gateway("90010", _SUSPENDED),
)

_NUMBER_ERRORS = (
    _stops_number("21212", _SENDER),
    _stops_number("21601", _SENDER),
    _stops_number("21603", "The message had no sender. Choose a number for it, then resume."),
    _stops_number("21606", _SENDER),
    _stops_number("21659", _SENDER),
    _stops_number("21660", _SENDER),
    _stops_number("21661", _SENDER),
)

_THROTTLE_ERRORS = (
    _throttled("20429", "Twilio took too many requests at once. They are sent again by themselves."),
    _throttled("21611", "The number's queue at Twilio is full. The message is sent again by itself."),
)

#: How each code is classified in the reply to a send.
SEND_ERRORS: dict[str, SendError] = {
    error.code: error for error in (*_MESSAGE_ERRORS, *_GATEWAY_ERRORS, *_NUMBER_ERRORS, *_THROTTLE_ERRORS)
}

#: Failures after Twilio took the message: in callbacks, and in a message's ``error_code``.
_DELIVERY_ERRORS = (
    _rejected("30001", "The message waited too long in the number's queue. Send slower from this number."),
    _rejected("30002", _SUSPENDED),
    _rejected("30003", "The recipient's phone is off or out of reach. Try again later."),
    _rejected("30004", "The recipient's network or phone blocks the message. Ask them for another way to reach them."),
    _rejected("30005", "The recipient's number is unknown to its network. Check that it is still in use."),
    _rejected("30006", "The recipient's number is a landline or out of reach. Ask for a mobile one.", bad_number=True),
    _rejected("30007", "The carrier filtered the message as unwanted. Review the text, its links and the consent."),
    _rejected("30008", "The carrier gave no reason for the failure. Try again later."),
    _rejected("30022", "The brand's message rate at the carrier is used up. Send slower or have it raised."),
    _rejected("30023", "The brand's daily limit at the carrier is used up. Send the rest tomorrow."),
    _rejected("30027", "T-Mobile's daily limit for the brand is used up. Send the rest tomorrow."),
    _rejected("30032", f"The toll-free number is not verified. {_REGISTRATION}"),
    _rejected("30034", f"The number is not registered for 10DLC. {_REGISTRATION}"),
    _rejected("canceled", "The message was cancelled at Twilio before it was sent."),
)

#: Words for a failed delivery, by code; refusals of a send can turn up here too.
DELIVERY_ERRORS: dict[str, SendError] = {
    **{error.code: error for error in _MESSAGE_ERRORS},
    **{error.code: error for error in _DELIVERY_ERRORS},
}

_PAPERS = (
    "Numbers of this country need an address or documents. Give them in the Twilio Console, or choose a number of another "
    "country."
)
#: Refusals outside sending; the hint says what to do next.
HINTS: dict[str, str] = {
    "20003": "Check the gateway's account SID and auth token or API key.",
    "20404": "It may be gone already, or belong to another Twilio account.",
    "20429": "Wait a moment and try again.",
    "21421": "Check the phone number.",
    "21422": "Somebody else may have taken the number. Search again and choose another one.",
    "21452": "Search again with another area code.",
    **dict.fromkeys(("21615", "21628", "21631", "21649"), _PAPERS),
}


def delivery_error(code: str, reason: str = "") -> SendError:
    """What a failed delivery means.

    Args:
        code: Twilio's code, or empty if it gave none.
        reason: Twilio's own words, used when the code is not in the table.
    """
    known = DELIVERY_ERRORS.get(code)
    if known is not None:
        return known
    said = reason.strip()[:200] or "it gave no reason"
    label = f" {code}" if code else ""
    text = f"Twilio could not deliver the message (error{label}: {said}). Twilio's error dictionary tells what to do."
    return SendError(ErrorKind.REJECTED, code[:32] or "failed", text)
