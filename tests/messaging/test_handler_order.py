"""The order in which handlers of inbound messages are asked."""

from __future__ import annotations

import re
from pathlib import Path

from broadcast.core.config import BASE_DIR
from messaging.inbound.router import handler_names

ORDER = [
    "loop_guard",
    "opt_out",
    "help",
    "opt_in",
    "double_opt_in",
    "unclear_opt_out",
    "chain",
    "keyword",
    "default_reply",
    "inbox",
]


def test_handlers_are_asked_in_this_order_and_the_architecture_page_says_so() -> None:
    assert handler_names() == ORDER
    page = (Path(BASE_DIR) / "docs" / "architecture.md").read_text()
    assert re.findall(r"^\| \d+ \| `(\w+)`", page, re.MULTILINE) == ORDER
