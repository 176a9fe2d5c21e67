"""English rules."""

from __future__ import annotations

from messaging.wording.rules.english_against import AGAINST
from messaging.wording.rules.english_clear import CLEAR
from messaging.wording.rules.english_hints import HINTS
from messaging.wording.rules.english_refusals import REFUSALS
from messaging.wording.rules.english_things import THINGS
from messaging.wording.rules.english_wide import WIDE

ENGLISH = (*CLEAR, *WIDE, *REFUSALS, *HINTS, *AGAINST, *THINGS)
