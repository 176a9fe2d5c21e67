"""A picture of a chain's flow as SVG: one box a step in their order, straight ways down the middle, others beside it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from campaigns.models.chain_values import END_LABEL, StepKind
from campaigns.services.chains.checks import exits
from campaigns.services.chains.plan import Plan, Step

#: Pixels.
BOX_WIDTH, BOX_HEIGHT, GAP, LEFT, LANE, TOP = 300, 58, 34, 24, 22, 16
#: Characters that fit.
TEXT_CHARACTERS, WAY_CHARACTERS = 44, 26


@dataclass(frozen=True, slots=True)
class _Way:
    start: int
    end: int
    text: str


def draw(plan: Plan) -> SafeString:
    """The flow as SVG, with a title and a description for who cannot see it.

    Args:
        plan: the chain; steps that lead nowhere are drawn without that way.
    """
    if not plan.steps:
        return mark_safe("")
    rows = {step.label: index for index, step in enumerate(plan.steps)}
    rows[END_LABEL] = len(plan.steps)
    ways = [
        _Way(rows[step.label], rows[target], text)
        for step in plan.steps
        for target, text in exits(plan, step)
        if target in rows
    ]
    straight = [way for way in ways if way.end == way.start + 1]
    beside = sorted((way for way in ways if way.end != way.start + 1), key=lambda way: abs(way.end - way.start))
    lanes = _lanes(beside)
    width = LEFT + BOX_WIDTH + 40 + (max(lanes, default=0) + 1) * LANE + WAY_CHARACTERS * 7
    # Steps that end by themselves lead nowhere: a box that no way leads to would look like a mistake.
    has_end = any(way.end == len(plan.steps) for way in ways)
    height = TOP * 2 + (len(plan.steps) + has_end) * (BOX_HEIGHT + GAP) - GAP
    return format_html(
        '<svg class="chain-drawing" role="img" aria-labelledby="chain-title chain-description" viewBox="0 0 {} {}" '
        'width="{}" height="{}" xmlns="http://www.w3.org/2000/svg"><title id="chain-title">The flow of {}</title>'
        '<desc id="chain-description">{}</desc><defs><marker id="chain-arrow" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>{}{}{}{}</svg>',
        width,
        height,
        width,
        height,
        plan.name,
        describe_flow(plan),
        format_html_join("", "{}", ((_straight(way),) for way in _merged(straight))),
        format_html_join(
            "",
            "{}",
            ((_beside(way, lane, way.end == len(plan.steps)),) for way, lane in zip(beside, lanes, strict=True)),
        ),
        format_html_join("", "{}", ((_box(step, rows[step.label]),) for step in plan.steps)),
        _end_box(len(plan.steps)) if has_end else "",
    )


def describe_flow(plan: Plan) -> str:
    """The flow in sentences."""
    sentences = []
    for step in plan.steps:
        ways = [f"{text}: {target}" if text else target for target, text in exits(plan, step)]
        sentences.append(f"{step.label} ({StepKind(step.kind).label.lower()}) → {'; '.join(ways) or 'done'}.")
    return " ".join(sentences)


def _merged(ways: list[_Way]) -> list[_Way]:
    """Ways between the same two boxes as one."""
    texts: dict[tuple[int, int], list[str]] = {}
    for way in ways:
        texts.setdefault((way.start, way.end), []).append(way.text)
    return [_Way(start, end, " / ".join(text for text in found if text)) for (start, end), found in texts.items()]


def _lanes(ways: list[_Way]) -> list[int]:
    """A lane for each way so that none lies on another."""
    taken: list[list[tuple[int, int]]] = []
    chosen = []
    for way in ways:
        low, high = sorted((way.start, way.end))
        lane = next(
            (at for at, spans in enumerate(taken) if all(high < start or low > end for start, end in spans)), len(taken)
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        chosen.append(lane)
    return chosen


def _y(row: int) -> int:
    return TOP + row * (BOX_HEIGHT + GAP)


def _cut(text: str, characters: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= characters else f"{text[: characters - 1].rstrip()}…"


def _box(step: Step, row: int) -> SafeString:
    y = _y(row)
    text = step.list_name if step.kind == StepKind.JOIN and not step.text else step.text
    return format_html(
        '<g class="chain-box is-{}"><rect x="{}" y="{}" width="{}" height="{}" rx="8"/>'
        '<text class="chain-label" x="{}" y="{}">{}<tspan class="chain-kind" dx="8">{}</tspan></text>'
        '<text class="chain-text" x="{}" y="{}">{}</text></g>',
        step.kind.replace("_", "-"),
        LEFT,
        y,
        BOX_WIDTH,
        BOX_HEIGHT,
        LEFT + 14,
        y + 24,
        step.label,
        StepKind(step.kind).label,
        LEFT + 14,
        y + 44,
        _cut(text, TEXT_CHARACTERS),
    )


def _end_box(row: int) -> SafeString:
    y = _y(row)
    return format_html(
        '<g class="chain-box is-end"><rect x="{}" y="{}" width="90" height="34" rx="17"/>'
        '<text class="chain-label" x="{}" y="{}" text-anchor="middle">end</text></g>',
        LEFT + BOX_WIDTH // 2 - 45,
        y,
        LEFT + BOX_WIDTH // 2,
        y + 22,
    )


def _straight(way: _Way) -> SafeString:
    x, y = LEFT + BOX_WIDTH // 2, _y(way.start) + BOX_HEIGHT
    return format_html(
        '<path class="chain-way" d="M{} {}V{}"/><text class="chain-why" x="{}" y="{}">{}</text>',
        x,
        y,
        y + GAP - 2,
        x + 8,
        y + GAP // 2 + 4,
        _cut(way.text, TEXT_CHARACTERS),
    )


def _beside(way: _Way, lane: int, is_end: bool) -> SafeString:
    right = LEFT + BOX_WIDTH
    x = right + 30 + lane * LANE
    from_y = _y(way.start) + 18 + lane % 3 * 11
    # The end's box is narrower than a step's.
    to_x = LEFT + BOX_WIDTH // 2 + 45 if is_end else right
    to_y = _y(way.end) + 12 + lane % 3 * 9
    return format_html(
        '<path class="chain-way" d="M{} {}H{}V{}H{}"/><text class="chain-why" x="{}" y="{}">{}</text>',
        right,
        from_y,
        x,
        to_y,
        to_x + 2,
        x + 5,
        from_y + 4,
        _cut(way.text, WAY_CHARACTERS),
    )
