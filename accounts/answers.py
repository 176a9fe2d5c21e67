"""The answer to HELP: who sends, whom to ask, how to stop. Carriers and the rules of US short codes want all three."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import Account
from broadcast.core.merge import TemplateError, TemplateProblem, check_template, render_template, template_fields

#: Merge fields of an account's own HELP answer.
HELP_FIELDS = ("account", "contact", "first_name", "last_name")


@dataclass(frozen=True, slots=True)
class _Words:
    """How a language says it; all in letters that cost no longer segments."""

    help: str
    stop: str


_LANGUAGES = {
    "": _Words("help", "Reply STOP to stop. Message and data rates may apply."),
    "es": _Words("ayuda", "Responda STOP para cancelar. Pueden aplicar tarifas de mensajes y datos."),
    "fr": _Words("aide", "Répondez STOP pour ne plus rien recevoir. Des frais peuvent s'appliquer."),
}

#: The lack that an account's contact mends.
WHOM_TO_ASK = "whom to ask"

#: What reads like a telephone number, an e-mail address or a web address.
_CONTACT = re.compile(r"(?:\d[\s().-]{0,3}){7,}|\S@\S+\.\w|\bhttps?://|\b(?:[\w-]+\.)+[a-z]{2,}\b", re.IGNORECASE)
_HOW_TO_STOP = re.compile(r"\b(?:STOP|ARRET|ARRÊT|ALTO|BAJA|UNSUBSCRIBE|CANCEL|END|QUIT)\b")


@dataclass(frozen=True, slots=True)
class HelpAnswer:
    """What HELP is answered with.

    Args:
        text: for the person who asked.
        problem: why the account's own text was not used; empty if it was, or if there is none.
    """

    text: str
    problem: str = ""


def help_answer(*, account: Account, person: Mapping[str, Any] | None = None, language: str = "") -> HelpAnswer:
    """The answer to HELP: the account's own text, else one made from its name and contact.

    The own text is in one language. A word of another is answered in that one, if the account has a contact to tell.

    Args:
        account: whose number was written to.
        person: what is known of who asks; merge fields.
        language: of the word: ``es``, ``fr``, empty for English.
    """
    made = _made(account, language)
    if not account.help_text or (account.contact and language in _LANGUAGES and language):
        return HelpAnswer(made)
    try:
        text = render_template(account.help_text, {**(person or {}), **_values(account)})
    except TemplateError as error:
        return HelpAnswer(made, f"The account's HELP answer cannot be made: {error}")
    return HelpAnswer(text) if text else HelpAnswer(made, "The account's HELP answer is empty for this person.")


def help_problems(text: str) -> list[TemplateProblem]:
    """What is wrong with the merge fields of an own HELP answer; empty when it can be used."""
    return check_template(text, HELP_FIELDS)


def help_lacks(account: Account) -> list[str]:
    """What the answer to HELP does not say and should, each the end of "It does not say …"."""
    text = account.help_text
    try:
        fields = template_fields(text)
    except TemplateError:
        # It is not used, but what is made from name and contact.
        text, fields = "", []
    if not text:
        return [] if account.contact else [WHOM_TO_ASK]
    lacks = []
    if "account" not in fields and account.name.casefold() not in text.casefold():
        lacks.append(f"who sends ({account.name})")
    if not (account.contact and ("contact" in fields or account.contact in text)) and not _CONTACT.search(text):
        lacks.append(WHOM_TO_ASK)
    if not _HOW_TO_STOP.search(text):
        lacks.append("how to stop (Reply STOP to stop.)")
    return lacks


def _values(account: Account) -> dict[str, str]:
    return {"account": account.name, "contact": account.contact}


def _made(account: Account, language: str) -> str:
    words = _LANGUAGES.get(language) or _LANGUAGES[""]
    who = (
        f"{account.name.rstrip('.')}, {words.help}: {account.contact.rstrip('.')}" if account.contact else account.name
    )
    return f"{who.rstrip('.')}. {words.stop}"
