"""The part of a gateway's page about its numbers: the last comparison with the provider's list, and the button for another."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from broadcast.core.admin import list_url
from broadcast.core.redis import is_away
from integrations.models import Gateway
from messaging.models import NumberCheck, NumberFinding
from messaging.services.reconciliation import NotCompared, ask_for, is_comparable, is_under_way

#: Who may have numbers compared.
PERMISSION = "messaging.change_numberfinding"


def panel(request: HttpRequest, gateway: Gateway) -> dict[str, Any]:
    """What the panel shows; nothing for who may not see findings, and for gateways that never list numbers.

    Args:
        request: by somebody who may see the gateway.
        gateway: the page's.
    """
    check = NumberCheck.objects.filter(gateway=gateway).first()
    if not request.user.has_perm("messaging.view_numberfinding") or not (check or is_comparable(gateway)):
        return {}
    open_findings = NumberFinding.objects.filter(gateway=gateway, state=NumberFinding.State.OPEN)
    filters = {"gateway__id__exact": gateway.pk, "state__exact": NumberFinding.State.OPEN}
    return {
        "number_check": check,
        "number_check_runs": check is not None and is_under_way(check),
        "number_check_shown": True,
        "number_findings": open_findings.count(),
        "number_findings_url": list_url(NumberFinding, **filters),
        "number_check_url": reverse("admin:integrations_gateway_number_check", args=[gateway.pk]),
        "may_compare": is_comparable(gateway) and request.user.has_perm(PERMISSION),
        "compare_url": reverse("admin:integrations_gateway_compare", args=[gateway.pk]),
    }


def panel_view(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The panel by itself, while a comparison is under way.

    Raises:
        PermissionDenied: not allowed.
    """
    gateway = admin.get_object(request, unquote(object_id))
    if gateway is None or not admin.has_view_permission(request, gateway):
        raise PermissionDenied
    return TemplateResponse(request, "messaging/number_check.html", panel(request, gateway))


def compare_view(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Have the numbers compared in the background; POST only.

    Raises:
        PermissionDenied: not allowed.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    gateway = admin.get_object(request, unquote(object_id))
    if gateway is None or not admin.has_view_permission(request, gateway) or not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    try:
        text = ask_for(gateway_id=gateway.pk)
    except NotCompared as error:
        messages.error(request, str(error))
    else:
        messages.success(request, text)
        if is_away():
            messages.warning(request, "Redis is away, so nothing begins now. Ask again when it is back.")
        admin.log_change(request, gateway, "Asked for a comparison of its numbers with the provider's.")
    return HttpResponseRedirect(reverse("admin:integrations_gateway_change", args=[gateway.pk]))
