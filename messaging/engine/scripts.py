"""The engine's Lua scripts; what each does stands at its head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "lua"

#: Arguments a script may be called with at once; Lua's stack bounds ``unpack``.
MAX_SCRIPT_ARGUMENTS = 4000


def read_script(name: str) -> str:
    """The source of a script."""
    return (FOLDER / f"{name}.lua").read_text()


class Scripts:
    """Scripts bound to a client, sync or async: ``scripts.take(keys=…, args=…)``; ``pace_sha`` for pipelines."""

    def __init__(self, client: Any) -> None:
        self.take = client.register_script(read_script("take"))
        self.put = client.register_script(read_script("put"))
        self.renew = client.register_script(read_script("renew"))
        self.pace = client.register_script(read_script("pace"))
        self.pace_sha: str = self.pace.sha
        self.seize = client.register_script(read_script("seize"))
