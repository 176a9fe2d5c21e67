"""The kinds of actions that a keyword may have. Another module adds its own with ``register_kind`` when its app is ready."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from campaigns.models import Keyword, KeywordAction, Subscriber
from campaigns.services.contacts import ensure_subscriber
from messaging.inbound.context import Inbound


class ActionFailed(Exception):
    """An action cannot be done now; the text says why, and the other actions go on."""


@dataclass(slots=True)
class ActionContext:
    """What an action works with.

    Args:
        inbound: the message.
        keyword: what it is about.
        matched: the phrase that matched.
        rest: what follows it, as the person wrote it.
        now: one moment for all actions of the message.
        texts: what actions have to say, each a message of its own after the keyword's reply.
        waits: whether a person has to look at the message.
    """

    inbound: Inbound
    keyword: Keyword
    matched: str
    rest: str
    now: dt.datetime
    texts: list[str] = field(default_factory=list)
    waits: bool = False
    _subscriber: Subscriber | None = field(default=None, init=False)

    @property
    def subscriber(self) -> Subscriber | None:
        """The sender, if the account knows them."""
        if self._subscriber is None:
            self._subscriber = Subscriber.objects.filter(
                account_id=self.inbound.account.pk, number=self.inbound.message.sender
            ).first()
        return self._subscriber

    def ensure_subscriber(self) -> Subscriber:
        """The sender, made a subscriber of the account if they are none."""
        if self._subscriber is None:
            self._subscriber = ensure_subscriber(account_id=self.inbound.account.pk, number=self.inbound.message.sender)
        return self._subscriber


#: Does one action inside the message's transaction and says what was done, in a few words; may raise ``ActionFailed``.
Perform = Callable[[ActionContext, KeywordAction], str]
#: Problems of an action as it is to be saved: text by field.
Check = Callable[[KeywordAction], dict[str, str]]


def no_problems(_action: KeywordAction) -> dict[str, str]:
    """Nothing to check beside the fields that must be filled."""
    return {}


@dataclass(frozen=True, slots=True)
class ActionKind:
    """A kind of action.

    Args:
        name: stored; at most 20 characters.
        label: for people.
        perform: does it.
        needs: fields of ``KeywordAction`` that must be filled.
        uses: further fields that may be filled; all others are emptied when it is saved.
        check: what else may be wrong with it.
    """

    name: str
    label: str
    perform: Perform
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    check: Check = no_problems


_kinds: dict[str, ActionKind] = {}


def register_kind(kind: ActionKind) -> None:
    """Add a kind; the same name again takes the earlier one's place.

    Raises:
        ValueError: the name is too long to be stored.
    """
    if len(kind.name) > 20:
        raise ValueError(f"“{kind.name}” is longer than 20 characters.")
    _kinds[kind.name] = kind


def kinds() -> tuple[ActionKind, ...]:
    """All kinds, in the order in which they came."""
    return tuple(_kinds.values())


def kind_of(action: KeywordAction) -> ActionKind | None:
    """An action's kind; None when no module of this installation has it."""
    return _kinds.get(action.kind)
