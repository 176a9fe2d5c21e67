"""The cases that every HTTP driver passes, on real connections."""

from __future__ import annotations

import pytest

from integrations.http.values import Reply, Request, TransportFailure
from tests.integrations import loopback

FORM = (("content-type", "application/x-www-form-urlencoded"), ("x-tag", "one"), ("x-tag", "two"))


class DriverCases:
    """Cases for one driver; the subclass says how it sends."""

    def send(self, request: Request, timeout_seconds: float = 5) -> Reply:
        """Send one request with a new driver."""
        raise NotImplementedError

    def failure(self, url: str, timeout_seconds: float = 5) -> TransportFailure:
        with pytest.raises(TransportFailure) as caught:
            self.send(Request("POST", url, FORM, b"a=1"), timeout_seconds)
        assert caught.value.text
        return caught.value

    def test_request_arrives_as_built_and_the_reply_comes_back(self) -> None:
        seen: list[bytes] = []
        reply = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}'
        with loopback.server(loopback.answering(reply, seen)) as url:
            got = self.send(Request("POST", f"{url}/x.json?a=b%20c", FORM, b"To=%2B1&Body=caf%C3%A9"))
        assert (got.status, got.headers["content-type"], got.json()) == (201, "application/json", {"a": 1})
        head, _, body = seen[0].partition(b"\r\n\r\n")
        assert body == b"To=%2B1&Body=caf%C3%A9"
        assert head.startswith(b"POST /x.json?a=b%20c HTTP/1.1\r\n")
        assert head.lower().count(b"x-tag: ") == 2

    @pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
    def test_request_may_have_no_body(self, method: str) -> None:
        seen: list[bytes] = []
        with loopback.server(loopback.answering(b"HTTP/1.1 204 No Content\r\n\r\n", seen)) as url:
            got = self.send(Request(method, url))
        assert (got.status, got.body) == (204, b"")
        assert seen[0].startswith(f"{method} / ".encode())

    def test_repeated_headers_are_joined(self) -> None:
        reply = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
        with loopback.server(loopback.answering(reply)) as url:
            assert self.send(Request("GET", url)).headers["x-a"] == "1, 2"

    @pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
    def test_error_status_is_a_reply(self, status: int) -> None:
        reply = b"HTTP/1.1 %d X\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}" % status
        with loopback.server(loopback.answering(reply)) as url:
            got = self.send(Request("GET", url))
        assert (got.status, got.retry_after_seconds) == (status, 3)

    def test_redirect_is_a_reply_and_not_followed(self) -> None:
        seen: list[bytes] = []
        reply = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
        with loopback.server(loopback.answering(reply, seen)) as url:
            assert self.send(Request("GET", url)).status == 302
        assert len(seen) == 1

    def test_proxy_settings_of_the_environment_are_ignored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, loopback.refusing())
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with loopback.server(loopback.answering(loopback.OK)) as url:
            assert self.send(Request("GET", url)).body == b"ok"

    def test_refused_connection_did_not_leave(self) -> None:
        assert self.failure(loopback.refusing()).request_left is False

    def test_time_out_while_connecting_did_not_leave(self) -> None:
        with loopback.never_accepting() as url:
            assert self.failure(url, 0.3).request_left is False

    @pytest.mark.parametrize(
        "url",
        ["http://no host/", "ftp://127.0.0.1/", "/relative", "http://127.0.0.1:99999/", f"http://{'a' * 64}.invalid/"],
    )
    def test_impossible_address_did_not_leave(self, url: str) -> None:
        assert self.failure(url).request_left is False

    def test_impossible_header_did_not_leave(self) -> None:
        with loopback.server(loopback.answering(loopback.OK)) as url, pytest.raises(TransportFailure) as caught:
            self.send(Request("POST", url, (("authorization", "Basic a\nb"),), b"a=1"))
        assert caught.value.request_left is False

    @pytest.mark.parametrize(
        "behaviour",
        [
            loopback.closing,
            loopback.answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
            loopback.answering(b"HTTP/1.1 201 Crea"),
            loopback.answering(b"what is this\r\n\r\n"),
            loopback.answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
        ],
        ids=["closes", "half a body", "half a head", "not HTTP", "bad encoding"],
    )
    def test_connection_that_breaks_after_the_request_may_have_left(self, behaviour: loopback.Behaviour) -> None:
        with loopback.server(behaviour) as url:
            assert self.failure(url).request_left is True

    def test_time_out_while_waiting_may_have_left(self) -> None:
        with loopback.server(loopback.silent_until_closed) as url:
            assert self.failure(url, 0.3).request_left is True
