"""Answers that are yes or no."""

from __future__ import annotations

import re
from itertools import pairwise

from campaigns.services.chains.words import DOUBTS, FILLERS, fold

#: A message that begins so is an answer, unless something in it speaks against that.
_CLEAR_YES = frozenset("yes yeah yep yup yea yess oui 👍 ✅ ✔".split())
_CLEAR_NO = frozenset("no nope nah nay nein 👎 ❌ ✖".split())
#: These mean something else in a sentence (“ok who is this”, “right now”, “can't wait”): an answer only by themselves.
_YES = _CLEAR_YES | frozenset(
    "y ya sure ok okay definitely absolutely certainly affirmative true correct right si claro ouais ja".split()
)
_NO = _CLEAR_NO | frozenset("n non never negative false incorrect cannot cant wont dont".split())
_PHRASES = {
    **dict.fromkeys(("of course", "por supuesto", "bien sur", "d accord", "daccord", "why not"), "yes"),
    **dict.fromkeys(("of course not", "no way", "ni hablar"), "no"),
}
#: “Yes, more or less” is one; doubts about how many are none about whether.
_UNSURE = DOUBTS - frozenset(
    "about around almost nearly least most more less than between under over up except without but excepto sin sans".split()
)
#: Words around a yes or a no.
_AROUND = FILLERS | frozenset(
    "do come coming make attend join there here time today tonight then day can see count thing bet happy glad "
    "unfortunately afraid able too also".split()
)
_BEGINNINGS = FILLERS - {"of"}
#: “No idea” and “no one told me” are no answers.
_AFTER_NO = frozenset(
    "problem problems prob probs worries worry matter one body idea clue doubt wonder se lo tengo hay more".split()
)


def read_yes_no(text: str) -> str:
    """``yes`` or ``no``; empty for what is neither, both or doubtful.

    Args:
        text: what the person wrote.
    """
    said = fold(text)
    if said in _PHRASES:
        return _PHRASES[said]
    words = re.sub(r"([👍👎✅✔❌✖])", r" \1 ", said).split()
    yes, no = _YES.intersection(words), _NO.intersection(words)
    rest = set(words) - yes - no
    if rest & _UNSURE or any(first in _NO and then in _AFTER_NO for first, then in pairwise(words)):
        return ""
    if bool(yes) != bool(no) and rest <= _AROUND:
        return "yes" if yes else "no"
    first = next((word for word in words if word in _YES or word not in _BEGINNINGS), "")
    if first in _CLEAR_YES and not no:
        return "yes"
    # “No, sorry, you were right”: what is no clear yes does not speak against it.
    return "no" if first in _CLEAR_NO and not yes & _CLEAR_YES else ""
