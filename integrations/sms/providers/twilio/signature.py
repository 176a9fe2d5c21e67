"""Twilio's webhook signatures, in every form that Twilio documents or sends ("Secure webhooks")."""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from itertools import product
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit, urlunsplit

from integrations.sms.contract import Webhook
from integrations.sms.errors import SignatureError

#: Far more than Twilio sends; a form with more is not read to its end.
MAX_FIELDS = 1000

#: Folders of the public URL that may be too many of it.
_MAX_PREFIXES = 4
_FORM = "application/x-www-form-urlencoded"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


def form_pairs(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form, decoded, blanks kept, in order.

    Raises:
        ValueError: not a form in UTF-8, or one with too many fields.
    """
    # Several times as fast as parse_qsl, and each webhook passes here twice.
    text = body.decode("utf-8").replace("+", " ")
    if text.count("&") >= MAX_FIELDS:
        raise ValueError(f"more than {MAX_FIELDS} fields")
    return [
        (_unquoted(name), _unquoted(value))
        for name, _, value in (part.partition("=") for part in text.split("&") if part)
    ]


def _unquoted(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8") if "%" in text else text


def check_signature(webhook: Webhook, keys: Sequence[bytes]) -> None:
    """Check that one of our keys signed the webhook for the URL we expect.

    Args:
        webhook: as it arrived; ``url`` is the public one.
        keys: the auth token, and a shared key where there is one.

    Raises:
        SignatureError: missing or wrong. It names the URL that would have matched, where one is found: that is a
            proxy or a public URL that is set wrongly, and the webhook is refused all the same.
    """
    given = webhook.headers.get("x-twilio-signature", "").strip().encode("utf-8", "replace")
    if not given:
        raise SignatureError("The webhook has no X-Twilio-Signature header, so it does not come from Twilio. Refused.")
    algorithm = _algorithm(webhook.headers.get("x-twilio-webhooks-signature-settings", ""))
    suffix = _signed_suffix(webhook)
    # As it is first: taking a URL apart costs more than the signature.
    if _matches((webhook.url,), suffix, given, keys, algorithm):
        return
    if _matches(_with_and_without_port(webhook.url), suffix, given, keys, algorithm):
        return
    for url in _other_urls(webhook):
        if _matches(_with_and_without_port(url), suffix, given, keys, algorithm):
            raise SignatureError(
                f"The webhook was signed for {_shown(url)} and arrived as {_shown(webhook.url)}. Set the public URL to "
                "what Twilio calls, or let the proxy pass scheme, host and path on unchanged.",
                matching_url=url,
            )
    raise SignatureError(
        f"The webhook's signature does not match {_shown(webhook.url)}. If Twilio did send it, check the gateway's "
        "auth token and the public URL."
    )


def _algorithm(settings: str) -> str:
    if not settings:
        return "sha1"
    pairs = (part.partition("=") for part in settings.split(","))
    fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
    name = fields.get("algorithm", "HMAC_SHA1").upper()
    if name not in _ALGORITHMS:
        known = " and ".join(_ALGORITHMS)
        raise SignatureError(
            f"The webhook is signed with {name[:32]}, which is not known here. Choose {known} at Twilio."
        )
    return _ALGORITHMS[name]


def _signed_suffix(webhook: Webhook) -> bytes:
    """What is signed after the URL.

    Raises:
        SignatureError: the body is not what the URL's digest says, or nothing vouches for it.
    """
    if webhook.method == "GET" or not webhook.body:
        return b""
    content_type = webhook.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if content_type == _FORM:
        try:
            pairs = form_pairs(webhook.body)
        except ValueError:
            text = "The webhook's form is not UTF-8 or has too many fields: its signature cannot be checked. Refused."
            raise SignatureError(text) from None
        return "".join([name + value for name, value in sorted(set(pairs))]).encode()
    digest = parse_qs(urlsplit(webhook.url).query).get("bodySHA256", [""])[0]
    actual = hashlib.sha256(webhook.body).hexdigest()
    if not hmac.compare_digest(digest.strip().lower().encode("utf-8", "replace"), actual.encode()):
        raise SignatureError("The webhook's body does not match the bodySHA256 in its URL. Refused.")
    return b""


def _matches(urls: Sequence[str], suffix: bytes, given: bytes, keys: Sequence[bytes], algorithm: str) -> bool:
    for url, key in product(urls, keys):
        signed = url.encode("utf-8", "replace") + suffix
        expected = binascii.b2a_base64(hmac.digest(key, signed, algorithm), newline=False)
        if hmac.compare_digest(expected, given):
            return True
    return False


def _with_and_without_port(url: str) -> tuple[str, ...]:
    """The URL and, where it concerns the scheme's default port, its other spelling: Twilio signs either."""
    try:
        parts = urlsplit(url)
        port, default = parts.port, _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return (url,)
    if default is None or port not in (None, default):
        return (url,)
    netloc = parts.netloc.rstrip(":")
    bare = netloc.removesuffix(f":{default}") if port else netloc
    other = bare if port else f"{bare}:{default}"
    return (url, urlunsplit(parts._replace(netloc=other)))


def _other_urls(webhook: Webhook) -> Iterator[str]:
    """URLs that a proxy or a wrong setting may have turned into ours; only to tell a person what is wrong."""
    try:
        parts = urlsplit(webhook.url)
    except ValueError:
        return
    headers = webhook.headers
    forwarded = [headers.get(name, "").partition(",")[0].strip() for name in ("x-forwarded-host", "host")]
    protocol = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    hosts = dict.fromkeys(host for host in (parts.netloc, *forwarded) if host)
    schemes = dict.fromkeys(scheme for scheme in (parts.scheme, protocol, "https", "http") if scheme in _DEFAULT_PORTS)
    bare = parts.path.rstrip("/")
    # A prefix of ours may be one that the provider does not call.
    places = [place for place, character in enumerate(bare) if character == "/"][1 : 1 + _MAX_PREFIXES]
    paths = dict.fromkeys((parts.path, bare, f"{bare}/", *(bare[place:] for place in places)))
    for scheme, host, path in product(schemes, hosts, paths):
        url = urlunsplit((scheme, host, path, parts.query, ""))
        if url != webhook.url:
            yield url


def _shown(url: str) -> str:
    """A URL without its query, which may hold what is not for logs."""
    return url.partition("?")[0]
