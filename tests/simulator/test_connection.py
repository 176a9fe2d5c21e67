"""A connection whose client goes away, without a process or a socket around it."""

from __future__ import annotations

import asyncio

import pytest

from integrations.simulator.http1 import Exchange, ServerConnection

REQUEST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"


class Wire(asyncio.Transport):
    """A transport that notes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False


class Patient:
    """Takes requests and answers none by itself."""

    def __init__(self) -> None:
        self.in_flight: list[Exchange] = []
        self.handled: list[Exchange] = []

    def received(self, exchange: Exchange) -> None:
        self.in_flight.append(exchange)

    def handle(self, exchange: Exchange) -> None:
        self.handled.append(exchange)

    def finished(self, exchange: Exchange) -> None:
        self.in_flight.remove(exchange)


@pytest.fixture
def handler() -> Patient:
    return Patient()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def connection(handler: Patient, wire: Wire) -> ServerConnection:
    """A connection with one request that is being answered and one that waits."""
    made = ServerConnection(handler, set())
    made.connection_made(wire)
    made.data_received(REQUEST * 2)
    assert (len(handler.in_flight), len(handler.handled)) == (2, 1)
    return made


def test_what_a_client_that_goes_away_had_in_flight_ends_before_the_connection_is_lost(
    connection: ServerConnection, handler: Patient, wire: Wire
) -> None:
    connection.eof_received()
    assert handler.in_flight == [], "another connection's request would be counted beside them"
    # Losing it ends nothing a second time, and what is said too late is not written.
    connection.connection_lost(None)
    handler.handled[0].reply(201, b"{}")
    assert (handler.in_flight, len(handler.handled), wire.written) == ([], 1, b"")


def test_a_client_that_has_gone_asks_for_nothing_more(connection: ServerConnection, handler: Patient) -> None:
    connection.eof_received()
    connection.data_received(REQUEST)
    assert (handler.in_flight, len(handler.handled)) == ([], 1)


def test_a_connection_that_is_lost_without_an_end_ends_them_too(connection: ServerConnection, handler: Patient) -> None:
    connection.connection_lost(ConnectionResetError())
    assert handler.in_flight == []
