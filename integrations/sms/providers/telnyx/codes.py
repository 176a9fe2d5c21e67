"""Telnyx's error codes: what each means for a message, and what a person does next.

Sources: Telnyx's "API error codes" and "Messaging error code reference". Codes that are missing here are classified by their
HTTP status.
"""

from __future__ import annotations

from dataclasses import replace

from integrations.sms.errors import ErrorKind, SendError


def _rejected(code: str, text: str, *, opts_out: bool = False, bad_number: bool = False) -> SendError:
    return SendError(ErrorKind.REJECTED, code, text, opts_out=opts_out, bad_number=bad_number)


def _stops_gateway(code: str, text: str) -> SendError:
    return SendError(ErrorKind.NOT_SENT, code, text, stops_gateway=True)


def _stops_number(code: str, text: str) -> SendError:
    return SendError(ErrorKind.NOT_SENT, code, text, stops_number=True)


def _throttled(code: str, text: str) -> SendError:
    return SendError(ErrorKind.THROTTLED, code, text)


_CREDENTIALS = "Telnyx refused the API key. Check it on the gateway's page, then resume."
_ACCOUNT = "Telnyx does not let the account send. Settle it in the Telnyx portal, then resume."
_FUNDS = "The Telnyx account has too little money. Add some in the Telnyx portal, then resume."
_PROFILE = "The number's messaging profile at Telnyx is disabled or incomplete. Mend it in the portal, then resume."
_SENDER = (
    "Telnyx does not send from this number. Check that it belongs to this Telnyx account, has a messaging profile and may "
    "text the recipients' country, then resume."
)
_BAD_NUMBER = "The recipient's number is not one that can receive texts. Correct it."
_TOO_LARGE = "The message is too large. Shorten its text or use smaller media."

#: Codes that concern the recipient or the text. Their texts are complete: they do not quote Telnyx's wording, so that
#: equal failures read alike.
_MESSAGE_ERRORS = (
    _rejected("10002", "The recipient's number is not a valid phone number. Correct it.", bad_number=True),
    _rejected("10016", "The recipient's number is not a valid phone number. Correct it.", bad_number=True),
    _rejected("40001", "The recipient's number is a landline or cannot be reached by text.", bad_number=True),
    _rejected("40012", _BAD_NUMBER, bad_number=True),
    _rejected("40300", "The recipient has opted out. They can text START to receive messages again.", opts_out=True),
    _rejected("40301", "The recipient's number does not take this kind of message. Send it as a plain text."),
    _rejected("40302", _TOO_LARGE),
    _rejected("40304", "The message has parts that do not go together. Give it a text, or a text and media links."),
    _rejected("40309", "The recipient's country is not enabled. Allow it in the messaging profile at Telnyx."),
    _rejected("40310", _BAD_NUMBER, bad_number=True),
    _rejected("40316", "The message was empty. Give it a text or a media link."),
    _rejected("40317", "The media links are not valid, are too many or their files too large. Correct them."),
    _rejected("40319", "The recipient's number does not take this kind of message. Send it as a plain text."),
    _rejected("40322", "Telnyx does not send this text because of its content. Review the text and its links."),
    _rejected("40328", _TOO_LARGE),
)

_GATEWAY_ERRORS = (
    _stops_gateway("10005", "Telnyx does not know the address. Correct the gateway's base URL, then resume."),
    _stops_gateway("10009", _CREDENTIALS),
    _stops_gateway("10010", "The API key may not send messages. Use one that may, then resume."),
    _stops_gateway("20002", "The API key was revoked. Enter another one on the gateway's page, then resume."),
    _stops_gateway("20006", "The API key has expired. Enter another one on the gateway's page, then resume."),
    _stops_gateway("20012", f"The Telnyx account is inactive. {_ACCOUNT}"),
    _stops_gateway("20013", f"The Telnyx account is blocked. {_ACCOUNT}"),
    *(_stops_gateway(code, f"The Telnyx account is not verified. {_ACCOUNT}") for code in ("20014", "20016", "20017")),
    _stops_gateway("20015", f"Messaging is not enabled for the Telnyx account. {_ACCOUNT}"),
    _stops_gateway("20100", _FUNDS),
    *(_stops_gateway(code, _PROFILE) for code in ("40311", "40312", "40313")),
    _stops_gateway("40314", f"Messaging is disabled for the Telnyx account. {_ACCOUNT}"),
    _stops_gateway(
        "40333",
        "The messaging profile's daily spending limit at Telnyx is reached. Raise it, or resume after midnight UTC.",
    ),
)

_NUMBER_ERRORS = (
    _stops_number("10001", f"The sending number is inactive. {_SENDER}"),
    _stops_number(
        "40010",
        "The number is not registered for 10DLC, so carriers refuse its messages. Register its brand and campaign with "
        "Telnyx, then resume.",
    ),
    _stops_number("40013", _SENDER),
    _stops_number(
        "40100", "The number is not enabled for messages. Give it a messaging profile at Telnyx, then resume."
    ),
    _stops_number("40150", f"The toll-free number is not known to the carriers. {_SENDER}"),
    _stops_number(
        "40151", "Another provider still holds the number's messages. Resume when Telnyx has taken them over."
    ),
    *(_stops_number(code, _SENDER) for code in ("40305", "40306", "40308", "40321")),
    _stops_number("40315", "Too many messages from this number were filtered or failed. Let it rest, then resume."),
    _stops_number("40320", "The number's purchase at Telnyx is not finished. Resume when it is."),
    _stops_number(
        "40329", "The toll-free number is not verified, so carriers refuse its messages. Have it verified, then resume."
    ),
)

_THROTTLE_ERRORS = (
    _throttled("10011", "Telnyx took too many requests at once. They are sent again by themselves."),
    _throttled("40318", "The number's queue at Telnyx is full. The message is sent again by itself."),
)

#: How each code is classified in the reply to a send.
SEND_ERRORS: dict[str, SendError] = {
    error.code: error for error in (*_MESSAGE_ERRORS, *_GATEWAY_ERRORS, *_NUMBER_ERRORS, *_THROTTLE_ERRORS)
}
THROTTLED = SEND_ERRORS["10011"]
CREDENTIALS = SEND_ERRORS["10009"]
FUNDS = SEND_ERRORS["20100"]
#: For codes that tell by a pointer whose number is wrong, if it is the sender's.
SENDER = SEND_ERRORS["40305"]

#: Failures after Telnyx took the message: in events, and in a message's ``errors``.
_DELIVERY_ERRORS = (
    _rejected(
        "40002", "The carrier filtered the message as unwanted. Send slower and review the text and the consent."
    ),
    _rejected("40003", "The carrier has blocked the sending number as unwanted. Use another one and ask Telnyx why."),
    _rejected("40004", "The recipient's carrier refused the message and gave no reason. Try again later."),
    _rejected("40005", "The message expired on its way to the recipient. Try again later."),
    _rejected("40006", "The recipient's carrier is out of reach. Try again later."),
    _rejected("40007", "The message went in a circle between carriers. Ask Telnyx for its route."),
    _rejected("40008", "The recipient's carrier did not take the message. Check that the number is still in use."),
    _rejected("40009", "The recipient's carrier refused the text. Check it for unusual characters."),
    _rejected("40011", "The carrier took too many messages at once. Send slower."),
    _rejected("40014", "The message waited too long in the number's queue. Send slower from this number."),
    _rejected("40015", "Telnyx filtered the message as unwanted. Review the text, its links and the consent."),
    _rejected("40016", "T-Mobile's daily limit for the brand is used up. Send the rest tomorrow."),
    _rejected("40017", "AT&T filtered the message as unwanted. Review the text, its links and the consent."),
    _rejected("40018", "AT&T's limit of messages a minute for the campaign is reached. Send slower."),
    _rejected("canceled", "The message was cancelled at Telnyx before it left."),
    _rejected("expired", "The message expired before it reached the recipient. Try again later."),
)


def _as_failure(error: SendError) -> SendError:
    """A refusal as the failure of one message that was taken: it stops nobody else."""
    return replace(error, kind=ErrorKind.REJECTED, stops_gateway=False, stops_number=False)


#: Words for a failed delivery, by code; refusals of a send can turn up here too.
DELIVERY_ERRORS: dict[str, SendError] = {
    **{code: _as_failure(error) for code, error in SEND_ERRORS.items()},
    **{error.code: error for error in _DELIVERY_ERRORS},
}


def delivery_error(code: str, reason: str = "") -> SendError:
    """What a failed delivery means.

    Args:
        code: Telnyx's code, or empty if it gave none.
        reason: Telnyx's own words, used when the code is not in the table.
    """
    known = DELIVERY_ERRORS.get(code)
    if known is not None:
        return known
    said = reason.strip().rstrip(".")[:200] or "it gave no reason"
    label = f" {code[:32]}" if code else ""
    text = (
        f"Telnyx could not deliver the message (error{label}: {said}). Telnyx's list of error codes tells what to do."
    )
    return SendError(ErrorKind.REJECTED, code[:32] or "failed", text)
