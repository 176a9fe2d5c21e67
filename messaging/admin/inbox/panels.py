"""What stands beside a conversation. Layers above add panels of what they know of the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from broadcast.core.admin import page_link
from messaging.models import Conversation, OptOutReview, Suppression


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Args:
        title: its heading.
        template: what it shows.
        context: for the template.
    """

    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)


#: Makes a panel for who looks; None when there is nothing to show, or they may not see it.
PanelSource = Callable[[HttpRequest, Conversation], Panel | None]


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody who answers should know; stands between thread and composer.

    Args:
        template: what it shows; the context is ``notice`` there.
        version: changes when the notice does, so that an open page shows it.
        context: for the template.
    """

    template: str
    version: str
    context: dict[str, Any] = field(default_factory=dict)


#: Makes a notice for who looks; None when there is nothing to say.
NoticeSource = Callable[[HttpRequest, Conversation], Notice | None]

_sources: list[tuple[int, PanelSource]] = []
_notice_sources: list[NoticeSource] = []


def register_panel(source: PanelSource, *, place: int) -> None:
    """Have a layer above show a panel.

    Args:
        source: makes it.
        place: panels stand in the order of these; consent is at 50.
    """
    if all(known is not source for _, known in _sources):
        _sources.append((place, source))
        _sources.sort(key=lambda entry: entry[0])


def register_notice(source: NoticeSource) -> None:
    """Have a layer above say something to who answers."""
    if source not in _notice_sources:
        _notice_sources.append(source)


def notices_of(request: HttpRequest, conversation: Conversation) -> list[Notice]:
    """What there is to say about answering in a conversation."""
    made = (source(request, conversation) for source in _notice_sources)
    return [notice for notice in made if notice is not None]


def panels_of(request: HttpRequest, conversation: Conversation) -> list[Panel]:
    """The panels beside a conversation, in their order."""
    made = (source(request, conversation) for _, source in _sources)
    return [panel for panel in made if panel is not None]


def consent_panel(request: HttpRequest, conversation: Conversation) -> Panel | None:
    """Whether anything keeps us from writing to them."""
    if not request.user.has_perm("messaging.view_suppression"):
        return None
    person = {"account_id": conversation.account_id, "recipient": conversation.person}
    suppression = Suppression.objects.active().filter(**person).first()
    review = OptOutReview.objects.filter(**person, state=OptOutReview.State.PENDING).first()
    link = page_link(suppression, "Open the suppression") if suppression else ""
    return Panel(
        "Writing to them",
        "messaging/inbox/panel_consent.html",
        {"suppression": suppression, "link": link, "review": review},
    )


register_panel(consent_panel, place=50)
