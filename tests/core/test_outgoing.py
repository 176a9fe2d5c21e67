"""Calls to web addresses that users typed in, over real sockets of this machine."""

from __future__ import annotations

import datetime as dt
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from broadcast.core import outgoing
from broadcast.core.outgoing import AddressRefused, CallFailed, Target, check_url, post, resolve, sign

NAME = "hooks.example.com"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
Handle = Callable[[socket.socket], None]


class Authority:
    """Certificates of an authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        usage = x509.KeyUsage(*(False,) * 5, True, True, False, False)
        builder = self._builder(self.name, self.key)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = builder.add_extension(usage, critical=True).sign(self.key, hashes.SHA256())

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )

    def server_of(self, name: str) -> ssl.SSLContext:
        """What a server of this name presents."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(x509.Name([]), key)
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = builder.add_extension(names, critical=True).sign(self.key, hashes.SHA256())
        path = self.folder / f"{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def believer(self) -> ssl.SSLContext:
        """Believes this authority and no other."""
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)


class Server:
    """A socket that hands each connection to a function, one after the other."""

    def __init__(self, handle: Handle) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.is_closing = threading.Event()
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, args=(handle,))
        self.thread.start()

    def _serve(self, handle: Handle) -> None:
        while True:
            connection, _ = self.listener.accept()
            with connection:
                if self.is_closing.is_set():
                    return
                try:
                    handle(connection)
                except OSError:
                    # The caller has hung up, as some tests want.
                    continue

    def close(self) -> None:
        """End it."""
        self.is_closing.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.thread.join(10)
        self.listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Handle], int]]:
    """``serve(handle)`` is the port of a server that works so."""
    servers: list[Server] = []

    def start(handle: Handle) -> int:
        servers.append(Server(handle))
        return servers[-1].port

    yield start
    for server in servers:
        server.close()


def call(url: str, **options: Any) -> int:
    """Call this machine by a name that no name server knows."""
    return post(Target(url, "127.0.0.1"), body=b"{}", secret="secret", key="k", **options)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """One that nobody else knows."""
    return Authority(tmp_path)


def whole_request(connection: socket.socket) -> bytes:
    """All of a call: who closes a connection with something unread takes its own answer back."""
    request = b""
    while not request.endswith(b"\r\n\r\n{}"):
        received = connection.recv(65536)
        if not received:
            break
        request += received
    return request


def over_tls(context: ssl.SSLContext, asked: list[str], received: list[bytes]) -> Handle:
    """Notes for which name it was asked, and what it was told."""

    def note(_socket: ssl.SSLObject, name: str, _context: ssl.SSLContext) -> None:
        asked.append(name)

    context.sni_callback = note

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            received.append(whole_request(tls))
            tls.sendall(ANSWER)

    return handle


def test_https_goes_to_the_address_that_was_looked_at_and_wants_the_names_certificate(
    authority: Authority, serve: Callable[[Handle], int]
) -> None:
    asked: list[str] = []
    received: list[bytes] = []
    port = serve(over_tls(authority.server_of(NAME), asked, received))
    assert call(f"https://{NAME}:{port}/hook", tls=authority.believer()) == 200
    assert asked == [NAME]
    assert f"Host: {NAME}:{port}".encode() in received[0]


def test_another_names_certificate_is_refused(authority: Authority, serve: Callable[[Handle], int]) -> None:
    received: list[bytes] = []
    port = serve(over_tls(authority.server_of("other.example.com"), [], received))
    with pytest.raises(CallFailed, match="certificate"):
        call(f"https://{NAME}:{port}/", tls=authority.believer())
    assert received == []


def test_an_unknown_authority_is_refused(authority: Authority, serve: Callable[[Handle], int]) -> None:
    received: list[bytes] = []
    port = serve(over_tls(authority.server_of(NAME), [], received))
    with pytest.raises(CallFailed, match="certificate"):
        call(f"https://{NAME}:{port}/")
    assert received == []


def test_a_redirect_is_not_followed(serve: Callable[[Handle], int]) -> None:
    visits: list[bytes] = []

    def elsewhere(connection: socket.socket) -> None:
        visits.append(whole_request(connection))
        connection.sendall(b"HTTP/1.1 307 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    port = serve(elsewhere)
    assert call(f"http://{NAME}:{port}/") == 307
    assert len(visits) == 1


def test_who_answers_a_byte_now_and_then_is_given_up(
    serve: Callable[[Handle], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "CALL_SECONDS", 0.5)
    hung_up = threading.Event()

    def drip(connection: socket.socket) -> None:
        whole_request(connection)
        connection.settimeout(0.05)
        ends_at = time.monotonic() + 30
        while time.monotonic() < ends_at:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            try:
                if connection.recv(1) == b"":
                    hung_up.set()
                    return
            except TimeoutError:
                continue

    port = serve(drip)
    with pytest.raises(CallFailed, match="No whole answer"):
        call(f"http://{NAME}:{port}/")
    assert hung_up.wait(10)


def test_an_endless_answer_is_not_read(serve: Callable[[Handle], int]) -> None:
    sent = 0

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        whole_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x" * 1_000_000)
            sent += 1_000_000

    port = serve(flood)
    assert call(f"http://{NAME}:{port}/") == 200
    assert sent < 20_000_000


def test_endless_headers_are_given_up(serve: Callable[[Handle], int]) -> None:
    def flood(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for n in range(100_000):
            connection.sendall(f"X-{n}: {'x' * 1000}\r\n".encode())

    port = serve(flood)
    with pytest.raises(CallFailed):
        call(f"http://{NAME}:{port}/")


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "0x7f.1", "0177.0.0.1", "2130706433", "0", "0.0.0.0", "[::]", "[::ffff:7f00:1]", "[::7f00:1]"),  # noqa: S104  refused
        *("[fec0::1]", "[fd00:ec2::254]", "[fe80::1%25eth0]", "169.254.169.254", "168.63.129.16", "[2002:7f00:1::]"),
        *("100.100.100.200", "255.255.255.255", "localhost", "①②⑦.⓪.⓪.①"),
    ],
)
def test_our_own_networks_are_refused_however_they_are_written(host: str) -> None:
    with pytest.raises(AddressRefused):
        resolve(f"https://{host}/", private_networks=False)


@pytest.mark.parametrize("port", ["0", "22", "25", "80", "1023"])
def test_ports_of_other_services_are_refused(port: str) -> None:
    with pytest.raises(AddressRefused, match="another service"):
        check_url(f"https://{NAME}:{port}/", private_networks=False)


@pytest.mark.parametrize("suffix", ["", ":443", ":8443"])
def test_ports_of_web_servers_may_be_called(suffix: str) -> None:
    assert check_url(f"https://{NAME}{suffix}/", private_networks=False) == NAME


def test_the_name_that_is_looked_up_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    resolve("https://straße.example/", private_networks=False)
    assert looked_up == ["xn--strae-oqa.example"]


def test_the_documented_example_knows_a_genuine_call() -> None:
    page = (Path(__file__).parents[2] / "docs" / "keywords.md").read_text()
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example
    names: dict[str, Any] = {}
    exec(example.group(1), names)  # noqa: S102  what users are told to write
    is_genuine, now = names["is_genuine"], int(time.time())
    header = sign("secret", b"{}", now)
    assert is_genuine("secret", header, b"{}")
    assert not is_genuine("secret", header, b"{ }")
    assert not is_genuine("other", header, b"{}")
    assert not is_genuine("secret", sign("secret", b"{}", now - 600), b"{}")
