"""What docs/gateways.md says of the gateways, made from the code: capabilities, credentials, and the shared cases.

    python -m tests.gateway_table            # runs the shared cases and prints their table
    python -m tests.gateway_table --write    # puts it and the other tables into docs/gateways.md

The exit code is 1 when a case fails. A test holds the page against the code.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from integrations.sms.contract import Capabilities, SmsAdapter
from integrations.sms.registry import ADAPTERS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "gateways.md"
PASSES, OWN_WAY, FAILS, NOT_RUN = "passes", "its own way", "**fails**", "not run"
#: The classes with the shared cases are in ``tests/integrations/test_<kind>.py``, named ``Test<Kind>``.
_CASES = "tests/integrations/test_{kind}.py::Test{name}"
#: What the name of a test cannot have.
_SPELLINGS = {
    "gateways address": "gateway's address",
    "refusals text": "refusal's text",
    "the url": "the URL",
    "time out": "time-out",
    "opted out": "opted-out",
}
Shown = bool | int | str | tuple[str, ...]
_ROWS: tuple[tuple[str, str], ...] = (
    ("recipients_per_request", "Messages a request"),
    ("own_text_each", "Each with its own text"),
    ("idempotent_sends", "A request without an answer is repeated safely"),
    ("lookup", "A message whose fate is unknown can be looked up"),
    ("lookup_needs_provider_id", "… only if its reply was read"),
    ("inbound", "Receives messages"),
    ("media", "Sends pictures (MMS)"),
    ("numbers", "Numbers are searched, bought, wired and released here"),
    ("number_kinds", "… of these kinds"),
    ("number_filters", "… searched by"),
    ("wiring", "Where the address for inbound messages is set"),
    ("lists_urls", "Its list of numbers tells their addresses"),
    ("own_numbers_key", "Numbers need credentials or rights of their own"),
)


def adapters() -> list[type[SmsAdapter]]:
    """All adapters, by their labels."""
    return sorted(ADAPTERS.values(), key=lambda adapter: adapter.label)


def capabilities_table() -> str:
    """What each gateway can do, as Markdown."""
    columns = [vars_of(adapter.capabilities) for adapter in adapters()]
    rows = [[text, *(_shown(column[name]) for column in columns)] for name, text in _ROWS]
    return _table(["", *(adapter.label for adapter in adapters())], rows)


def vars_of(capabilities: Capabilities) -> dict[str, Shown]:
    """Capabilities by name."""
    return {name: getattr(capabilities, name) for name in capabilities.__dataclass_fields__}


def _shown(value: Shown) -> str:
    if isinstance(value, bool):
        return "yes" if value else "–"
    if isinstance(value, tuple):
        return ", ".join(name.replace("_", " ") for name in value)
    if isinstance(value, str):
        return f"the {value}"
    return f"{value:,}"


def credentials_table(adapter: type[SmsAdapter]) -> str:
    """The fields of a gateway's credentials, as Markdown."""
    rows = [
        [
            field.label,
            "yes" if field.required else "–",
            "yes" if field.secret else "–",
            field.help_text.replace("|", "\\|"),
        ]
        for field in adapter.credential_fields
    ]
    return _table(["Field", "Needed", "Secret", "Where it is, and what it is for"], rows)


def cases() -> list[str]:
    """Names of the shared cases, in their order."""
    # Not at the top: pytest rewrites the module's assertions when it imports it for the tests.
    from tests.gateway_cases import GatewayCases

    return [name for name in vars(GatewayCases) if name.startswith("test_")]


def cases_table(outcomes: Mapping[tuple[str, str], str]) -> str:
    """The shared cases and how each gateway fares in them, as Markdown.

    Args:
        outcomes: by the gateway's kind and the case's name.
    """
    rows = [
        [_words(case), *(outcomes.get((adapter.kind, case), NOT_RUN) for adapter in adapters())] for case in cases()
    ]
    return _table(["Case", *(adapter.label for adapter in adapters())], rows)


def _words(case: str) -> str:
    text = case.removeprefix("test_").replace("_", " ")
    for spoken, spelt in _SPELLINGS.items():
        text = text.replace(spoken, spelt)
    return text[0].upper() + text[1:]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


class Outcomes:
    """A pytest plugin that notes how the shared cases end."""

    def __init__(self) -> None:
        self.by_case: dict[tuple[str, str], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note an outcome; of a case with several examples, and of a test's three steps, the worst counts."""
        found = re.search(r"test_(\w+)\.py::Test\w+::(test_\w+)", report.nodeid)
        if found is None or found[2] not in cases():
            return
        key = (found[1], found[2])
        if not report.passed:
            self.by_case[key] = FAILS
        else:
            self.by_case.setdefault(key, expected(*key))


def expected(kind: str, case: str) -> str:
    """What a case that passes is called: a gateway may prove it in its own way."""
    module = __import__(f"tests.integrations.test_{kind}", fromlist=["*"])
    owner = getattr(module, f"Test{kind.capitalize()}")
    return OWN_WAY if case in vars(owner) else PASSES


def run_cases() -> dict[tuple[str, str], str]:
    """Run the shared cases of all gateways; their outcomes."""
    plugin = Outcomes()
    paths = [_CASES.format(kind=kind, name=kind.capitalize()) for kind in sorted(ADAPTERS)]
    pytest.main(["-q", "-n", "0", "--no-header", "-p", "no:cacheprovider", *paths], plugins=[plugin])
    return plugin.by_case


def blocks(outcomes: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """The page's tables by the names that stand around them."""
    return {
        "capabilities": capabilities_table(),
        **{f"credentials {adapter.kind}": credentials_table(adapter) for adapter in adapters()},
        "cases": cases_table(outcomes),
    }


def written(page: str, tables: Mapping[str, str]) -> str:
    """A page with its tables replaced.

    Raises:
        KeyError: a table has no place in it; the text names it.
    """
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if begin not in page or end not in page:
            raise KeyError(f"docs/gateways.md has no {begin} … {end}. Give the gateway a section.")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases, print or write; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gateway_table", description="The gateways and their cases.")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/gateways.md")
    options = parser.parse_args(arguments)
    outcomes = run_cases()
    if options.write:
        PAGE.write_text(written(PAGE.read_text(), blocks(outcomes)))
    else:
        sys.stdout.write(cases_table(outcomes) + "\n")
    return 1 if FAILS in outcomes.values() or NOT_RUN in cases_table(outcomes) else 0


if __name__ == "__main__":
    raise SystemExit(main())
