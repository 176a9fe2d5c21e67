"""Plain templates mean what Liquid makes of them, for whatever values there are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.core.merge import TemplateError, compile_template, render_template
from broadcast.core.merge_plain import plain_template

NAMES = ("first_name", "city", "now", "empty", "n1", "_x")
SPACE = st.sampled_from(["", " ", "  ", "\n"])
QUOTED = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\"'\\"), max_size=8)


@st.composite
def fields(draw: st.DrawFn) -> str:
    name, space = draw(st.sampled_from(NAMES)), draw(SPACE)
    quote = draw(st.sampled_from(['"', "'"]))
    default = draw(st.one_of(st.just(""), QUOTED.map(lambda text: f"| default{space}: {quote}{text}{quote}")))
    return "{{" + f"{space}{name}{space}{default}{space}" + "}}"


TEXT = st.text(st.one_of(st.sampled_from("{}%-# |\n"), st.characters(exclude_categories=["Cs"])), max_size=12)
TEMPLATES = st.lists(st.one_of(TEXT, fields()), max_size=6).map("".join)
VALUES = st.dictionaries(
    st.sampled_from(NAMES),
    st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=10), st.none(), st.integers(), st.booleans()),
)


@given(TEMPLATES, VALUES)
def test_a_plain_template_reads_as_liquid_reads_it(source: str, values: dict[str, Any]) -> None:
    plain = plain_template(source)
    text = plain.render(values) if plain is not None else None
    if text is not None:
        assert text == compile_template(source).render(**values)


@pytest.mark.parametrize(
    "source",
    [
        "Hello {{ first_name }}",
        "Hello {{first_name}}, it is {{ city | default: 'here' }}.",
        '{{ first_name | default: "there" }}',
        "No field at all",
    ],
)
def test_usual_templates_are_plain(source: str) -> None:
    assert plain_template(source) is not None


@pytest.mark.parametrize(
    "source",
    [
        "{% if a %}b{% endif %}",
        "{{- first_name }}",
        "{{ first_name | upcase }}",
        "{{ person.name }}",
        "{{ now }}",
        "{{ first_name",
        "{{ empty }}",
        "Two lines\r\nfor {{ first_name }}",
    ],
)
def test_anything_else_is_left_to_liquid(source: str) -> None:
    assert plain_template(source) is None


def test_a_value_that_is_not_text_is_left_to_liquid() -> None:
    assert render_template("{{ n1 }} seats", {"n1": 4}) == "4 seats"
    assert render_template("{{ n1 }}", {"n1": True}) == "true"


def test_a_text_past_the_limit_is_refused_as_liquid_refuses_it() -> None:
    with pytest.raises(TemplateError):
        render_template("{{ n1 }}", {"n1": "x" * 9000})
