"""What is wrong with a keyword before it is saved."""

from __future__ import annotations

from campaigns.models import Keyword
from campaigns.services.keywords.matching import Phrase, folded_words, phrases_of
from messaging.wording import Intent, read

_TAKEN_BY = {
    Intent.OPT_OUT: "is an opt-out: whoever writes it is opted out, and the keyword is never reached.",
    Intent.HELP: "asks for help: the account's help text answers it, and the keyword is never reached.",
    Intent.OPT_IN: "undoes an opt-out: of people who have opted out it never reaches the keyword.",
    Intent.UNCLEAR: "may be an opt-out: it waits in “Opt-outs to review”, and the keyword is never reached.",
}


def phrase_problems(text: str) -> list[str]:
    """Lines that can never match, and twins.

    Args:
        text: ``Keyword.words``.
    """
    problems: list[str] = []
    seen: dict[Phrase, int] = {}
    for row, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        phrase = folded_words(line)
        if not phrase:
            problems.append(f"Line {row}: “{line.strip()}” has no letter or digit, so nothing can match it.")
        elif phrase in seen:
            problems.append(f"Line {row}: “{line.strip()}” is the same as line {seen[phrase]}. Remove one.")
        else:
            seen[phrase] = row
    if not seen and not problems:
        problems.append("Write at least one word.")
    return problems


def standard_word_warnings(text: str) -> list[str]:
    """Phrases that something else takes before any keyword.

    Args:
        text: ``Keyword.words``.
    """
    readings = ((line.strip(), read(line.strip()).intent) for line in text.splitlines() if line.strip())
    return [f"“{line}” {_TAKEN_BY[intent]}" for line, intent in readings if intent in _TAKEN_BY]


def clashes(keyword: Keyword) -> list[str]:
    """Other keywords that could answer the same word with the same right: none of them would be wrong, so a person decides.

    Args:
        keyword: as it is to be saved.

    Returns:
        Sentences for a person; empty when all is clear, or the keyword is disabled.
    """
    if not keyword.is_enabled:
        return []
    own = set(phrases_of(keyword.words))
    others = Keyword.objects.filter(account_id=keyword.account_id, priority=keyword.priority, is_enabled=True)
    found = []
    for other in others.exclude(pk=keyword.pk).select_related("number").order_by("pk"):
        shared = [phrase for phrase in phrases_of(other.words) if phrase in own]
        if shared and _share_numbers(keyword, other) and _share_times(keyword, other):
            named = ", ".join(f"“{' '.join(phrase).lower()}”" for phrase in shared)
            where = f"on {other.number}" if other.number else "on every number"
            found.append(
                f"{named}: the keyword “{other}” has it too, {where} at the same time and with priority "
                f"{other.priority}. Give one of the two a higher priority, or take it out of one."
            )
    return found


def _share_numbers(one: Keyword, other: Keyword) -> bool:
    return one.number_id is None or other.number_id is None or one.number_id == other.number_id


def _share_times(one: Keyword, other: Keyword) -> bool:
    def ends_before(first: Keyword, second: Keyword) -> bool:
        return bool(first.active_until and second.active_from and first.active_until <= second.active_from)

    return not ends_before(one, other) and not ends_before(other, one)
