"""Opt-outs to review: somebody wrote what may be one, and a person decides with one click."""

from __future__ import annotations

import datetime as dt
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.timesince import timesince
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from broadcast.core.admin import ReadOnlyAdmin, display, page_link
from broadcast.core.redis import is_away
from messaging.models import Conversation, InboundMessage, Message, OptOutReview
from messaging.services.reviews import ReviewSettled, decide_keep, decide_opt_out
from messaging.services.threads import text_of
from messaging.wording import OPT_OUT_AT

if TYPE_CHECKING:
    from accounts.models import User

#: Messages shown before and after the one in question.
AROUND = 3
PERMISSION = "messaging.change_optoutreview"
_DECISIONS = {
    "opt-out": (decide_opt_out, "{} is opted out."),
    "keep": (decide_keep, "{} is kept: this message of theirs does not hold campaigns back any more."),
}


def around(review: OptOutReview) -> list[dict[str, Any]]:
    """What was said before and after, oldest first."""
    at = review.inbound.received_at
    person = {"account_id": review.account_id}
    theirs = InboundMessage.objects.filter(**person, sender=review.recipient)
    ours = Message.objects.filter(**person, recipient=review.recipient).select_related("batch")
    said: list[dict[str, Any]] = []
    for before in (True, False):
        heard = theirs.filter(received_at__lt=at) if before else theirs.filter(received_at__gte=at)
        sent = ours.filter(created_at__lt=at) if before else ours.filter(created_at__gte=at)
        sign = "-" if before else ""
        part: list[tuple[dt.datetime, dict[str, Any]]] = [
            (row.received_at, {"text": row.body, "is_theirs": True, "is_it": row.pk == review.inbound_id})
            for row in heard.order_by(f"{sign}received_at")[: AROUND + (not before)]
        ]
        part += [
            (row.created_at, {"text": text_of(row), "is_theirs": False, "is_it": False})
            for row in sent.order_by(f"{sign}created_at")[:AROUND]
        ]
        part.sort(key=itemgetter(0))
        said += [row for _, row in (part[-AROUND:] if before else part[: AROUND + 1])]
    return said


@admin.register(OptOutReview)
class OptOutReviewAdmin(ReadOnlyAdmin[OptOutReview]):
    """What waits longest comes first. Nothing is edited here: it is decided."""

    list_display = ("display_said", "display_person", "display_rules", "display_waits", "display_decide")
    list_display_links = None
    list_filter = (("state", ChoicesDropdownFilter), ("account", AutocompleteSelectFilter))
    list_select_related = ("account", "inbound", "decided_by")
    list_per_page = 25
    search_fields = ("recipient", "inbound__body")
    number_search_fields = ("recipient",)
    # What waits, the oldest on top; then what was decided, the newest first.
    ordering = (F("decided_at").desc(nulls_first=True), "created_at", "id")
    sortable_by = ()
    readonly_fields = ("display_said", "display_person", "display_rules", "display_waits", "display_decide")
    fieldsets = (
        (None, {"fields": ("display_said", "display_decide", "display_person", "display_rules", "display_waits")}),
        ("Record", {"fields": (("state", "score"), ("decided_at", "decided_by"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[OptOutReview]:
        """With each one's conversation."""
        talks = Conversation.objects.filter(number_id=OuterRef("inbound__number_id"), person=OuterRef("recipient"))
        return super().get_queryset(request).annotate(conversation_id=Subquery(talks.values("pk")[:1]))

    def get_urls(self) -> list[URLPattern]:
        """One address a decision."""
        view = self.admin_site.admin_view(self.decide)
        return [
            path("<int:review_id>/<str:decision>/decide/", view, name="messaging_optoutreview_decide"),
            *super().get_urls(),
        ]

    def decide(self, request: HttpRequest, review_id: int, decision: str) -> HttpResponse:
        """One decision; POST only."""
        if request.method != "POST" or decision not in _DECISIONS:
            return HttpResponseNotAllowed(["POST"])
        review = self.get_object(request, str(review_id))
        if review is None or not request.user.has_perm(PERMISSION) or not self.has_view_permission(request, review):
            raise PermissionDenied
        act, done = _DECISIONS[decision]
        try:
            act(review_id=review.pk, user=cast("User", request.user))
        except ReviewSettled as error:
            messages.error(request, str(error))
        else:
            text = done.format(review.recipient)
            messages.success(request, text)
            if is_away():
                messages.warning(request, "Redis is away: this is stored, and senders hear of it once Redis is back.")
            self.log_change(request, review, text)
        return HttpResponseRedirect(reverse("admin:messaging_optoutreview_changelist") + "?state__exact=pending")

    @display(description="What they wrote")
    def display_said(self, review: OptOutReview) -> str:
        """The message among what was said around it."""
        return render_to_string("messaging/review_said.html", {"said": around(review)})

    @display(description="From")
    def display_person(self, review: OptOutReview) -> Any:
        """The number, with a link to all that was said, and whose subscriber it is."""
        talk_id = getattr(review, "conversation_id", None)
        if talk_id is None:
            return format_html("{}<br>{}", review.recipient, page_link(review.account))
        url = reverse("admin:messaging_conversation_change", args=[talk_id])
        link = '<a href="{}" class="text-link">{}</a><br>{}'
        return format_html(link, url, review.recipient, page_link(review.account))

    @display(description="Why it is asked")
    def display_rules(self, review: OptOutReview) -> Any:
        """The rules that matched, with their weights."""
        return format_html(
            '{}<br><span class="console-muted">{} points, clear from {}</span>',
            ", ".join(review.rules),
            review.score,
            OPT_OUT_AT,
        )

    @display(description="Waits for")
    def display_waits(self, review: OptOutReview) -> str:
        """How long nobody has decided."""
        return f"{timesince(review.created_at, depth=1)}" if review.state == OptOutReview.State.PENDING else "decided"

    @display(description="Decision")
    def display_decide(self, review: OptOutReview) -> str:
        """Two buttons, or what was decided."""
        urls = {name: reverse("admin:messaging_optoutreview_decide", args=[review.pk, name]) for name in _DECISIONS}
        return render_to_string(
            "messaging/review_decide.html", {"review": review, "opt_out_url": urls["opt-out"], "keep_url": urls["keep"]}
        )
