"""Texts as people type them, made comparable: capitals, no accents, words and ends of sentences."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from messaging.wording.spelling import meant, spaced

#: As much as providers take. Of longer texts the beginning and the end are read, where wishes stand.
MOST_CHARACTERS = 1_600
#: No word that means anything here is longer; it bounds what a rule has to step over.
MOST_LETTERS = 40
#: What pictures say.
_SIGNS = {
    "\U0001f6d1": "STOPSIGN",
    "\u26d4": "STOPSIGN",
    "\U0001f6ab": "STOPSIGN",
    "\U0001f595": "MIDDLEFINGER",
    "\U0001f44e": "THUMBSDOWN",
}
#: Ends of a sentence; a comma parts clauses only.
SENTENCE_ENDS = ".?"
_BUT = frozenset({"BUT", "PERO", "MAIS"})
#: After these a "but" takes something back: "… but I do", "… but keep the weather".
_NOT_AFTER_BUT = frozenset({"I", "KEEP", "NOT", "YO", "JE"})

_WORD = re.compile(r"[\w-]+")
_APOSTROPHES = str.maketrans("", "", "'’‘`´ʼ")
#: French "m'envoyez", "l'arrêt", "qu'on": two words. English has its apostrophes further back.
_ELISION = re.compile(r"(?<!\w)(QU|[CDJLMNST])['’‘`´ʼ](?=\w)")
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_SPLIT = re.compile(r"\b(?:ST OP|STO P)\b")
_TELEPHONE = re.compile(r"(?<!\w)(?:\+?1[ .-]?)?(?:\(\d{3}\)|\d{3})[ .-]?\d{3}[ .-]\d{4}(?!\w)")
_DICTATED = re.compile(
    r"\b(STOP|UNSUBSCRIBE|ME|LIST|YOU|NOW|TEXTING|TEXTS) (?:PERIOD|COMMA|EXCLAMATION (?:POINT|MARK))\b"
)
_SPACED = re.compile(r"(?<!\w)\w(?:[ .-]\w){2,12}(?!\w)")
_SIGN = re.compile(f"[{''.join(_SIGNS)}]")
_TOKEN = re.compile(r"\$?[\w*@]+|[.?!,;:#\n¿¡…()–—\"“”„«»]")
#: Words and their spellings in use.
_SPELT = {
    "STOP": (
        "STOP2END STOP2QUIT STOP2STOP ESTOP "
        "STPO SOTP TSOP STOPP STOO STPP STIP SSTOP STOPT STAHP STAPH STAP ST0P 5TOP S70P DTOP"
    ),
    "UNSUBSCRIBE": (
        "UNSUB UNSUBS UNSUBCRIBE UNSUSCRIBE UNSUBSCRIB UNSCRIBE UNSUBSRIBE UNSUBSCIBE UNSUBSCRIBR UNSUSBCRIBE UNSUBCRIB "
        "UNSUBSRCIBE UNSUBSCRUBE UNSUBSCRBE UNSBSCRIBE"
    ),
    "CANCEL": "CANCLE CANSEL CANCELL CANCIL",
    "REMOVE": "REMOV REMOVEE REMVE",
    "DELETE": "DELET DELTE DELEAT",
    "TEXT": "TXT TEX TEXTE",
    "TEXTS": "TXTS TEXTES TXS",
    "TEXTING": "TXTING TEXTIN TEXING TXTIN",
    "MESSAGE": "MSG MESAGE MSSG",
    "MESSAGES": "MSGS MESAGES MESSGES MSJS MSJ MENSAJITOS",
    "MESSAGING": "MSGING MESSAGIN MESAGING",
    "SENDING": "SENDIN SENING",
    "NUMBER": "NUM NUMER NUMBR NBR #",
    "YOU": "U YALL",
    "YOUR": "UR YR",
    "PHONE": "FONE FON CELLPHONE",
    "ME": "MEE",
    "WITH": "W",
    "QUE": "Q",
    "DO NOT": "DONT DOESNT DNT DOENT",
    "DID NOT": "DIDNT",
    "CAN NOT": "CANT CANNOT",
    "WILL NOT": "WONT WOULDNT",
    "IS NOT": "ISNT AINT",
    "I AM": "IM",
    ".": "! ; … ¿ ¡",
    ",": "( ) : – —",
    '"': "“ ” „ « »",
    # Courtesy and force: "please just stop f***ing texting me now" says "stop texting me".
    "": (
        "PLEASE PLS PLZ PLEAS PLIS KINDLY JUST EVER FUCKING FUCKIN FKN FCKING FREAKING FRICKING DAMN GODDAMN BLOODY ALREADY "
        "IMMEDIATELY PORFA PORFAVOR XFA XFAVOR SVP SIMPLY"
    ),
}
_SPELLINGS = {spelling: tuple(word.split()) for word, known in _SPELT.items() for spelling in known.split()} | {
    "\n": (".",)
}


def fold(text: str) -> str:
    """A text in capitals without accents, invisible characters and full-width forms; apostrophes stay."""
    text = unicodedata.normalize("NFKC", text).upper()
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if unicodedata.category(character) not in ("Mn", "Cf"))


def words(body: str) -> list[str]:
    """The words of a text: capitals, accents kept, without punctuation, quotes, invisible characters or full-width forms."""
    text = unicodedata.normalize("NFKC", body).upper().translate(_APOSTROPHES)
    if not text.isascii():
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    found = [word for part in _WORD.findall(text) if (word := part.strip("-_"))]
    # "S.T.O.P" is one word, spelled.
    return ["".join(found)] if len(found) > 1 and all(len(word) == 1 for word in found) else found


def first_word(body: str) -> str:
    """The first word in capitals, empty if there is none."""
    found = words(body)
    return found[0] if found else ""


def shorten(body: str) -> str:
    """A text of at most ``MOST_CHARACTERS``, by its beginning and its end."""
    if len(body) <= MOST_CHARACTERS:
        return body
    half = MOST_CHARACTERS // 2
    return f"{body[:half]}\n{body[-half:]}"


def has_signs(body: str) -> bool:
    """Whether a text says something by a picture: a stop sign, a hand."""
    return bool(_SIGN.search(body))


def tokens(body: str) -> list[str]:
    """Words in one spelling each, and marks: ``.`` ``?`` ``,`` for ends, ``"`` for any quotation mark.

    Lines that quote another message ("> …") are left out.

    Args:
        body: at most ``MOST_CHARACTERS`` long.
    """
    text = _ELISION.sub(r"\1 ", fold(_QUOTED_LINE.sub("", body))).translate(_APOSTROPHES)
    text = _DICTATED.sub(r"\1. ", text)
    text = _TELEPHONE.sub("5550000000", text)
    text = _SIGN.sub(lambda match: f" {_SIGNS[match[0]]} ", _SPACED.sub(_unspaced, _SPLIT.sub("STOP", text)))
    found: list[str] = []
    for token in _TOKEN.findall(text):
        spelled = _SPELLINGS.get(token)
        if spelled is not None:
            found += spelled
        elif "*" in token or "@" in token:
            # "f***ing", "sh*t": what it stands for does not matter. "*STOP*" is a word in bold.
            bold = token.strip("*@")
            if bold.isalnum():
                found += _SPELLINGS.get(bold, (bold[:MOST_LETTERS],))
        elif token.isdigit() and 7 <= len(token) <= 15:
            # Somebody who writes a telephone number out means it: "take 5125550111 off".
            found += ("MY", "NUMBER")
        else:
            for word in meant(token) or (token[:MOST_LETTERS],):
                found += _SPELLINGS.get(word, (word,))
    return found


def _unspaced(match: re.Match[str]) -> str:
    """Letters that stand each for itself as the word they spell: "S T O P texting me"."""
    return spaced(re.sub(r"\W", "", match[0])) or match[0]


def sentences(found: list[str]) -> list[list[str]]:
    """Tokens by sentence. Each begins with ``.`` and ends with ``.`` or ``?``, so that rules can ask for either end.

    What follows a "but" stands for itself: "don't cancel my order but stop texting me".
    """
    result: list[list[str]] = []
    current: list[str] = ["."]
    for token, following in pairwise([*found, ".", "."]):
        ends = "." if token in _BUT and following not in _NOT_AFTER_BUT else token
        current.append(ends)
        if ends in SENTENCE_ENDS:
            if len(current) > 2:
                result.append(current)
            current = ["."]
    return result
