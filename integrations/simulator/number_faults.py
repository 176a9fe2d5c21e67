"""What goes wrong with numbers at each step: pages instead of data, replies that nobody hears. Shares are in the shop."""

from __future__ import annotations

from collections.abc import Callable

from integrations.simulator.config import SimulatorSettings
from integrations.simulator.http1 import Exchange

_PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"


def number_fault(settings: SimulatorSettings, step: str) -> str:
    """The fault that is set for a step, empty for none.

    Args:
        settings: as they are now.
        step: ``search``, ``buy``, ``change``, ``release`` or ``list``.
    """
    return next((fault.partition(":")[2] for fault in settings.number_faults if fault.startswith(f"{step}:")), "")


def fail(exchange: Exchange, fault: str, act: Callable[[], object]) -> None:
    """Answer as no API should.

    Args:
        exchange: the request.
        fault: one that is the same in every dialect.
        act: does what was asked for.
    """
    if fault.startswith("lost"):
        act()
    if fault in ("html", "lost_html"):
        exchange.reply(200, _PAGE, content_type=b"text/html")
    elif fault == "lost_json":
        exchange.reply(200, b'{"ok":true}')
    elif fault == "empty":
        exchange.reply(200)
    else:
        exchange.drop()
