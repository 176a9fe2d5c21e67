"""Signed calls to web addresses that users typed in: never into our own networks, never followed elsewhere.

A name is resolved once, every address it has is looked at, and the connection goes to one that was looked at: a name whose
answer changes between the look and the call (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import certifi
import httpx

#: Seconds until a connection is given up, and until an answer is.
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
#: Seconds of a whole call: who answers a byte now and then ends here.
CALL_SECONDS = 20.0
#: Ports of other services than the web's are below this one.
FIRST_FREE_PORT = 1024
HTTPS_PORT = 443
SIGNATURE_HEADER = "Broadcast-Signature"
KEY_HEADER = "Idempotency-Key"
#: Networks that lead to IPv4 addresses in other clothes: NAT64 and its local form, 6to4, Teredo.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
#: Azure's machines reach their host at this address of the open internet.
_CLOUD_HOST = ipaddress.ip_address("168.63.129.16")

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
    """The host of an address that could be called, as ASCII; does not ask the name server.

    Args:
        url: as typed in.
        private_networks: whether plain http, any port and addresses in private networks are allowed.

    Raises:
        AddressRefused: it is no web address, not https, holds a password, or names a private network or another service's port.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        # The one that is looked up must be the one that is written in the call, however many ways there are to read it.
        host = httpx.URL(url).raw_host.decode("ascii")
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
    if not private_networks and port not in (None, HTTPS_PORT) and port < FIRST_FREE_PORT:
        raise AddressRefused(
            f"Port {port} belongs to another service. Use {HTTPS_PORT}, or one from {FIRST_FREE_PORT} on."
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
        # No longer assigned, but routed inside some networks still.
        if address.is_site_local:
            return False
    if address == _CLOUD_HOST:
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
    port = parts.port or (HTTPS_PORT if parts.scheme == "https" else 80)
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


def post(target: Target, *, body: bytes, secret: str, key: str, tls: ssl.SSLContext | None = None) -> int:
    """POST JSON; redirects are not followed, and the answer's body is not read. Blocks for ``CALL_SECONDS`` at most.

    Args:
        target: from ``resolve``.
        body: JSON.
        secret: signs it.
        key: the same in each try of one call, so that a receiver can tell repeats.
        tls: whose certificates are believed; the public authorities' when omitted.

    Returns:
        The answer's HTTP status.

    Raises:
        CallFailed: no answer in time, or a certificate that is not the name's.
    """
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Broadcast",
        KEY_HEADER: key,
        SIGNATURE_HEADER: sign(secret, body, int(time.time())),
    }
    return asyncio.run(_post(target, body, headers, tls or _public_authorities()))


async def _post(target: Target, body: bytes, headers: dict[str, str], tls: ssl.SSLContext) -> int:
    url = httpx.URL(target.url)
    limits = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        # The client's own limits are those of one read; the whole needs one, too.
        async with asyncio.timeout(CALL_SECONDS):
            # A proxy of the environment would look the name up again.
            async with httpx.AsyncClient(timeout=limits, verify=tls, follow_redirects=False, trust_env=False) as client:
                request = client.build_request(
                    "POST",
                    url.copy_with(host=target.ip),
                    content=body,
                    headers={"Host": url.netloc.decode("ascii"), **headers},
                    # The certificate must be the name's, not the address's.
                    extensions={"sni_hostname": url.raw_host.decode("ascii")},
                )
                answer = await client.send(request, stream=True)
                await answer.aclose()
                return answer.status_code
    except TimeoutError as error:
        raise CallFailed(f"No whole answer within {CALL_SECONDS:.0f} seconds.") from error
    except httpx.HTTPError as error:
        raise CallFailed(f"No answer: {error or type(error).__name__}.") from error


@cache
def _public_authorities() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def _private(host: str, address: Address) -> str:
    return (
        f"{host} is in a private network ({address}). Use an address of the open internet, or ask the administrators "
        "to set BROADCAST_CALLS_PRIVATE_NETWORKS."
    )
