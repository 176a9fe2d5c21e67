"""Pages of a chain beside its form: the rehearsal, and a new chain from a template."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from campaigns.admin.chain_forms import TemplateForm
from campaigns.models import Chain
from campaigns.models.chain_values import RunState
from campaigns.services.chains.rehearsal import RehearsalLost, begin, go_on
from campaigns.services.chains.templates import create_from_template

if TYPE_CHECKING:
    from accounts.models import User


def rehearsal_page(admin: Any, request: HttpRequest, chain: Chain) -> HttpResponse:
    """A telephone in the page, on which the chain is played as it is saved."""
    context = {
        **admin.admin_site.each_context(request),
        "title": f"Rehearsal: {chain}",
        "opts": admin.opts,
        "chain": chain,
        "turn_url": reverse("admin:campaigns_chain_rehearsal_turn", args=[chain.pk]),
        "media": admin.media,
    }
    return TemplateResponse(request, "campaigns/chain_rehearsal.html", context)


def rehearsal_turn(request: HttpRequest, chain: Chain) -> HttpResponse:
    """One turn of a rehearsal, as JSON; POST only, though nothing is stored."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    token = request.POST.get("token", "")
    try:
        if token:
            text = request.POST.get("text", "")
            scene = go_on(chain=chain, token=token, event=request.POST.get("event", ""), text=text)
        else:
            scene = begin(chain=chain)
    except RehearsalLost as error:
        return JsonResponse({"error": str(error)}, status=409)
    return JsonResponse({**asdict(scene), "state_text": RunState(scene.state).label})


def template_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """The form of a new chain from a template; only a POST makes it.

    Raises:
        PermissionDenied: not allowed.
    """
    if not admin.has_add_permission(request):
        raise PermissionDenied
    form = TemplateForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        chain = create_from_template(**form.cleaned_data, user=cast("User", request.user))
        messages.success(request, f"“{chain}” is a new draft. Change its texts, rehearse it, then activate it.")
        admin.log_addition(request, chain, "Made from a template.")
        return HttpResponseRedirect(reverse("admin:campaigns_chain_change", args=[chain.pk]))
    context = {
        **admin.admin_site.each_context(request),
        "title": "New chain from a template",
        "opts": admin.opts,
        "form": form,
        "media": admin.media + form.media,
    }
    return TemplateResponse(request, "campaigns/chain_template.html", context)
