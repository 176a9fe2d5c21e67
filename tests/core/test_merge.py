"""Merge fields: what composers write, what is refused, what it may cost."""

from __future__ import annotations

import pytest

from broadcast.core.merge import MAX_OUTPUT_CHARACTERS, TemplateError, check_template, render_template, template_fields

KNOWN = ("first_name", "last_name", "email", "number", "seat")


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("Hello!", {}, "Hello!"),
        ('Hi {{ first_name | default: "there" }}!', {"first_name": "Ann"}, "Hi Ann!"),
        ('Hi {{ first_name | default: "there" }}!', {"first_name": ""}, "Hi there!"),
        ('Hi {{ first_name | default: "there" }}!', {}, "Hi there!"),
        ("Hi {{first_name}}, seat {{ seat | upcase }}", {"first_name": "Ann", "seat": "b12"}, "Hi Ann, seat B12"),
        ("{% if seat %}Seat {{ seat }}{% else %}No seat{% endif %}", {"seat": "4"}, "Seat 4"),
        ("{% if seat %}Seat {{ seat }}{% else %}No seat{% endif %}", {}, "No seat"),
        ("  blanks at the ends go  ", {}, "blanks at the ends go"),
        ("Tom & {{ first_name }}", {"first_name": "<Jerry>"}, "Tom & <Jerry>"),
        ("50 % off {{ first_name }}", {"first_name": "{{ last_name }}", "last_name": "no"}, "50 % off {{ last_name }}"),
    ],
)
def test_what_a_recipient_reads(template: str, values: dict[str, str], text: str) -> None:
    assert render_template(template, values) == text


def test_fields_are_named_in_the_order_of_their_use() -> None:
    assert template_fields("{{ seat }} {% if email %}{{ first_name }}{% endif %} {{ seat }}") == [
        "seat",
        "email",
        "first_name",
    ]


def test_a_good_template_has_no_problems() -> None:
    assert check_template('Hi {{ first_name | default: "there" }}, {{ seat }}', KNOWN) == []


def test_an_unknown_field_is_named_with_its_position() -> None:
    problems = check_template("Hi {{ first_name }},\nyour {{ seet }}", KNOWN)

    assert len(problems) == 1
    assert (problems[0].line, problems[0].column) == (2, 9)
    assert "seet" in problems[0].text
    assert "seat" in problems[0].text


def test_every_use_of_an_unknown_field_is_found() -> None:
    assert [problem.column for problem in check_template("{{ a }} {{ seat }} {{ a }}", KNOWN)] == [4, 23]


@pytest.mark.parametrize(
    "template",
    [
        "Hi {{ first_name",
        "{% if seat %}never closed",
        "{{ first_name | no_such_filter }}",
        "{% nonsense %}",
        "{% include 'secrets' %}",
        "{% render 'secrets' %}",
    ],
)
def test_bad_syntax_is_refused_with_a_position(template: str) -> None:
    problems = check_template(template, KNOWN)

    assert problems
    assert problems[0].line == 1
    assert problems[0].column >= 1
    assert str(problems[0]).startswith("Line 1, column ")


def test_bad_syntax_does_not_render() -> None:
    with pytest.raises(TemplateError, match="Line 1"):
        render_template("{{ first_name", {})


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in (1..100000000) %}x{% endfor %}",
        "{% for i in (1..900) %}{{ first_name }}{% endfor %}",
        "{% for i in (1..900) %}{% for j in (1..900) %}x{% endfor %}{% endfor %}",
    ],
)
def test_a_template_that_costs_too_much_is_stopped(template: str) -> None:
    with pytest.raises(TemplateError):
        render_template(template, {"first_name": "x" * MAX_OUTPUT_CHARACTERS})
