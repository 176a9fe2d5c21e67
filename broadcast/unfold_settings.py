"""The look of the staff console."""

from __future__ import annotations

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Broadcast",
    "SITE_HEADER": "Broadcast",
}
