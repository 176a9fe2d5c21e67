"""Files of people, as they are really sent, into a list.

``read_table`` finds out how a file is written, ``plan_import`` says what would happen to each row, and ``apply_import``
does it; ``import_file`` is all three; ``import_stream`` takes files of any size. The admin, the command and the demo
use these alike.
"""

from __future__ import annotations

from campaigns.services.imports.applying import Progress, apply_import, import_file, import_stream
from campaigns.services.imports.columns import Column
from campaigns.services.imports.errors import UnreadableFile
from campaigns.services.imports.planning import (
    OUTCOME_LABELS,
    REJECTED,
    Change,
    ImportPlan,
    Outcome,
    PlannedRow,
    plan_import,
)
from campaigns.services.imports.reading import Table, format_name, open_table, read_table

__all__ = [
    "OUTCOME_LABELS",
    "REJECTED",
    "Change",
    "Column",
    "ImportPlan",
    "Outcome",
    "PlannedRow",
    "Progress",
    "Table",
    "UnreadableFile",
    "apply_import",
    "format_name",
    "import_file",
    "import_stream",
    "open_table",
    "plan_import",
    "read_table",
]
