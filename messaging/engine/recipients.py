"""Who a batch is for, as the layer above asks the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RecipientQuery:
    """A SELECT of the people to write to, made by the layer above.

    Args:
        sql: yields ``recipient`` (E.164, once each), ``cohort`` (integer), ``context`` (JSON or NULL) and ``zone`` (the
            person's own time zone, or empty).
        params: its parameters.
    """

    sql: str
    params: Sequence[Any]
