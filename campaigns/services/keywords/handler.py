"""The inbound handler: finds the keyword, does its actions in their order, makes its reply."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from broadcast.core.merge import TemplateError, render_template
from campaigns.models import Keyword, KeywordAction
from campaigns.services.contacts import known_person
from campaigns.services.keywords.matching import Match, find
from campaigns.services.keywords.registry import ActionContext, ActionFailed, kind_of
from messaging.inbound.context import Decision, Inbound

logger = logging.getLogger(__name__)


def keyword(inbound: Inbound) -> Decision | None:
    """A word that the account has given a meaning; the decision names it and what was done."""
    now = timezone.now()
    message = inbound.message
    match = find(account_id=inbound.account.pk, number_id=inbound.number.pk, body=message.body, moment=now)
    if match is None:
        return None
    Keyword.objects.filter(pk=match.keyword.pk).update(times_matched=F("times_matched") + 1, last_matched_at=now)
    context = ActionContext(
        inbound=inbound,
        keyword=match.keyword,
        matched=" ".join(match.phrase).lower(),
        rest=match.rest(message.body),
        now=now,
    )
    outcomes = [_perform(context, action) for action in _actions(match)]
    why = f"Keyword “{match.keyword}”" + (f": {'; '.join(text for text, _ in outcomes)}." if outcomes else ".")
    reply, problem = _reply(match.keyword, inbound)
    texts = [text for text in (reply, *context.texts) if text]
    # What a person asked for and did not get, somebody has to see to.
    waits = context.waits or bool(problem) or not all(is_done for _, is_done in outcomes)
    return Decision(f"{why} {problem}".strip(), "".join(texts[:1]), waits=waits, more=tuple(texts[1:]))


def _reply(found: Keyword, inbound: Inbound) -> tuple[str, str]:
    """The keyword's own reply, and why there is none where there should be one."""
    if not found.reply:
        return "", ""
    try:
        reply = render_template(found.reply, _values(inbound))
    except TemplateError as error:
        return "", f"Its reply cannot be made: {error}"
    return reply, "" if reply else "Its reply is empty for this person."


def _actions(match: Match) -> list[KeywordAction]:
    # A message that arrives while staff save the keyword has either all the old actions or all the new.
    return list(
        match.keyword.actions.select_related(
            *("list__account", "list__opt_in_number", "tag", "field", "endpoint", "chain__account")
        )
    )


def _perform(context: ActionContext, action: KeywordAction) -> tuple[str, bool]:
    """What came of an action, and whether it was done."""
    kind = kind_of(action)
    if kind is None:
        logger.error("Keyword %s has an action %r that nothing can do", context.keyword.pk, action.kind)
        return f"cannot do “{action.kind}”", False
    try:
        with transaction.atomic():
            return kind.perform(context, action), True
    except ActionFailed as error:
        logger.warning("An action %r of keyword %s failed: %s", action.kind, context.keyword.pk, error)
        return f"failed: {error}", False


def _values(inbound: Inbound) -> dict[str, Any]:
    """What is known of the person now: actions may have made or changed it."""
    return {**inbound.person, **known_person(inbound.account.pk, inbound.message.sender)}
