"""The standard words and their like: what a whole message may consist of.

Sources: Twilio's default keywords (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT, REVOKE, OPTOUT; START, YES, UNSTOP; HELP,
INFO), the US rules on revoking consent by any reasonable means (47 CFR 64.1200(a)(10)), and what carriers use in Spanish and
French.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from messaging.wording.text import fold

OPT_OUT = frozenset(
    "STOP STOPALL STOPP UNSUBSCRIBE UNSUB CANCEL END QUIT REVOKE OPTOUT OPT-OUT DISCONTINUE "
    "ALTO BAJA PARAR CANCELAR DETENER DESUSCRIBIR DESUSCRIBIRME NOMAS NOMORE "
    "ARRET ARRETER ARRETEZ ARRETE DESABONNER DESABONNEMENT DESINSCRIPTION DESINSCRIRE".split()
)
OPT_IN = frozenset(
    "START UNSTOP OPTIN OPT-IN SUBSCRIBE RESUBSCRIBE RESTART "
    "ALTA INICIAR COMENZAR SUSCRIBIR SUSCRIBIRME REPRENDRE REABONNER ABONNER".split()
)
#: Opt in only as all there is: "yes please" is an answer to something else.
OPT_IN_ALONE = frozenset({"YES"})
HELP = frozenset("HELP INFO AIDE HILFE AYUDA".split())
#: Languages of help words that are answered in their own language.
_HELP_LANGUAGES = {"AYUDA": "es", "AIDE": "fr"}
YES = frozenset(
    "YES Y YEAH YEP YUP YA YESS SURE OK OKAY CONFIRM CONFIRMED CONFIRMO CONFIRMAR CONFIRME CONFIRMER AGREE ACCEPT "
    "SI SIP CLARO ACEPTO OUI OUAIS DACCORD ACCORD".split()
)
NO = frozenset("NO N NOPE NAH NON NEVER NUNCA".split())

#: Words that may follow an opt-out word without changing what is meant: "stop please", "STOP TEXTING ME".
_AFTER_OPT_OUT = frozenset(
    "PLEASE PLS PLZ NOW ALL CALLING TEXTING TEXTS TEXT MESSAGES MESSAGING MESSAGE MSG MSGS SENDING SMS ME THESE THIS THE MY OUT IT "
    "THANKS THANK YOU TO FROM ALREADY IMMEDIATELY SUBSCRIPTION CONTACTING SPAM SPAMMING US RECEIVING GETTING ALERTS THX "
    "NOTIFICATIONS LIST NUMBER ANYMORE POR FAVOR PORFA XFA GRACIAS YA LOS LAS MENSAJES TODO SUSCRIPCION SVP MERCI LES LA PUB "
    "TOUT VOS S IL SIL VOUS PLAIT".split()
)
#: What may stand around a word that opts in or asks for help.
_COURTESY = frozenset(
    "PLEASE PLS PLZ THANKS THANK YOU THX POR FAVOR PORFA XFA GRACIAS SVP MERCI S IL SIL VOUS PLAIT".split()
)
_AROUND_OPT_IN = _COURTESY | {"AGAIN", "ME"}
_AROUND_HELP = _COURTESY | {"ME"}
#: Words that may stand in front of any wording.
_BEFORE = frozenset("PLEASE PLS PLZ HI HELLO HEY HOLA BONJOUR POR FAVOR PORFA XFA".split())
#: A long text is not a command, whatever it begins with.
_MOST_WORDS = 8
#: Slips of the thumb in a message of one word; more slips than these are no word of any kind.
_TYPOS = {
    **dict.fromkeys("STPO SOTP TSOP STIP STPP STO SSTOP STOPT STAHP STAPH ST0P 5TOP DTOP ATOP STOPM STOO SOP TOPS".split(), "STOP"),
    **dict.fromkeys("CANCLE CANSEL CANCELL QUITE ENDD".split(), "CANCEL"),
    **dict.fromkeys("BAJS VAJA ARET ARRRET".split(), "STOP"),
}  # fmt: skip
_UNSUBSCRIBE = re.compile(r"UN?S[UI]?B?S?C?[BSC]*R?[IU]?[BV]E?D?|UNSUB\w{1,8}|UNSUS\w{1,8}")
_REPEATED = re.compile(r"(.)\1+")
_STRETCHED = {_REPEATED.sub(r"\1", word): word for word in ("STOP", "ALTO", "BAJA", "ARRET", "PARAR", "UNSUBSCRIBE")}
#: Wordings of several words, and what may follow each.
_PHRASES = {("OPT", "OUT"): _AFTER_OPT_OUT, ("NO", "MAS"): _AFTER_OPT_OUT, ("NO", "MORE"): _COURTESY}
#: "Cancel it" may be said of an order.
_OF_THINGS_TOO = frozenset({"CANCEL", "END"})
_OPT_IN_PHRASES = (("OPT", "IN"), ("ME", "REABONNER"), ("ME", "ABONNER"))


def opt_out_word(found: list[str]) -> str:
    """The opt-out word that a message consists of, with nothing around it but courtesy; empty when it is something else.

    Args:
        found: the words of the message, as ``words`` tells them.
    """
    if len(found) > _MOST_WORDS + 4:
        return ""
    folded = [fold(word) for word in found]
    while folded and folded[0] in _BEFORE:
        folded = folded[1:]
    if not folded or len(folded) > _MOST_WORDS:
        return ""
    begins = _begin(folded)
    rest = folded[len(begins.split()) :]
    return begins if begins and all(word in _AFTER_OPT_OUT or _meant(word) for word in rest) else ""


def _begin(folded: list[str]) -> str:
    """The opt-out wording that a message begins with."""
    for phrase, may_follow in _PHRASES.items():
        if tuple(folded[: len(phrase)]) == phrase and may_follow.issuperset(folded[len(phrase) :]):
            return " ".join(phrase)
    if folded[0] in _OF_THINGS_TOO and "IT" in folded:
        return ""
    return _meant(folded[0])


def _meant(word: str) -> str:
    """The opt-out word that somebody meant to type; empty if it is none."""
    if word in OPT_OUT:
        return word
    if word in _TYPOS:
        return _TYPOS[word]
    if len(word) > 4 and (stretched := _STRETCHED.get(_REPEATED.sub(r"\1", word))):
        return stretched
    return "UNSUBSCRIBE" if 7 <= len(word) <= 14 and _UNSUBSCRIBE.fullmatch(word) else ""


def is_bare_yes(found: Sequence[str]) -> bool:
    """Whether an opt-in word is a mere YES, which may as well answer something else."""
    return len(found) == 1 and fold(found[0]) in OPT_IN_ALONE


def is_opt_in_word(found: list[str]) -> bool:
    """Whether a message is a word that undoes an opt-out, with nothing around it but courtesy."""
    if len(found) > _MOST_WORDS:
        return False
    if is_bare_yes(found):
        return True
    folded = [fold(word) for word in found]
    for phrase in _OPT_IN_PHRASES:
        if tuple(folded[:2]) == phrase:
            return set(folded[2:]) <= _AROUND_OPT_IN
    return bool(OPT_IN.intersection(folded)) and set(folded) <= OPT_IN | _AROUND_OPT_IN


def is_help_word(found: list[str]) -> bool:
    """Whether a message is a word that asks for help, with nothing around it but courtesy."""
    if len(found) > _MOST_WORDS:
        return False
    folded = {fold(word) for word in found}
    return bool(HELP & folded) and folded <= HELP | _AROUND_HELP


def help_language(found: Sequence[str]) -> str:
    """The language of a word that asks for help: ``es``, ``fr``, else empty, which is English."""
    return next((language for word in found if (language := _HELP_LANGUAGES.get(fold(word)))), "")


def is_yes_words(found: Sequence[str]) -> bool:
    """Whether a message says yes and nothing else."""
    folded = {fold(word) for word in found[:_MOST_WORDS]}
    return len(found) < _MOST_WORDS and bool(YES & folded) and folded <= YES | _COURTESY | {"I", "DO"}


def is_no_words(found: Sequence[str]) -> bool:
    """Whether a message says no and nothing else."""
    folded = {fold(word) for word in found[:_MOST_WORDS]}
    return len(found) < _MOST_WORDS and bool(NO & folded) and folded <= NO | _COURTESY
