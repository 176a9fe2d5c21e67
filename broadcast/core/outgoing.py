"""Signed calls to web addresses that users typed in: never into our own networks, never followed elsewhere.

A name is resolved once, every address it has is looked at, and the connection goes to one that was looked at: a name whose
answer changes between the look and the call (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

#: Seconds until a connection is given up, and until an answer is.
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
SIGNATURE_HEADER = "Broadcast-Signature"
KEY_HEADER = "Idempotency-Key"
#: Networks that lead to IPv4 addresses in other clothes: NAT64 and its local form, 6to4, Teredo.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(ValueError):
    """An address may not be called; the text says why and what to do."""


class CallFailed(Exception):
    """Nobody answered; the text says why. The call may have arrived."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be called.

    Args:
        url: as it was typed in.
        ip: where the connection goes.
    """

    url: str
    ip: str


def check_url(url: str, *, private_networks: bool) -> str:
    """The host of an address that could be called; does not ask the name server.

    Args:
        url: as typed in.
        private_networks: whether plain http and addresses in private networks are allowed.

    Raises:
        AddressRefused: it is no web address, not https, holds a password, or names a private network.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as error:
        raise AddressRefused(f"“{url}” is not a web address: {error}. Write https://example.com/path.") from None
    if parts.scheme not in ("https", "http") or not host:
        raise AddressRefused(f"“{url}” is not a web address. Write https://example.com/path.")
    if parts.scheme == "http" and not private_networks:
        raise AddressRefused(f"“{url}” is not encrypted. Use an https:// address.")
    if parts.username or parts.password:
        raise AddressRefused(
            "An address must not hold a user name or password. The receiver checks our signature instead."
        )
    try:
        literal = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not private_networks and not is_public(literal):
        raise AddressRefused(_private(host, literal))
    return host


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def resolve(url: str, *, private_networks: bool) -> Target:
    """Look an address up; blocks while the name server is asked.

    Args:
        url: as typed in.
        private_networks: as ``check_url``.

    Raises:
        AddressRefused: as ``check_url``, or one of the name's addresses is in a private network.
        CallFailed: the name is not known, or the name server does not answer.
    """
    host = check_url(url, private_networks=private_networks)
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CallFailed(f"{host} cannot be found: {error}.") from error
    ips = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
    for ip in ips:
        address = ipaddress.ip_address(ip)
        if not private_networks and not is_public(address):
            raise AddressRefused(_private(host, address))
    return Target(url, ips[0])


def sign(secret: str, body: bytes, moment: int) -> str:
    """The signature header of a call: ``t=<seconds since 1970>,v1=<hex>``.

    Args:
        secret: the endpoint's.
        body: the call's, as it leaves.
        moment: seconds since 1970; a receiver refuses old ones.
    """
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def post(target: Target, *, body: bytes, secret: str, key: str, transport: httpx.BaseTransport | None = None) -> int:
    """POST JSON; redirects are not followed, and the answer's body is not read.

    Args:
        target: from ``resolve``.
        body: JSON.
        secret: signs it.
        key: the same in each try of one call, so that a receiver can tell repeats.
        transport: for tests.

    Returns:
        The answer's HTTP status.

    Raises:
        CallFailed: no answer in time.
    """
    url = httpx.URL(target.url)
    headers = {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "User-Agent": "Broadcast",
        KEY_HEADER: key,
        SIGNATURE_HEADER: sign(secret, body, int(time.time())),
    }
    limits = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    # A proxy of the environment would look the name up again.
    with httpx.Client(timeout=limits, follow_redirects=False, trust_env=False, transport=transport) as client:
        request = client.build_request(
            "POST",
            url.copy_with(host=target.ip),
            content=body,
            headers=headers,
            # The certificate must be the name's, not the address's.
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        try:
            answer = client.send(request, stream=True)
            answer.close()
        except httpx.HTTPError as error:
            raise CallFailed(f"No answer: {error or type(error).__name__}.") from error
    return answer.status_code


def _private(host: str, address: Address) -> str:
    return (
        f"{host} is in a private network ({address}). Use an address of the open internet, or ask the administrators "
        "to set BROADCAST_CALLS_PRIVATE_NETWORKS."
    )
