"""The import contracts of pyproject.toml hold, and each of them bites."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("broadcast", "accounts", "campaigns", "messaging", "integrations")

BREACHES = {
    "Imports point down": ("messaging/states.py", "import campaigns.models"),
    "Inside broadcast": ("broadcast/core/config.py", "import broadcast.settings"),
    "Inside accounts": ("accounts/querysets.py", "import accounts.models"),
    "Inside integrations": ("integrations/sms/errors.py", "import integrations.simulator"),
    "Inside messaging": ("messaging/states.py", "import messaging.models"),
    "Inside campaigns": ("campaigns/querysets.py", "import campaigns.models"),
    "Adapters do no I/O": ("integrations/sms/segments.py", "import httpx"),
    "Adapters know nothing of each other": (
        "integrations/sms/providers/other.py",
        "import integrations.sms.providers.twilio",
    ),
    "The simulator runs without Django": ("integrations/simulator/people.py", "import django.utils"),
    "The webhook process runs without Django": ("messaging/webhooks/__init__.py", "import django"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return subprocess.run([*command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=lambda _, names: [n for n in names if not _is_code(n)])
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _is_code(name: str) -> bool:
    return name.endswith(".py") or ("." not in name and name != "__pycache__")


def test_every_import_points_the_way_it_should() -> None:
    result = lint(ROOT)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("contract", "file", "line"), [(name, *breach) for name, breach in BREACHES.items()])
def test_a_contract_bites(copy: Path, contract: str, file: str, line: str) -> None:
    path = copy / file
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        result = lint(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)

    verdicts = re.findall(r"(.+?) (KEPT|BROKEN)", " ".join(result.stdout.partition("Contracts:")[0].split()))
    assert result.returncode == 1
    assert [name for name, verdict in verdicts if verdict == "BROKEN" and contract in name], result.stdout


def test_a_module_outside_every_layer_is_noticed(copy: Path) -> None:
    path = copy / "messaging" / "stray.py"
    path.write_text("")
    try:
        result = lint(copy)
    finally:
        path.unlink()

    assert result.returncode == 1
    assert "stray" in result.stdout
