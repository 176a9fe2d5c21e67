"""Text chains beside a conversation: what runs with the person, ending it, starting one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from campaigns.admin.chain_forms import StartHereForm
from campaigns.models import Chain, ChainRun
from campaigns.models.chain_values import RunState
from campaigns.services.chains.runs import ChainError, running_with, start, stop
from messaging.admin.inbox.panels import Notice, Panel
from messaging.models import Conversation
from messaging.services.conversations import why_not_sendable

if TYPE_CHECKING:
    from accounts.models import User

START_PERMISSION = "campaigns.add_chainrun"
END_PERMISSION = "campaigns.change_chainrun"
#: Runs that ended and are still shown.
ENDED_SHOWN = 3


def chain_panel(request: HttpRequest, conversation: Conversation) -> Panel | None:
    """What runs with them on this number, what ran, and what may be done about it."""
    if not request.user.has_perm("campaigns.view_chainrun"):
        return None
    theirs = ChainRun.objects.filter(account_id=conversation.account_id, person=conversation.person)
    ended = theirs.filter(number_id=conversation.number_id).exclude(state=RunState.RUNNING)
    start_url = reverse("admin:campaigns_chainrun_start_here", args=[conversation.pk])
    return Panel(
        "Text chain",
        "campaigns/inbox/chain.html",
        {
            **_running(request, conversation),
            "ended": ended.select_related("chain").defer("plan").order_by("-id")[:ENDED_SHOWN],
            "start_url": start_url if request.user.has_perm(START_PERMISSION) else "",
        },
    )


def chain_notice(request: HttpRequest, conversation: Conversation) -> Notice | None:
    """Who answers by hand is told of a chain that runs, and may end it; nothing ends it silently."""
    if not request.user.has_perm("messaging.change_conversation"):
        return None
    context = _running(request, conversation)
    run = context["run"]
    if run is None:
        return None
    return Notice("campaigns/inbox/chain_notice.html", f"chain{run.pk}.{run.step}", context)


def _running(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    return {
        "run": running_with(number_id=conversation.number_id, person=conversation.person),
        "may_end": request.user.has_perm(END_PERMISSION),
        "end_url": reverse("admin:campaigns_chainrun_end_here", args=[conversation.pk]),
    }


def _conversation(request: HttpRequest, pk: int, permission: str) -> Conversation:
    """The conversation, for who may see it and do this."""
    if not (request.user.has_perm(permission) and request.user.has_perm("messaging.view_conversation")):
        raise PermissionDenied
    found = Conversation.objects.for_user(cast("User", request.user)).select_related("account", "number__gateway")
    conversation = found.filter(pk=pk).first()
    if conversation is None:
        raise Http404("There is no such conversation.")
    return conversation


def _page_of(conversation: Conversation) -> str:
    return reverse("admin:messaging_conversation_change", args=[conversation.pk])


def end_from_inbox(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """End what runs with a conversation's person; a page that is open stays, with the text somebody is writing."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    conversation = _conversation(request, pk, END_PERMISSION)
    posted = request.POST.get("run", "")
    run_id = int(posted[:18]) if posted.isascii() and posted.isdigit() else 0
    run = ChainRun.objects.filter(pk=run_id, number_id=conversation.number_id, person=conversation.person).first()
    if run is None:
        raise Http404("There is no such run in this conversation.")
    try:
        stop(run_id=run.pk, by=cast("User", request.user))
    except ChainError as error:
        said, level = str(error), messages.ERROR
    else:
        said, level = f"The text chain “{run.chain}” was ended.", messages.SUCCESS
        admin.log_change(request, run, "Ended by hand.")
    if request.headers.get("HX-Request") != "true":
        messages.add_message(request, level, said)
        return HttpResponseRedirect(_page_of(conversation))
    with timezone.override(conversation.account.zone):
        panel = chain_panel(request, conversation)
        parts = [
            render_to_string("campaigns/inbox/chain_notice.html", {"notice": {"said": said}, "is_oob": True}, request),
            render_to_string(panel.template, {"panel": panel.context, "is_oob": True}, request) if panel else "",
        ]
    return HttpResponse("".join(parts))


def start_page(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Choose a chain and start it with a conversation's person; only a POST does it."""
    if request.method not in ("GET", "POST"):
        return HttpResponseNotAllowed(["GET", "POST"])
    conversation = _conversation(request, pk, START_PERMISSION)
    form = StartHereForm(request.POST if request.method == "POST" else None, target=conversation)
    if request.method == "POST" and form.is_valid():
        chain = form.cleaned_data["chain"]
        try:
            started = start(
                chain=chain, number=conversation.number, person=conversation.person, how=f"staff: {request.user}"
            )
        except ChainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"“{chain}” was started with {conversation.person}.")
            for trouble in started.troubles:
                messages.warning(request, trouble)
            admin.log_addition(request, started.run, "Started from the conversation.")
        return HttpResponseRedirect(_page_of(conversation))
    running = running_with(number_id=conversation.number_id, person=conversation.person)
    context = {
        **admin.admin_site.each_context(request),
        "title": "Start a text chain",
        "heading": f"Start a text chain with {conversation.person}",
        "question": f"Its first text leaves from {conversation.number} at once.",
        "warning": f"“{running.chain}” runs with them, and would be replaced." if running else "",
        "problems": _problems(conversation),
        "opts": Conversation._meta,
        "target": conversation,
        "button": "Start",
        "button_variant": "primary",
        "form": form,
        "media": admin.media + form.media,
    }
    return TemplateResponse(request, "console/confirm.html", context)


def _problems(conversation: Conversation) -> list[str]:
    if obstacle := why_not_sendable(conversation):
        return [obstacle]
    if not Chain.objects.filter(account_id=conversation.account_id, state=Chain.State.ACTIVE).exists():
        return [f"{conversation.account} has no active text chain: activate one under Text chains first."]
    return []
