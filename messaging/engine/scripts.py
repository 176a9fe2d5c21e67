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
    """Scripts bound to a client, sync or async: ``scripts.take(keys=…, args=…)``."""

    def __init__(self, client: Any) -> None:
        self.take = client.register_script(read_script("take"))
        self.put = client.register_script(read_script("put"))
        self.renew = client.register_script(read_script("renew"))
        self.pace = client.register_script(read_script("pace"))
        self.stopped = client.register_script(read_script("stopped"))
        self.spend = client.register_script(read_script("spend"))
        self.unspend = client.register_script(read_script("unspend"))
        self.unmark = client.register_script(read_script("unmark"))
        self.client = client
        self.seize = client.register_script(read_script("seize"))

    async def load(self) -> None:
        """Make an asynchronous client's Redis know those that pipelines call by their hash."""
        for script in (self.pace, self.stopped):
            await self.client.script_load(script.script)
