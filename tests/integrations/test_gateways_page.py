"""docs/gateways.md says what the adapters say. ``python -m tests.gateway_table --write`` brings it up to date."""

from __future__ import annotations

import pytest

from integrations.sms.contract import SmsAdapter
from integrations.sms.registry import ADAPTERS
from tests import gateway_table
from tests.gateway_table import PAGE, blocks, cases, expected, written


def test_the_page_has_what_the_code_has() -> None:
    outcomes = {(kind, case): expected(kind, case) for kind in ADAPTERS for case in cases()}
    page = PAGE.read_text()

    assert page == written(page, blocks(outcomes)), "run: python -m tests.gateway_table --write"


def test_every_capability_has_a_row() -> None:
    for adapter in ADAPTERS.values():
        assert set(gateway_table.vars_of(adapter.capabilities)) == {name for name, _ in gateway_table._ROWS}


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=list(ADAPTERS))
def test_every_gateway_has_a_section(adapter: type[SmsAdapter]) -> None:
    section = PAGE.read_text().partition(f"\n## {adapter.label}\n")[2].partition("\n## ")[0]

    for heading in ("Credentials", "Webhooks", "Limits", "What a time-out means", "Doubts"):
        assert f"**{heading}" in section, f"{adapter.__name__} has nothing on {heading}"


def test_a_page_without_a_place_for_a_gateway_is_noticed() -> None:
    with pytest.raises(KeyError, match="credentials"):
        written("<!-- capabilities -->\n<!-- /capabilities -->\n", {"capabilities": "x", "credentials acme": "y"})
