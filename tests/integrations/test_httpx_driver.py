"""The everyday driver."""

from __future__ import annotations

import httpx
import pytest

from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request, TransportFailure
from tests.integrations import loopback
from tests.integrations.driver_cases import DriverCases


class TestHttpxDriver(DriverCases):
    def send(self, request: Request, timeout_seconds: float = 5) -> Reply:
        with HttpxDriver(timeout_seconds=timeout_seconds) as driver:
            return driver.send(request)


def test_reply_without_end_is_cut_off() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000
    with (
        loopback.server(loopback.answering(reply)) as url,
        HttpxDriver(max_body_bytes=1000) as driver,
        pytest.raises(TransportFailure, match="more than 1000 bytes") as caught,
    ):
        driver.send(Request("GET", url))
    assert caught.value.request_left is True


def test_callers_client_is_used_and_stays_open() -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(418, text="tea"))) as client:
        with HttpxDriver(client) as driver:
            assert driver.send(Request("GET", "https://gateway.example/")).body == b"tea"
        assert not client.is_closed


def test_redirects_are_not_followed_with_a_callers_client_either() -> None:
    moved = httpx.MockTransport(lambda _: httpx.Response(302, headers={"location": "https://other.example/"}))
    with httpx.Client(transport=moved, follow_redirects=True) as client:
        assert HttpxDriver(client).send(Request("GET", "https://gateway.example/")).status == 302
