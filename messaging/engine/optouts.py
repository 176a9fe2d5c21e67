"""Opt-outs as they arrive: the sender hears of each at once, so that no message leaves on the word of an older look."""

from __future__ import annotations

from broadcast.core.redis import RedisAway
from messaging.engine import keys, limits
from messaging.engine.window import Window


class OptOuts:
    """Hears of opt-outs for as long as a run lasts. ``STOPS`` stays the truth: what is heard only says whom to look up.

    Args:
        window: the sender's; its ``heard`` grows.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.channel = window.redis.pubsub(ignore_subscribe_messages=True)

    async def listen(self) -> None:
        """Begin to hear; to be called before the first look at ``STOPS``, so that nothing falls in between.

        Raises:
            redis.RedisError: Redis is away.
        """
        await self.channel.subscribe(keys.STOPPED)
        # The answer to it: from now on everything is heard.
        await self.channel.get_message(timeout=limits.TICK_SECONDS)

    async def run(self) -> None:
        """Note who opts out until the run ends."""
        window = self.window
        try:
            while not window.draining.is_set():
                message = await self.channel.get_message(timeout=limits.TICK_SECONDS)
                if message is not None:
                    window.heard.add(message["data"].decode())
        except RedisAway as error:
            window.redis_away(error)

    async def close(self) -> None:
        """Hear no more."""
        await self.channel.aclose()
