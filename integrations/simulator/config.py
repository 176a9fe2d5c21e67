"""The simulator's settings: one typed value, set from the command line, from JSON or at run time."""

from __future__ import annotations

import base64
import hmac
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

PAGE_FAILS_HOW = ("429", "500", "html")
FAIL_HOW = ("mixed", "status", "close", "hang")
DIALECTS = ("twilio", "infobip", "sinch", "telnyx")

_is_number_fault = re.compile(
    r"(?:search|buy|change|release|list):(?:sold|throttle|refuse|error|html|empty|close|lost|lost_html|lost_json)"
).fullmatch


class SettingsError(ValueError):
    """A setting is unknown or out of range. The text names it and says what is allowed."""


def _option(default: Any, help_text: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A field with its help text and inclusive bounds."""
    return field(default=default, metadata={"help": help_text, "low": low, "high": high})


def _share(help_text: str, default: float = 0.0) -> Any:
    return _option(default, help_text, low=0, high=1)


@dataclass(frozen=True)
class SimulatorSettings:
    """Everything that can be set; all of it also at run time with ``PUT /settings``.

    Shares are between 0 and 1. A duration with a ``_sigma`` is drawn from a lognormal distribution with that mean and
    that standard deviation of its logarithm.
    """

    account_sid: str = _option("AC00000000000000000000000000000001", "account SID that requests must use")
    auth_token: str = _option("simulator-auth-token", "auth token: checked on requests, signs webhooks")
    api_key_sid: str = _option("", "API key SID that is accepted beside the account's own credentials")
    api_key_secret: str = _option("", "secret of the API key")
    infobip_api_key: str = _option("simulator-api-key", "API key that requests in Infobip's dialect must use")
    infobip_webhook_secret: str = _option("simulator-webhook-secret", "signs webhooks in Infobip's dialect (SHA-256)")
    sinch_service_plan_id: str = _option("simulator-plan", "service plan that requests in Sinch's dialect must name")
    sinch_api_token: str = _option("simulator-api-token", "token that requests in Sinch's dialect must use")
    sinch_project_id: str = _option("simulator-project", "project whose numbers requests in Sinch's dialect must name")
    sinch_key_id: str = _option("simulator-key", "ID of the access key for numbers in Sinch's dialect")
    sinch_key_secret: str = _option("simulator-key-secret", "secret of that access key")
    sinch_webhook_secret: str = _option("simulator-webhook-secret", "signs webhooks in Sinch's dialect")
    telnyx_api_key: str = _option("simulator-telnyx-key", "API key that requests in Telnyx's dialect must use")
    telnyx_private_key: str = _option(
        "c2ltdWxhdG9yLXRlbG55eC1wcml2YXRlLWtleS0zMmI=",
        "signs webhooks in Telnyx's dialect: 32 bytes in Base64; GET /v2/public_key tells the public key",
    )
    telnyx_profile_id: str = _option(
        "5f1d7c90-0f52-4b27-9a30-2a5a0a5c0001", "messaging profile that numbers may join in Telnyx's dialect"
    )
    telnyx_clock_behind_seconds: int = _option(0, "how far Telnyx's clock is behind in its signatures; negative: ahead")
    also_accepted: tuple[str, ...] = _option(
        (), "tokens and keys that requests may use besides, as while a provider lets go of former ones"
    )
    inbound_dialect: str = _option("twilio", "whose webhooks carry what people write: twilio, infobip, sinch or telnyx")
    numbers: tuple[str, ...] = _option(
        ("+14155552600", "24365"), "numbers owned from the start: E.164, or a short code's digits"
    )
    number_page_size: int = _option(
        0, "most numbers on a page of those owned, whatever is asked for; 0: as asked", low=0
    )
    number_page_fails: int = _option(0, "which page of that list is answered with an error; 0 for none", low=0)
    number_page_fails_how: str = _option("429", "how that page fails: 429, 500, or html (a page for people, with 200)")
    number_page_fails_times: int = _option(0, "how often it fails before it is answered; 0 for always", low=0)
    inbound_url: str = _option("", "where inbound messages of numbers without an SmsUrl go (short codes have none)")
    number_faults: tuple[str, ...] = _option(
        (),
        "what goes wrong with numbers in Twilio's dialect, as step:fault. Steps: search, buy, change, release, list; faults: "
        "sold, throttle, refuse, error, html, empty, close (nothing was done) and lost, lost_html, lost_json (it was done, and "
        "nobody hears of it)",
    )
    seed: int = _option(1, "same seed, same latencies, errors and people for each recipient, in any order of arrival")

    numbers_sold: float = _share("share of numbers on offer that somebody else buys before they can be bought")
    numbers_pending: int = _option(
        0, "how often the order of a number, or its setting up, is asked for until done", low=0
    )
    numbers_lost: float = _share("share of purchases of numbers that are made although the reply is lost")
    numbers_unwired: float = _share("share of numbers whose webhooks cannot be set: such requests fail with 500")

    latency_ms: float = _option(50.0, "mean time from a request to its reply, in milliseconds", low=0)
    latency_sigma: float = _option(0.5, "spread of the latency", low=0, high=5)
    errors: dict[int, float] = field(
        default_factory=dict,
        metadata={
            "help": "share by error code; 30000 to 30999 fail on delivery, others at once",
            "low": None,
            "high": None,
        },
    )
    fail_before: float = _share("share of requests that fail before the message is taken")
    fail_after: float = _share("share of requests that fail although the message was taken")
    fail_how: str = _option("mixed", "how requests fail: status (500 or 503), close, hang, or mixed")
    hang_seconds: float = _option(30.0, "how long a request that hangs is held before its connection is closed", low=0)
    throttle_above: int = _option(0, "answer 429 to requests above this number in flight; 0 for never", low=0)
    retry_after_seconds: int = _option(1, "Retry-After of a 429, in seconds", low=0)

    delivery_seconds: float = _option(1.0, "mean time from taking a message to its final status, in seconds", low=0)
    delivery_sigma: float = _option(0.5, "spread of the delivery time", low=0, high=5)
    callbacks_share: float = _share("share of messages that are reported on at all; 0 for none, as in a bench", 1.0)
    callbacks_lost: float = _share("share of messages whose final status is never called back")
    callbacks_reversed: float = _share("share of messages whose callbacks arrive in the wrong order", 0.1)
    callbacks_repeated: float = _share("share of webhooks that are sent twice", 0.05)
    callback_concurrency: int = _option(32, "most webhook requests at once", low=1, high=1000)
    callback_timeout_seconds: float = _option(15.0, "how long to wait for a webhook's answer, in seconds", low=0.01)
    callback_attempts: int = _option(8, "how often a webhook is tried before it counts as failed", low=1, high=100)
    callback_backoff_seconds: float = _option(0.25, "wait before the second attempt; doubles each time", low=0)

    stop_rate: float = _share("share of people who answer a message with STOP")
    help_rate: float = _share("share of people who answer with HELP")
    keyword_rate: float = _share("share of people who answer with one of the keywords")
    chatter_rate: float = _share("share of people who answer with chatter")
    picture_rate: float = _share("share of people who answer with a picture (an MMS)")
    picture_url: str = _option("https://media.carrier.example/picture.jpg", "where those pictures are")
    keywords: tuple[str, ...] = _option(("JOIN",), "keywords that people answer with")
    reply_delay_seconds: float = _option(1.0, "mean time a person takes to answer, in seconds", low=0)
    reply_delay_sigma: float = _option(0.5, "spread of that time", low=0, high=5)
    replies_per_person: int = _option(1, "how often one person answers of their own accord", low=0)
    carrier_blocks_stop: bool = _option(False, "refuse (21610) messages to people who wrote STOP to that number")
    stop_confirmation: str = _option(
        r"(?i)unsubscribed|opted out|no more messages|not receive",
        "pattern of the one confirmation that may follow a STOP",
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            _check_range(item.name, getattr(self, item.name), item.metadata)
        if not re.fullmatch(r"AC[0-9a-fA-F]{32}", self.account_sid):
            raise SettingsError(f"account_sid {self.account_sid!r} is not valid: use AC and 32 hexadecimal digits.")
        if self.fail_how not in FAIL_HOW:
            raise SettingsError(f"fail_how {self.fail_how!r} is not known: use one of {', '.join(FAIL_HOW)}.")
        if self.number_page_fails_how not in PAGE_FAILS_HOW:
            raise SettingsError(
                f"number_page_fails_how {self.number_page_fails_how!r} is not known: use one of {', '.join(PAGE_FAILS_HOW)}."
            )
        if self.inbound_dialect not in DIALECTS:
            raise SettingsError(
                f"inbound_dialect {self.inbound_dialect!r} is not known: use one of {', '.join(DIALECTS)}."
            )
        if not _is_private_key(self.telnyx_private_key):
            raise SettingsError("telnyx_private_key is not valid: use 32 bytes in Base64.")
        _check_total("fail_before and fail_after", self.fail_before + self.fail_after)
        rates = self.stop_rate + self.help_rate + self.keyword_rate + self.chatter_rate + self.picture_rate
        _check_total("stop_rate, help_rate, keyword_rate, chatter_rate and picture_rate", rates)
        for code, share in self.errors.items():
            if not 10000 <= code <= 99999 or not 0 <= share <= 1:
                raise SettingsError(
                    f"errors: {code}={share} is not valid: use a five-digit code and a share of 0 to 1."
                )
        for fault in self.number_faults:
            if not _is_number_fault(fault):
                raise SettingsError(f"number_faults: {fault!r} is not known: use a step and a fault, such as buy:lost.")
        for number in self.numbers:
            if not re.fullmatch(r"\+[1-9]\d{6,14}|\d{3,8}", number):
                raise SettingsError(f"numbers: {number!r} is neither E.164 (+14155552600) nor a short code's digits.")
        try:
            re.compile(self.stop_confirmation)
        except re.error as error:
            raise SettingsError(f"stop_confirmation is not a regular expression: {error}.") from error

    def takes(self, header: bytes, scheme: str, secret: str) -> bool:
        """Whether a request's ``Authorization`` names this secret or one of those accepted besides.

        Args:
            header: the header's value.
            scheme: what stands before the secret, e.g. ``Bearer``.
            secret: the one that counts.
        """
        accepted = (f"{scheme} {value}".encode() for value in (secret, *self.also_accepted))
        return any(hmac.compare_digest(header, value) for value in accepted)

    def to_json(self) -> dict[str, Any]:
        """All settings as values that JSON can hold; secrets included, for this is a simulator."""
        values = asdict(self)
        values["errors"] = {str(code): share for code, share in self.errors.items()}
        return values

    def changed(self, values: Mapping[str, Any]) -> SimulatorSettings:
        """A copy with some settings changed.

        Args:
            values: by name, as JSON has them; lists for tuples, codes of ``errors`` may be text.

        Raises:
            SettingsError: unknown name, wrong type or out of range.
        """
        known = get_type_hints(SimulatorSettings)
        clean: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise SettingsError(f"There is no setting {name!r}. Known are: {', '.join(sorted(known))}.")
            clean[name] = _coerce(name, known[name], value)
        return replace(self, **clean)


def _is_private_key(given: str) -> bool:
    try:
        return len(base64.b64decode(given, validate=True)) == 32
    except ValueError:
        return False


def _check_total(names: str, total: float) -> None:
    if total > 1 + 1e-9:
        raise SettingsError(f"{names} add up to {total:g}: lower them to 1 at most.")


def _check_range(name: str, value: Any, bounds: Mapping[str, Any]) -> None:
    low, high = bounds["low"], bounds["high"]
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
        raise SettingsError(f"{name} is {value!r}, but must be {limits}.")


def _coerce(name: str, kind: Any, value: Any) -> Any:
    """``value`` as ``kind``; text is accepted for numbers because command lines have nothing else."""
    readers: dict[Any, tuple[Callable[[Any], Any], str]] = {
        bool: (_boolean, "true or false"),
        int: (_integer, "a whole number"),
        float: (_finite, "a number"),
        str: (_text, "text"),
        dict[int, float]: (_shares, "shares by code, such as {21614: 0.01}"),
        tuple[str, ...]: (_texts, "a list of texts"),
    }
    read, wanted = readers[kind]
    try:
        return read(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise SettingsError(f"{name}: {value!r} is not {wanted}.") from error


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise TypeError
    return int(value)


def _finite(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise TypeError
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _shares(value: Any) -> dict[int, float]:
    return {int(code): _finite(share) for code, share in dict(value).items()}


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError
    return tuple(_text(item) for item in value)
