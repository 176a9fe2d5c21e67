"""What one webhook process keeps to itself between requests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from broadcast.core.redis import RedisAway, connect_async, get_redis
from integrations.sms.errors import SignatureError
from messaging.engine import keys
from messaging.webhooks.asgi import Application


def test_a_wrong_address_that_redis_did_not_take_is_told_with_the_next_webhook(tmp_path: Path) -> None:
    application = Application()
    error = SignatureError("wrong", matching_url="https://sms.example.org/inbound?a=b")

    async def refused(url: str | None = None) -> None:
        application.client = connect_async(url)
        try:
            await application._remember_wrong_url(7, error)
        finally:
            await application.client.aclose()

    with pytest.raises(RedisAway):
        asyncio.run(refused(f"unix://{tmp_path}/nobody-listens.sock"))
    asyncio.run(refused())
    assert get_redis().getdel(keys.wrong_url(7)) == b"https://sms.example.org/inbound"
    asyncio.run(refused())
    assert not get_redis().exists(keys.wrong_url(7)), "not told again within the minute"
