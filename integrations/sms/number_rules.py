"""What numbers have in common at providers: a search that makes sense, prices, and refusals with a next step."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from integrations.http.values import Reply
from integrations.sms.contract import Capabilities, NumberQuery
from integrations.sms.errors import ProviderError

#: What people call a query's fields.
_FIELDS = {
    "area_code": "area code",
    "contains": "digits",
    "locality": "place",
    "region": "region",
    "postal_code": "postal code",
}
_KINDS = {"local": "local", "toll_free": "toll-free", "mobile": "mobile"}
_sold = re.compile(
    r"not (?:be )?(?:available|found)|unavailable|no longer|already (?:sold|reserved|rented|taken)", re.I
)
_needs_papers = re.compile(r"document|regulat|requirement|address|identity|bundle", re.I)
_too_poor = re.compile(r"balance|funds|credit|payment|billing", re.I)

#: What a record of a price holds: ten digits, four of them decimals.
_PLACES = Decimal("0.0001")
_LEAST_PLACES = Decimal("0.01")
_TOO_MUCH = Decimal(10) ** 6

SOLD = "Somebody else has the number by now, and nothing was bought. Search again and choose another one."


def check_query(query: NumberQuery, *, label: str, capabilities: Capabilities) -> str:
    """The query's country in capitals.

    Args:
        query: what somebody searches.
        label: the provider's name.
        capabilities: its adapter's.

    Raises:
        ValueError: the query makes no sense, or asks what this provider's search does not know; the text says what to change.
    """
    if query.kind not in capabilities.number_kinds:
        known = ", ".join(_KINDS[kind] for kind in capabilities.number_kinds)
        raise ValueError(f"There are no {query.kind!r} numbers in {label}'s search. Choose one of: {known}.")
    country = query.country.upper()
    if len(country) != 2 or not country.isascii() or not country.isalpha():
        raise ValueError(f"{query.country!r} is no country. Give its two letters, such as US.")
    for name, words in _FIELDS.items():
        if getattr(query, name) and name not in capabilities.number_filters:
            raise ValueError(f"{label} does not search by {words}. Leave the {words} empty and search again.")
    if query.area_code and not is_digits(query.area_code):
        raise ValueError(f"{query.area_code!r} is no area code. Give digits only, such as 415.")
    return country


def is_digits(text: str) -> bool:
    """Whether a text is made of the digits 0 to 9."""
    return text.isascii() and text.isdecimal()


def wanted_digits(query: NumberQuery, *, label: str) -> str:
    """The digits that the number should hold, for a provider that knows no placeholders.

    Raises:
        ValueError: there is something else among them.
    """
    if query.contains and not is_digits(query.contains):
        raise ValueError(
            f"{label} searches for digits in a row. Give digits only, such as 2665, instead of {query.contains!r}."
        )
    return query.contains


def price(value: Any) -> Decimal | None:
    """A price as a provider writes it, in a text or a JSON number; None for what is not one.

    Two decimals, up to four where they say something: providers write ``1.00000``, and a price is only for the record, so
    however it is written it must never stand in the way of a purchase.
    """
    if value is None or isinstance(value, bool):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < _TOO_MUCH:
        return None
    exact = amount.quantize(_PLACES, ROUND_HALF_UP)
    if exact >= _TOO_MUCH:
        return None
    short = exact.quantize(_LEAST_PLACES, ROUND_HALF_UP)
    return short if short == exact else exact.normalize()


def currency(value: Any) -> str:
    """A currency's three letters (ISO 4217) as a provider writes them; empty for what is not that."""
    code = value.strip().upper() if isinstance(value, str) else ""
    return code if len(code) == 3 and code.isascii() and code.isalpha() else ""


def refused(
    reply: Reply, *, label: str, doing: str, code: str, reason: str, credentials: str, spends: bool = False
) -> ProviderError:
    """The error of a refused request about numbers.

    Args:
        reply: what the provider answered.
        label: its name.
        doing: what was asked for, e.g. ``to buy the number``.
        code: its code, or the HTTP status.
        reason: its words.
        credentials: what to check where they are refused.
        spends: it was a purchase. One whose reply cannot be read may have been made, so it may be asked for again, which
            first looks whether the number is ours.
    """
    status = reply.status
    if 200 <= status < 400:
        text = f"{label}'s reply to a request {doing} could not be read (HTTP {status}). "
        text += (
            "The number may be ours by now: go on with it to see."
            if spends
            else "Check the gateway's base URL, then try again."
        )
        return ProviderError("unreadable_reply", text, retryable=spends)
    retryable = status in (408, 425, 429) or status >= 500
    if status == 429:
        seconds = reply.retry_after_seconds
        hint = f"Try again in {seconds:.0f} seconds." if seconds else "Try again in a minute."
    elif retryable:
        hint = (
            "Go on with it in a minute: whether it was done is looked up first." if spends else "Try again in a minute."
        )
    elif status == 401 or (status == 403 and not _needs_papers.search(reason) and not _too_poor.search(reason)):
        hint = credentials
    else:
        hint = _hint(status, reason, label=label, spends=spends)
    said = f"error {code}: {reason}" if code != str(status) else f"HTTP {status}: {reason}"
    # A 409 may leave open what was done; one that says that the number is sold does not.
    text = f"{label} refused {doing} ({said.rstrip('.')}). {hint}"
    return ProviderError(code, text, retryable=retryable, undone=hint == SOLD)


def _hint(status: int, reason: str, *, label: str, spends: bool) -> str:
    if status == 402 or _too_poor.search(reason):
        return f"Add money to the {label} account, then try again."
    if _needs_papers.search(reason):
        return (
            f"Numbers of this country need an address or documents. Give them in {label}'s console, or choose a number "
            "of another country."
        )
    if spends and (status in (404, 409, 410) or _sold.search(reason)):
        return SOLD
    return f"{label}'s documentation tells more of the error."
