"""The words of an answer: how texts are compared, and which words around an answer change nothing about it."""

from __future__ import annotations

import re
import unicodedata

#: Thanks and the like.
COURTESY = frozenset(
    "please pls plz thanks thank thx ty you u so very much a lot gracias por favor muchas merci svp danke bitte hi hello hey "
    "hola bonjour oh well um uh ah hmm lol haha sorry sir maam".split()
)
#: Words that people put around an answer of any kind. None of them denies, doubts or asks anything.
FILLERS = COURTESY | frozenset(
    "i im id ill ive we were wed well me us my our it its is that thats this the an one's answer say says said would will ll "
    "be am are like love want wish to have having take get got choose pick go going with for just only exactly "
    "definitely really good great fine nice lovely perfect sounds in and of course el la los las le les un une una mi mon ma "
    "es yo je quiero quisiera para pour voy va veux voudrais prends".split()
)
#: What makes an answer doubtful, wherever it stands.
DOUBTS = frozenset(
    "not no never nor neither maybe perhaps unsure possibly probably might quizas quiza peut tal depends depending if unless "
    "whether or about around almost nearly least most more less than between under over up until except without but know "
    "knows idea clue doubt cannot cant wont dont doesnt didnt isnt arent wouldnt pas sais ni sin sans excepto o ou".split()
)


def fold(text: str) -> str:
    """A text in small letters, without accents and punctuation, its words one blank apart."""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(char for char in text if not unicodedata.combining(char)).replace("'", "").replace("’", "")
    return " ".join(re.sub(r"[^\w👍👎✅✔❌✖]+|_", " ", text).split())


def around(said: str, phrase: str) -> list[str] | None:
    """The words of a folded text around a folded phrase; None when the phrase is not in it."""
    before, found, after = f" {said} ".partition(f" {phrase} ")
    return f"{before} {after}".split() if found else None
