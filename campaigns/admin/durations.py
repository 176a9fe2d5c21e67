"""Lengths of time as people write them."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

_MINUTES = {"m": 1, "min": 1, "mins": 1, "minute": 1, "minutes": 1}
_HOURS = {"h": 60, "hour": 60, "hours": 60}
_DAYS = {"d": 1440, "day": 1440, "days": 1440}
#: Minutes of each unit that is understood.
UNITS = _MINUTES | _HOURS | _DAYS

_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]*)")
_CLOCK = re.compile(r"(\d+):([0-5]\d)")


def minutes_text(minutes: int) -> str:
    """A length of time, for example ``4 h`` or ``1 h 30 min``.

    Args:
        minutes: 0 or more.
    """
    days, rest = divmod(minutes, 1440)
    hours, rest = divmod(rest, 60)
    if days == 1 and not rest:
        # "24 h" is how people speak of one day's grace, and "36 h" of one and a half.
        days, hours = 0, hours + 24
    parts = ((days, "days" if days > 1 else "day"), (hours, "h"), (rest, "min"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"


def read_minutes(text: str) -> int:
    """Minutes of ``4 h``, ``1 h 30 min``, ``2:30``, ``2 days`` or ``90``, which are minutes.

    Raises:
        ValueError: it is none of these.
    """
    text = text.strip().lower()
    clock = _CLOCK.fullmatch(text)
    if clock:
        return int(clock[1]) * 60 + int(clock[2])
    parts = _PART.findall(text)
    left = _PART.sub("", text).replace(",", " ").replace("and", " ")
    if not parts or left.strip() or any(unit not in UNITS for _count, unit in parts if unit or len(parts) > 1):
        raise ValueError(text)
    return round(sum(float(count.replace(",", ".")) * UNITS[unit or "min"] for count, unit in parts))


class MinutesField(forms.CharField):
    """A length of time that is stored in minutes.

    Args:
        usual: minutes when it is left empty.
        most: minutes.
        never: the word that stands for 0, for what 0 turns off.
        label: as for any field.
        help_text: as for any field; what is usual is added.
    """

    widget = UnfoldAdminTextInputWidget

    def __init__(self, *, usual: int, most: int, never: str = "", label: str, help_text: str) -> None:
        self.usual = usual
        self.most = most
        self.never = never
        super().__init__(
            label=label,
            required=False,
            initial=usual,
            help_text=f"{help_text} Empty: {minutes_text(usual)}.",
        )

    def prepare_value(self, value: Any) -> Any:
        """Minutes as people write them; what somebody typed stays as it is."""
        if not isinstance(value, int):
            return value
        return self.never if self.never and value == 0 else minutes_text(value)

    def to_python(self, value: Any) -> Any:
        """Minutes; the usual for nothing."""
        if isinstance(value, int):
            return value
        text = super().to_python(value)
        if not text:
            return self.usual
        if self.never and text.strip().lower() == self.never:
            return 0
        try:
            return read_minutes(text)
        except ValueError as error:
            raise forms.ValidationError(
                f"“{text}” is not a length of time. Write it as 4 h, 90 min or 1 h 30 min.", code="invalid"
            ) from error

    def validate(self, value: Any) -> None:
        """Refuse what is longer than allowed."""
        super().validate(value)
        if value > self.most:
            raise forms.ValidationError(f"At most {minutes_text(self.most)}.", code="too_long")

    def run_validators(self, value: Any) -> None:
        """None: those of texts do not fit a number."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether it is another length of time, however it is written."""
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except forms.ValidationError:
            return True
