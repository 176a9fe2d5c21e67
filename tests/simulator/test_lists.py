"""Looking messages up: filters and pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.simulator.conftest import ACCOUNT, SENDER, SHORT_CODE, send

LIST = f"{ACCOUNT}/Messages.json"


def test_pages_cover_every_message_once_newest_first(api: httpx.Client) -> None:
    sids = [send(api, f"+1415555{number:04}").json()["sid"] for number in range(7)]

    seen: list[str] = []
    sizes: list[int] = []
    path = f"{LIST}?PageSize=3"
    while path:
        page = api.get(path).json()
        sizes.append(len(page["messages"]))
        seen += [message["sid"] for message in page["messages"]]
        path = page["next_page_uri"]
        if len(sizes) == 1:
            # A message that arrives between two pages does not shift the second one.
            send(api, "+14155559000")

    assert sizes == [3, 3, 1]
    assert seen == sids[::-1]
    assert api.get(f"{LIST}?PageSize=3&Page=1").json()["start"] == 3


def test_filters_by_recipient_sender_and_date(api: httpx.Client) -> None:
    first = send(api, "+14155550001", "one").json()["sid"]
    second = send(api, "+14155550001", "two", From=SHORT_CODE).json()["sid"]
    send(api, "+14155550002", "three")
    now = datetime.now(UTC)
    today, tomorrow = f"{now:%Y-%m-%d}", f"{now + timedelta(days=1):%Y-%m-%d}"
    yesterday = f"{now - timedelta(days=1):%Y-%m-%d}"

    def found(**filters: str) -> list[str]:
        return [message["sid"] for message in api.get(LIST, params=filters).json()["messages"]]

    assert found(To="+14155550001") == [second, first]
    assert found(To="+14155550001", From=SENDER) == [first]
    assert len(found(From=SENDER)) == 2
    assert found(To="+14155550009") == []
    assert len(found(DateSent=today)) == 3 or f"{datetime.now(UTC):%Y-%m-%d}" != today
    assert found(DateSent=yesterday) == []
    assert len(found(**{"DateSent>": yesterday})) == 3
    assert found(**{"DateSent>": tomorrow}) == []
    assert found(**{"DateSent<": yesterday}) == []
    assert found(**{"DateSent>": f"{now + timedelta(hours=1):%a, %d %b %Y %H:%M:%S} +0000"}) == []


@pytest.mark.parametrize("query", ["PageSize=x", "Page=x", "DateSent=yesterday", "PageToken=nonsense"])
def test_nonsense_in_a_list_is_refused(api: httpx.Client, query: str) -> None:
    assert api.get(f"{LIST}?{query}").status_code == 400


def test_unknown_message_is_404(api: httpx.Client) -> None:
    sid = send(api, "+14155550001").json()["sid"]
    for unknown in ("SM" + "0" * 32, "SM1", "MM" + sid[2:], sid[:-16] + "f" * 16):
        reply = api.get(f"{ACCOUNT}/Messages/{unknown}.json")
        assert (reply.status_code, reply.json()["code"]) == (404, 20404)
