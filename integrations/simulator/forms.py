"""Forms, decoded as browsers encode them; quicker than the standard library for the usual short fields."""

from __future__ import annotations

from urllib.parse import unquote_plus

MAX_FIELDS = 200


class FormError(ValueError):
    """The form has more fields than anyone needs."""


def parse_form(text: str) -> list[tuple[str, str]]:
    """Names and values in their order; blank values are kept.

    Raises:
        FormError: more than ``MAX_FIELDS`` fields.
    """
    if text.count("&") >= MAX_FIELDS:
        raise FormError(f"A form may have {MAX_FIELDS} fields at most.")
    pairs = []
    for field in text.split("&"):
        if not field:
            continue
        name, _, value = field.partition("=")
        pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(text: str) -> str:
    if "%" in text:
        return unquote_plus(text)
    return text.replace("+", " ") if "+" in text else text
