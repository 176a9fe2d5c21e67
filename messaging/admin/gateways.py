"""Gateways, with what the transport knows of them: whether they answer, and what is wrong.

The page itself belongs to ``integrations``, which knows neither alerts nor circuits.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format

from broadcast.core.admin import display
from broadcast.core.redis import RedisAway, get_redis
from integrations.admin import GatewayAdmin as PlainGatewayAdmin
from integrations.models import Gateway
from messaging.admin.number_checks import compare_view, panel, panel_view
from messaging.engine import keys
from messaging.models import Alert
from messaging.services.gateways import WebhookMarks, webhook_marks

admin.site.unregister(Gateway)


@dataclass(frozen=True, slots=True)
class OpenCircuit:
    """Why a gateway is left alone for a while.

    Args:
        since: when it stopped answering.
        until: when it is tried next.
        reason: of the last failure, for a person.
    """

    since: dt.datetime
    until: dt.datetime
    reason: str

    @property
    def is_waiting(self) -> bool:
        """Whether the next try is still to come; a due one waits for something to send."""
        return self.until > timezone.now()


def open_circuit(gateway_id: int) -> OpenCircuit | None:
    """A gateway's circuit while it is open; None while it is closed, or while nobody can know."""
    try:
        kept = get_redis().hgetall(keys.circuit(gateway_id))
    except RedisAway:
        return None
    if not kept:
        return None
    since, until = (dt.datetime.fromtimestamp(float(kept[name]), dt.UTC) for name in (b"since", b"until"))
    return OpenCircuit(since, until, kept[b"reason"].decode())


@dataclass(frozen=True, slots=True)
class FormerUse:
    """That former credentials are still accepted for webhooks.

    Args:
        until: then the last of them are wiped.
        last_at: when a webhook was last signed with them; None if none was.
    """

    until: dt.datetime
    last_at: dt.datetime | None


def former_use(gateway: Gateway) -> FormerUse | None:
    """How a gateway's former credentials are used; None when there are none."""
    lasting = gateway.lasting
    if not lasting:
        return None
    marks = webhook_marks(gateway)
    return FormerUse(max(former.until for former in lasting), marks.former_at if marks else None)


@admin.register(Gateway)
class GatewayAdmin(PlainGatewayAdmin):
    """The same pages, under what is wrong at the moment."""

    change_form_outer_before_template = "messaging/gateway_head.html"
    readonly_fields: ClassVar[Any] = (*PlainGatewayAdmin.readonly_fields, "display_last_valid", "display_last_refused")

    def webhook_marks(self, gateway: Gateway) -> WebhookMarks | None:
        """When webhooks last came."""
        return webhook_marks(gateway)

    def get_fieldsets(self, request: HttpRequest, obj: Gateway | None = None) -> Any:
        """With when webhooks last came, below their addresses."""
        return [
            (name, {**options, "fields": (*options["fields"], "display_last_valid", "display_last_refused")})
            if obj is not None and name == "Webhooks"
            else (name, options)
            for name, options in super().get_fieldsets(request, obj)
        ]

    @display(description="Last valid webhook")
    def display_last_valid(self, gateway: Gateway) -> str:
        """When one came that was signed rightly."""
        marks = webhook_marks(gateway)
        return _time(marks.valid_at) if marks else "Redis is away"

    @display(description="Last refused webhook")
    def display_last_refused(self, gateway: Gateway) -> str:
        """When one was refused, and why."""
        marks = webhook_marks(gateway)
        if marks is None:
            return "Redis is away"
        return f"{_time(marks.refused_at)}{f': {marks.why}' if marks.refused_at else ''}"

    def get_urls(self) -> list[URLPattern]:
        """Beside the page: comparing its numbers with the provider's."""
        views = (("number-check", "number_check", panel_view), ("compare", "compare", compare_view))
        own = [
            path(
                f"<path:object_id>/{address}/",
                self.admin_site.admin_view(partial(view, self)),
                name=f"integrations_gateway_{name}",
            )
            for address, name, view in views
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With the open circuit and the alerts."""
        gateway = self.get_object(request, unquote(object_id))
        trouble: dict[str, Any] = {}
        if gateway and self.has_view_permission(request, gateway):
            trouble["former"] = former_use(gateway)
            trouble["circuit"] = open_circuit(gateway.pk)
            if request.user.has_perm("messaging.view_alert"):
                alerts = Alert.objects.open().filter(gateway=gateway, batch=None)
                # That says the same.
                trouble["alerts"] = alerts.exclude(kind=Alert.Kind.GATEWAY_DOWN) if trouble["circuit"] else alerts
            trouble |= panel(request, gateway)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **trouble})


def _time(at: dt.datetime | None) -> str:
    return date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else "None yet"
