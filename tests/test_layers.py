"""The import contracts of pyproject.toml hold, and each of them bites."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from integrations.sms.registry import ADAPTERS

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


#: Where a gateway's name may stand: its adapter, the list of adapters, the stand-in server; and a demo has to choose one.
NAMED = (
    "integrations/sms/providers/",
    "integrations/sms/registry.py",
    "integrations/simulator/",
    "broadcast/demo/",
    "/migrations/",
)


def names_in(tree: ast.AST, wanted: re.Pattern[str]) -> list[str]:
    """Names and texts of a module that match; comments and docstrings may tell whose documentation says so."""
    told = [
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    ]
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in told:
            found.append(str(node.value))
        for field in ("id", "attr", "name", "module", "arg"):
            found.append(str(getattr(node, field, "")))
    return sorted({name for name in found if wanted.search(name)})


def test_nothing_outside_the_adapters_knows_a_gateway_by_name() -> None:
    wanted = re.compile("|".join(ADAPTERS), re.IGNORECASE)
    found = {
        str(path.relative_to(ROOT)): names
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not any(place in str(path.relative_to(ROOT)) for place in NAMED)
        and (names := names_in(ast.parse(path.read_text()), wanted))
    }

    assert not found, "say it as a capability or an attribute of the adapter (integrations/sms/contract.py)"


@pytest.mark.parametrize(
    "code",
    [
        'if gateway.kind == "sinch": pass',
        "from integrations.sms.providers.twilio import TwilioAdapter",
        "import integrations.sms.providers.telnyx",
        "infobip_only = 1",
        "send(telnyx=1)",
        "gateway.is_sinch",
        "def for_twilio(): pass",
        'HEADER = "x-twilio-signature"',
    ],
)
def test_a_gateways_name_in_code_is_noticed(code: str) -> None:
    wanted = re.compile("|".join(ADAPTERS), re.IGNORECASE)

    assert names_in(ast.parse(code), wanted)
    assert not names_in(ast.parse('"""As Twilio does."""\n# Sinch too\nx = 1'), wanted)
