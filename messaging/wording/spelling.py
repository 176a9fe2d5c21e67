"""What word somebody meant: figures for letters, stretched, swallowed, joined and misspelt words, spaced letters.

Only words that rules are about are recognised, and a word that exists in its own right is never taken for another: "massage"
is no message, "brother" does not bother.
"""

from __future__ import annotations

import re

from messaging.wording.rule import VOCABULARY
from messaging.wording.rules import RULES

#: Words that are looked for in other spellings. Long ones are recognised with a slip, too; see ``_SLIPS_FROM``.
_WORDS = (
    "NO MORE STOP QUIT CEASE END LEAVE ALONE ME MY OFF OUT TAKE REMOVE DELETE LOSE NUMBER PHONE LIST TEXT TEXTS TEXTING "
    "MESSAGE MESSAGES MESSAGING SEND SENDING CONTACT CONTACTING NEVER AGAIN PLEASE ANYMORE UNSUBSCRIBE CANCEL DO NOT WANT "
    "RECEIVE RECEIVING HARASSING HARASSMENT BOTHERING SPAM SPAMMING REPORT REPORTING LAWYER INTERESTED SUBSCRIPTION CALLING "
    "IT THIS THESE BUGGING BLOWING GETTING WRONG PERSON DISCONTINUE TERMINATE "
    "ALTO BAJA BASTA PAREN DEJEN DEJAR MANDEN MANDAR MANDARME ENVIEN ENVIAR ENVIARME MENSAJES ESCRIBAN ESCRIBIRME NUMERO LISTA "
    "QUITENME SAQUENME BORRENME ELIMINENME BORREN QUITEN ELIMINEN MOLESTEN MOLESTAR CANCELEN DARME QUIERO RECIBIR "
    "SUSCRIPCION "
    "ARRETER ARRETEZ CESSEZ RETIREZ ENLEVEZ SUPPRIMEZ ENVOYEZ ENVOYER DESABONNER DESABONNEZ DESINSCRIRE DESINSCRIVEZ LAISSEZ "
    "TRANQUILLE RECEVOIR CONTACTEZ CONTACTER"
)
_KNOWN = frozenset(_WORDS.split())
#: Shorter words have too many neighbours that mean something else.
_SLIPS_FROM = 6
#: Words in their own right, a slip away from one of ours.
_OTHER_WORDS = frozenset(
    "TESTING RESTING NESTING VEXING SPENDING MENDING BENDING TENDING LENDING VENDING FENDING STANDING SEEDING REMOVED REMOVES "
    "REMOVER REMOTE MASSAGE MASSAGES PASSAGE DELETED DELETES CONTRACT CONTRACTS CONTACTS CONTACTED COMPACT CANCER CANCELS CANDEL "
    "BROTHERING NUMBERS NUMBED LUMBER TIMBER LAWYERS LAYER PERSONS PERSONA PRISON REPORTS REPORTED RESORT REPOST RESPORT "
    "RECEIVED RECEIVES RECEIVER PLEASED PLEASES PLEASER CALLINGS FALLING CULLING CALMING TEXTINGS SPAWNING SPANNING SLAMMING "
    "HARASSED INTERESTS CONTACTE CONTACTES CONTACTO ARRETES ARRETEE ARRETERA NUMEROS NUMERUS ENVIARE ENVIARA ENVIARON MANDARE "
    "MANDARA MANDADO LISTEN MOLESTAN MOLESTIA MOLESTAS MOLESTA QUITEMEN RECIBIO RECIBIRE RECIBI ENVOYE ENVOYES RETIRE RETIRER "
    "RETIREE SUPPRIMER SUPPRIMEE ENLEVER ENLEVEE LAISSE LAISSER LAISSEE CONTACTER CONTACTEE DESABONNE DESABONNEE DESINSCRITE "
    "QUITENLE QUITELE QUITENLO QUITELO SAQUENLE SAQUENLO BORRENLE ELIMINENLE "
    "DESINSCRIT SENDINGS ENDING ANYWHERE TRANQUILLES MENSAJE ELIMINE ELIMINAN BORRAN QUIERA QUIEREN QUIERES MENSAJERO "
    "PLEASING MESSAGED TAKEOUT TAKEOFF OPTOUT STOPALL STOPOFF STOPOUT CALLOUT ENVOYA CESSER CESSE MANDA MANDAN ENVIAN ENVIE".split()
)
#: What rules ask for as it stands is no misspelling of anything.
_ASKED_FOR = frozenset(
    word
    for text in (*VOCABULARY.values(), *(part for rule in RULES for part in (rule.begins, rule.then)))
    for word in re.findall(r"[A-Z]{3,}", text)
)
_FIGURES = tuple(str.maketrans("013457$@", f"O{one}EASTSA") for one in "IL")
_REPEATED = re.compile(r"(.)\1+")
_THRICE = re.compile(r"(.)\1\1")
_VOWELS = re.compile("[AEIOU]")
#: Without one of these, joined words are a name or a word we do not know.
_JOINED = re.compile(
    r"STOP|REMOVE|DELETE|UNSUB|LOSEMY|LEAVEME|NOMORE|TEXTING|MEOFF|MEOUT|DONT|NOTEXT|OPTME|NOMAS|DEJEN|DEBAJA|PLUSDE|ARRETE"
)
_LONGEST = 40
_PARTS = _KNOWN | frozenset(
    "THIS THESE THE ALL YOUR PLZ PLS NOW OPT ANY IT US FUCKING YOU FROM GO AWAY TO CALL SMS DONT "
    "MAS DE MI LA LOS QUE POR FAVOR PLUS PUB LES MOI VOS SVP UNSUB UNSUBSCRIBEME DAR".split()
)


def _once(word: str) -> str:
    return _REPEATED.sub(r"\1", word)


def _first(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, word in pairs:
        found.setdefault(key, word)
    return found


def _near(word: str) -> set[str]:
    """A word with one letter left out at each place; with itself: two words that share one are a slip apart."""
    return {word[:place] + word[place + 1 :] for place in range(1, len(word))} | {word}


_BY_ONCE = _first([(_once(word), word) for word in _WORDS.split()])
_BY_CONSONANTS = _first([(_once(_VOWELS.sub("", word)), word) for word in _WORDS.split() if word[0] not in "AEIOU"])
_BY_SLIP = _first([(near, word) for word in _WORDS.split() if len(word) >= _SLIPS_FROM for near in sorted(_near(word))])


def meant(token: str) -> tuple[str, ...]:
    """The words that somebody meant by a token; empty when it says what it says.

    Args:
        token: a word in capitals without accents.
    """
    if token in _KNOWN or token in _ASKED_FOR or token in _OTHER_WORDS or not 2 <= len(token) <= _LONGEST:
        return ()
    if not token.isalpha():
        return _of_figures(token)
    if len(token) == 2:
        return ()
    if token.endswith("IN") and f"{token}G" in _KNOWN:
        return (f"{token}G",)
    if "K" in token and (spanish := token.replace("KI", "QUI").replace("KE", "QUE")) in _ASKED_FOR:
        return (spanish,)
    if _THRICE.search(token) and (word := _BY_ONCE.get(_once(token))):
        return (word,)
    if len(token) >= _SLIPS_FROM and (word := _BY_ONCE.get(_once(token))):
        return (word,)
    if not _VOWELS.search(token):
        word = _BY_CONSONANTS.get(_once(token))
        return (word,) if word else ()
    if len(token) >= _SLIPS_FROM - 1 and (word := _of_a_slip(token)):
        return (word,)
    return _parted(token) if len(token) >= _SLIPS_FROM and _JOINED.search(token) else ()


def spaced(letters: str) -> str:
    """The word that letters standing each for itself spell ("S T O P"); empty if they spell none of ours."""
    return letters if letters in _KNOWN or _BY_ONCE.get(_once(letters)) else ""


def _of_figures(token: str) -> tuple[str, ...]:
    """What figures in a word stand for: "n0 m0re t3xts"."""
    if token.isdigit():
        return ()
    for table in _FIGURES:
        letters = token.translate(table)
        if letters in _KNOWN:
            return (letters,)
        if len(letters) > 4 and letters.isalpha() and (words := meant(letters)):
            return words
    return ()


def _of_a_slip(token: str) -> str:
    for near in _near(token):
        word = _BY_SLIP.get(near)
        # Endings make another form of a word, not a slip.
        if word and abs(len(word) - len(token)) <= 1 and word[0] == token[0] and token[:-1] != word:
            return word
    return ""


def _parted(token: str) -> tuple[str, ...]:
    """The words that were written as one: "stoptextingme"."""
    parts: list[tuple[str, ...] | None] = [()] + [None] * len(token)
    for end in range(2, len(token) + 1):
        for start in range(max(0, end - 12), end - 1):
            before = parts[start]
            if before is not None and token[start:end] in _PARTS:
                parts[end] = (*before, token[start:end])
                break
    return parts[-1] or ()
