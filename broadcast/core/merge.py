"""Merge fields: Liquid as composers of the trade use it, with limits on what a template can cost.

``{{ first_name | default: "there" }}`` is replaced for each recipient. A template may branch and loop, but it cannot read
files or other templates, and it is stopped long before it could hurt a sender.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from liquid import BoundTemplate, Environment
from liquid.exceptions import LiquidError

from broadcast.core.merge_plain import PlainTemplate, plain_template

#: Longest text that a template may produce, in characters; carriers take 1,600.
MAX_OUTPUT_CHARACTERS = 8000
#: Compiled templates kept by a process.
CACHE_SIZE = 256

_FORBIDDEN_TAGS = ("include", "render", "extends", "block", "import", "macro", "call")


class _Environment(Environment):
    loop_iteration_limit = 1000
    output_stream_limit = MAX_OUTPUT_CHARACTERS
    local_namespace_limit = 20_000
    context_depth_limit = 10
    block_nesting_limit = 10


def _make_environment() -> Environment:
    environment = _Environment(autoescape=False)
    for tag in _FORBIDDEN_TAGS:
        environment.tags.pop(tag, None)
    return environment


_environment = _make_environment()


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """What is wrong with a template, and where.

    Args:
        text: for a person.
        line: from 1.
        column: from 1.
    """

    text: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}: {self.text}"


class TemplateError(ValueError):
    """A template cannot be used; ``problem`` says why and where."""

    def __init__(self, problem: TemplateProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _problem(error: LiquidError, source: str) -> TemplateProblem:
    text = str(error.args[0]) if error.args else str(error)
    text = (text[:1].upper() + text[1:]).rstrip(".") + "."
    token = error.token
    index = token.start_index if token is not None and token.start_index >= 0 else 0
    return TemplateProblem(text, *_position(source, index))


def _position(source: str, index: int) -> tuple[int, int]:
    before = source[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


@lru_cache(maxsize=CACHE_SIZE)
def compile_template(source: str) -> BoundTemplate:
    """A template ready to render; the last ones are kept.

    Raises:
        TemplateError: bad syntax, with the position.
    """
    try:
        return _environment.from_string(source)
    except LiquidError as error:
        raise TemplateError(_problem(error, source)) from None


@lru_cache(maxsize=CACHE_SIZE)
def _plain(source: str) -> PlainTemplate | None:
    return plain_template(source)


def template_fields(source: str) -> list[str]:
    """Names of the merge fields that a template reads, in the order of their first use.

    Raises:
        TemplateError: bad syntax, with the position.
    """
    analysis = compile_template(source).analyze(include_partials=False)
    first_use = {name: min(use.span.index for use in uses) for name, uses in analysis.globals.items()}
    return sorted(first_use, key=lambda name: first_use[name])


def check_template(source: str, known: Collection[str]) -> list[TemplateProblem]:
    """Everything that is wrong with a template.

    Args:
        source: the template.
        known: names of the merge fields there are.

    Returns:
        Problems with their positions; empty when it can be used.
    """
    try:
        template = compile_template(source)
    except TemplateError as error:
        return [error.problem]
    problems = []
    for name, uses in template.analyze(include_partials=False).globals.items():
        if name not in known:
            there_are = ", ".join(sorted(known))
            text = f"There is no merge field “{name}”. There are: {there_are}."
            problems += [TemplateProblem(text, *_position(source, use.span.index)) for use in uses]
    if not problems:
        try:
            template.render(**dict.fromkeys(known, "x"))
        except LiquidError as error:
            problems.append(_problem(error, source))
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def render_template(source: str, values: Mapping[str, Any]) -> str:
    """The text for one recipient, without blanks at its ends.

    Args:
        source: the template.
        values: values of its merge fields; a missing one is empty.

    Raises:
        TemplateError: bad syntax, or the text grows past a limit.
    """
    if "{" not in source:
        return source.strip()
    plain = _plain(source)
    if plain is not None:
        text = plain.render(values)
        if text is not None and len(text) <= MAX_OUTPUT_CHARACTERS // 4:
            return text.strip()
    try:
        return compile_template(source).render(**values).strip()
    except LiquidError as error:
        raise TemplateError(_problem(error, source)) from None
