"""The rules by which sentences are read: data, by language."""

from __future__ import annotations

from messaging.wording.rules.common import COMMON
from messaging.wording.rules.english import ENGLISH
from messaging.wording.rules.french import FRENCH
from messaging.wording.rules.spanish import SPANISH

RULES = (*COMMON, *ENGLISH, *SPANISH, *FRENCH)
