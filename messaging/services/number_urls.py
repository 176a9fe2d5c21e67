"""Whose the addresses are that a number is wired to at its provider."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from broadcast.core.config import config
from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber
from messaging.services.gateways import inbound_url, status_url

#: The path of a webhook of ours, whatever stands in front of it.
_OUR_PATH = re.compile(r"/webhooks/(?P<key>[A-Za-z0-9_-]{1,32})/(?:inbound|status)/?$")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose an address is.

    Args:
        text: for a person: where what is sent there arrives.
        is_in_use: another application gets the messages now, and would lose them to us.
    """

    text: str
    is_in_use: bool = False


def is_wired(gateway: Gateway, listed: ProviderNumber) -> bool:
    """Whether a number's messages and statuses come to us, as far as its provider tells.

    Args:
        gateway: where the number is.
        listed: with its addresses.
    """
    ours = inbound_url(gateway), status_url(gateway)
    # The adapter knows which of the two are a number's; an address is the same however the provider writes it.
    same = {
        theirs: own
        for theirs, own in zip((listed.inbound_url, listed.status_url), ours, strict=True)
        if is_same(theirs, own)
    }
    seen = replace(
        listed,
        inbound_url=same.get(listed.inbound_url, listed.inbound_url),
        status_url=same.get(listed.status_url, listed.status_url),
    )
    return gateway.adapter.is_wired(seen, inbound_url=ours[0], status_url=ours[1])


def whose(url: str, gateways: dict[str, str]) -> Whose:
    """Whose an address is.

    Args:
        url: as the provider has it, empty for none.
        gateways: our gateways' names by the keys in their addresses.
    """
    if not url:
        return Whose("Nobody: what is sent there is lost")
    try:
        parts = urlsplit(url)
    except ValueError:
        return Whose("Nobody: it is not an address")
    match = _OUR_PATH.search(parts.path)
    here = urlsplit(config().webhook_url)
    is_here = (parts.hostname or "") == (here.hostname or "")
    if match is None:
        return Whose(f"Another application at {parts.netloc or 'an unknown place'}", is_in_use=True)
    name = gateways.get(match["key"])
    if name is not None and is_here:
        return Whose(f"This installation, gateway “{name}”")
    if name is not None:
        return Whose(f"Gateway “{name}” of ours, at an address that is not ours any more ({parts.netloc})")
    if is_here:
        return Whose("This installation, a gateway that is not here any more")
    return Whose(f"Another installation of Broadcast, at {parts.netloc}", is_in_use=True)


def names_by_key() -> dict[str, str]:
    """Our gateways' names by the keys in their addresses."""
    return dict(Gateway.objects.values_list("key", "name"))


def is_same(theirs: str, ours: str) -> bool:
    """Whether a provider's address is ours, in whatever way it writes it."""
    return theirs == ours or (bool(theirs) and _parts(theirs) == _parts(ours))


def _parts(url: str) -> tuple[object, ...]:
    """What decides where a request goes; capitals of a host, its usual port and a last slash do not."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return (url,)
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/"), parts.query
