"""The inbox's page and its parts: each view checks, calls one service and answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from broadcast.core.admin import ReadOnlyAdmin
from messaging.admin.inbox import pages
from messaging.models import Conversation
from messaging.services import conversations as services
from messaging.services.canned import CannedRefused, fill_canned
from messaging.services.threads import Seen

VIEW_PERMISSION = "messaging.view_conversation"


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin[Conversation]):
    """The list is the page without a conversation, a conversation's page the same with one."""

    search_fields = ("person",)
    ordering = ("-is_unread", "-last_message_at", "-id")

    def get_urls(self) -> list[URLPattern]:
        """The page's parts and what can be done on it."""

        def part(route: str, view: Callable[..., HttpResponse], name: str, *, posted: bool = True) -> URLPattern:
            guarded = self.admin_site.admin_view((require_POST if posted else require_GET)(view))
            return path(route, guarded, name=f"messaging_conversation_{name}")

        return [
            part("list/", self.list_part, "list", posted=False),
            part("<int:pk>/thread/", self.thread_part, "thread", posted=False),
            part("<int:pk>/canned/<int:canned_id>/", self.canned_text, "canned", posted=False),
            part("<int:pk>/write/", self.write, "write"),
            part("<int:pk>/read/", self.read, "read"),
            part("<int:pk>/assign/", self.assign, "assign"),
            part("<int:pk>/move/<str:to>/", self.move, "move"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The list alone."""
        if not request.user.has_perm(VIEW_PERMISSION):
            raise PermissionDenied
        return self._page(request, None, extra_context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002  Django's signature
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The list beside a conversation."""
        if request.method != "GET":
            raise PermissionDenied
        if not object_id.isdigit() or not object_id.isascii():
            raise Http404
        return self._page(request, self._conversation(request, int(object_id[:18])), extra_context)

    def _page(
        self, request: HttpRequest, conversation: Conversation | None, extra_context: dict[str, Any] | None
    ) -> TemplateResponse:
        wanted = pages.wanted_of(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Conversations",
            "opts": self.opts,
            "is_fullwidth": "1",
            "conversation": conversation,
            **pages.filter_context(request, wanted),
            **pages.list_context(request, wanted, conversation.pk if conversation else None),
        }
        if conversation is not None:
            context |= pages.thread_context(request, conversation)
            context |= pages.composer_context(request, conversation, seen=context["thread"].seen)
            context |= pages.head_context(request, conversation)
        return TemplateResponse(request, "messaging/inbox/inbox.html", {**context, **(extra_context or {})})

    def _conversation(self, request: HttpRequest, pk: int, *, to_change: bool = False) -> Conversation:
        """The conversation, for who may see it."""
        if not request.user.has_perm(pages.CHANGE_PERMISSION if to_change else VIEW_PERMISSION):
            raise PermissionDenied
        found = Conversation.objects.for_user(cast("User", request.user)).select_related(
            "account", "number__gateway", "assigned_to"
        )
        conversation = found.filter(pk=pk).first()
        if conversation is None:
            raise Http404("There is no such conversation.")
        return conversation

    def list_part(self, request: HttpRequest) -> HttpResponse:
        """The list, if it has changed since."""
        if not request.user.has_perm(VIEW_PERMISSION):
            raise PermissionDenied
        selected = request.GET.get("selected", "")
        selected_id = int(selected[:18]) if selected.isascii() and selected.isdigit() else None
        context = pages.list_context(request, pages.wanted_of(request), selected_id)
        if request.GET.get("version") == context["list_version"]:
            return HttpResponse(status=204)
        return TemplateResponse(request, "messaging/inbox/list.html", context)

    def thread_part(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The thread, if it has changed since."""
        conversation = self._conversation(request, pk)
        if request.GET.get("version") == pages.shown_version(request, conversation):
            return HttpResponse(status=204)
        return TemplateResponse(request, "messaging/inbox/thread.html", pages.thread_context(request, conversation))

    def write(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a reply, or keep a note; the text stays in the box when it is refused."""
        conversation = self._conversation(request, pk, to_change=True)
        text, user = request.POST.get("text", ""), cast("User", request.user)
        refusal = said = ""
        try:
            match request.POST.get("as"):
                case "note":
                    services.add_note(conversation_id=pk, body=text, user=user)
                    said = "Note kept."
                case "reply":
                    seen, key = Seen.parse(request.POST.get("seen", "")), _key(request.POST.get("key", ""))
                    services.reply(conversation_id=pk, body=text, user=user, seen=seen, composer_key=key)
                    said = "Queued: it leaves in a moment."
                case _:
                    refusal = "Nothing was sent: press Send, or Keep as note."
        except services.ConversationRefused as error:
            refusal = str(error)
        conversation = self._conversation(request, pk, to_change=True)
        thread = pages.thread_context(request, conversation)
        composer = pages.composer_context(
            request, conversation, seen=thread["thread"].seen, text=text if refusal else "", refusal=refusal, said=said
        )
        parts = [
            render_to_string("messaging/inbox/composer.html", composer, request),
            render_to_string(
                "messaging/inbox/thread.html",
                {**thread, "is_oob": True},
                request,
            ),
        ]
        return HttpResponse("".join(parts))

    def read(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Somebody has looked at it."""
        self._conversation(request, pk, to_change=True)
        services.mark_read(conversation_id=pk, inbound_id=Seen.parse(request.POST.get("seen", "")).inbound_id)
        return HttpResponse(status=204)

    def canned_text(self, request: HttpRequest, pk: int, canned_id: int) -> HttpResponse:
        """A canned reply, filled in."""
        self._conversation(request, pk, to_change=True)
        try:
            return JsonResponse({"text": fill_canned(canned_id=canned_id, conversation_id=pk)})
        except CannedRefused as error:
            return JsonResponse({"error": str(error)}, status=422)

    def assign(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say who attends to it."""
        conversation = self._conversation(request, pk, to_change=True)
        chosen = request.POST.get("to", "")
        to = User.objects.filter(pk=int(chosen[:18]), is_staff=True).first() if chosen.isdecimal() else None
        if chosen and to is None:
            messages.error(request, "Nobody was chosen who is on the staff: choose somebody else.")
            return self._back(request, pk)
        done = f"Assigned to {to}." if to else "Assigned to nobody."
        return self._do(request, conversation, done, lambda: services.assign(conversation_id=conversation.pk, to=to))

    def move(self, request: HttpRequest, pk: int, to: str) -> HttpResponse:
        """Close, reopen, or leave it unread; the last goes back to the list."""
        conversation = self._conversation(request, pk, to_change=True)
        acts: dict[str, tuple[Callable[..., None], str]] = {
            "closed": (
                partial(services.close, seen=Seen.parse(request.POST.get("seen", ""))),
                "Closed. It opens again when they write.",
            ),
            "open": (services.reopen, "Open again."),
            "unread": (services.mark_unread, "Left unread."),
        }
        if to not in acts:
            raise Http404("A conversation can be closed, open or unread.")
        act, done = acts[to]
        return self._do(request, conversation, done, lambda: act(conversation_id=pk), to_list=to != "open")

    def _do(
        self,
        request: HttpRequest,
        conversation: Conversation,
        done: str,
        act: Callable[[], None],
        *,
        to_list: bool = False,
    ) -> HttpResponse:
        try:
            act()
        except services.ConversationRefused as error:
            messages.error(request, str(error))
            return self._back(request, conversation.pk)
        else:
            self.log_change(request, conversation, done)
            messages.success(request, f"{conversation.person}: {done}")
        return self._back(request, None if to_list else conversation.pk)

    def _back(self, request: HttpRequest, pk: int | None) -> HttpResponse:
        where = pages.page_url(pk) if pk else reverse("admin:messaging_conversation_changelist")
        return HttpResponseRedirect(where + pages.query_of(pages.wanted_of(request)))


def _key(text: str) -> uuid.UUID | None:
    """The key of a box in which something was written; None when it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
