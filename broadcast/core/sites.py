"""The staff site."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite

from broadcast.core.redis import RedisAway


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """The console at ``/admin/``, for users with ``is_staff``."""

    index_title = "Dashboard"
    enable_nav_sidebar = True

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The sidebar. unfold's template asks for a badge twice, which would count twice."""
        groups: list[dict[str, Any]] = super().get_sidebar_list(request)
        for item in (item for group in groups for item in group["items"]):
            if callable(badge := item.get("badge")):
                item["badge"] = SimpleLazyObject(badge)
        return groups

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The log-in page. A part of a page that asks for itself after the session has ended reloads the whole page."""
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Refresh": "true"})
        response: HttpResponse = super().login(request, extra_context)
        return response

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The search field's results; none while Redis, which keeps them for a while, is away."""
        try:
            response: HttpResponse = super().search(request, extra_context)
            if isinstance(response, TemplateResponse):
                response.render()
        except RedisAway:
            return HttpResponse(
                '<p class="console-hint">Search is not available while Redis is away.</p>',
                headers={"HX-Trigger": "search"},
            )
        return response
