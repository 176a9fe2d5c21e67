"""English rules."""

from __future__ import annotations

from messaging.wording.rules.english_against import AGAINST
from messaging.wording.rules.english_clear import CLEAR
from messaging.wording.rules.english_hints import HINTS

ENGLISH = (*CLEAR, *HINTS, *AGAINST)
