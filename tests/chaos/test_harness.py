"""What the chaos harness promises of itself, without starting anything."""

from __future__ import annotations

import socket
import threading

import pytest

from messaging.engine import journal, scripts, sql
from messaging.engine.journal import Journal
from tests.chaos import cluster
from tests.chaos.adversary import Adversary
from tests.chaos.plan import make_plan
from tests.chaos.proxy import Proxy


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_same_seed_does_the_same(database: str) -> None:
    plans = [make_plan(7, number, database) for number in range(20)]

    assert plans == [make_plan(7, number, database) for number in range(20)]
    assert plans != [make_plan(8, number, database) for number in range(20)]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_fault_can_be_done(database: str) -> None:
    names = {fault.name for number in range(200) for fault in make_plan(1, number, database).faults}

    assert not [name for name in names if not callable(getattr(Adversary, name, None))]


def test_valkey_loses_its_data_in_one_of_two_rounds() -> None:
    assert [make_plan(1, number, "sqlite").empties_valkey for number in range(2)] == [False, True]
    assert sum(make_plan(1, number, "sqlite").empties_valkey for number in range(20)) == 4


def test_the_lease_that_is_taken_out_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "read_script", scripts.read_script)
    monkeypatch.setattr("messaging.engine.seats.Seat.renew", lambda _seat: False)
    monkeypatch.setattr(Journal, "leave", Journal.leave)
    before = scripts.read_script("pace")
    cluster.without_lease()

    assert scripts.read_script("pace") != before


def test_the_journals_that_are_taken_out_were_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_boot", journal._boot)
    for token in ("with", "without"):
        journal.remove(token)
    assert Journal.create("with", [1]) is not None
    cluster.without_journal()

    assert Journal.create("without", [1]) is None


@pytest.mark.django_db
def test_the_claim_that_is_taken_out_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from messaging.engine import claims, keys
    from tests.factories import MessageFactory

    message = MessageFactory.create(state="accepted")
    assert message.batch_id is not None
    name = keys.batch_queue(message.batch_id, message.number_id)
    assert not claims.claim(queue_name=name, ids=[message.pk], token="one").messages
    monkeypatch.setattr(sql, "fetch", sql.fetch)
    cluster.without_claim()

    assert claims.claim(queue_name=name, ids=[message.pk], token="two").messages


def test_the_proxy_passes_on_breaks_and_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        proxy = Proxy("127.0.0.1", server.getsockname()[1])
        try:
            with _connect(proxy) as client:
                assert _ask(client) == b"hello"
                assert proxy.near_ports() == [client.getsockname()[1]]
                assert proxy.cut() == 1
                assert client.recv(10) == b""
            with _connect(proxy) as client:
                assert _ask(client) == b"hello"
                assert proxy.swallow(40) == 1
                assert _ask(client) == b""
            proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                _connect(proxy)
            proxy.accept()
            with _connect(proxy) as client:
                assert _ask(client) == b"hello"
        finally:
            proxy.close()


def _connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def _ask(client: socket.socket) -> bytes:
    client.sendall(b"hello")
    try:
        return client.recv(10)
    except ConnectionResetError:
        return b""


def _echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_echo_one, args=(connection,), daemon=True).start()


def _echo_one(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(100):
            connection.sendall(data)
