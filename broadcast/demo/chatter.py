"""Keeps the console alive after the campaign: now and then somebody writes."""

from __future__ import annotations

import logging
import random
import threading

import httpx

from broadcast.demo.carrier import Carrier

logger = logging.getLogger(__name__)

MEAN_SECONDS = 9.0
WORDS = (
    "Is there still a seat for two tonight?",
    "Thanks, see you there 👍",
    "HELP",
    "What time does it end? My train leaves at 10",
    "STOP",
    "Can I swap my ticket for Saturday?",
    "wrong number",
    "Do you have wheelchair places?",
    "START",
    "ok",
)


def trickle(carrier: Carrier, *, people: list[str], numbers: tuple[str, ...], stop: threading.Event) -> None:
    """Let somebody write every few seconds until told to stop.

    Args:
        carrier: the simulator.
        people: who may write, E.164.
        numbers: ours that they may write to.
        stop: ends it.
    """
    draws = random.Random(11)
    while people and not stop.wait(draws.expovariate(1 / MEAN_SECONDS)):
        sender, recipient, body = draws.choice(people), draws.choice(numbers), draws.choice(WORDS)
        try:
            carrier.person_writes(sender=sender, recipient=recipient, body=body)
        except httpx.HTTPError as error:
            logger.info("Nobody could write through the simulated carrier: %s", error)
