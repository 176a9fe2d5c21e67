"""Downloads from the console; for who may change what is exported, not for who may only look at it."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils.http import content_disposition_header

from campaigns.models import Campaign, SubscriberList
from campaigns.services.exports import CSV, Export, ExportError, export_recipients, export_subscribers


def export_recipients_view(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """A campaign's recipients with their states; ``?format=xlsx`` for Excel, else CSV.

    Args:
        request: by a member of staff with ``campaigns.change_campaign``.
        campaign: from the caller's own ``get_object``.

    Raises:
        PermissionDenied: not allowed.
    """
    if not request.user.has_perm("campaigns.change_campaign"):
        raise PermissionDenied
    file_format = request.GET.get("format", CSV)
    return download(request, lambda: export_recipients(campaign, file_format=file_format))


def export_subscribers_view(request: HttpRequest, list_: SubscriberList, *, file_format: str = CSV) -> HttpResponse:
    """A list's subscribers.

    Args:
        request: by a member of staff with ``campaigns.change_subscriberlist``.
        list_: from the caller's own ``get_object``.
        file_format: ``csv`` or ``xlsx``.

    Raises:
        PermissionDenied: not allowed.
    """
    if not request.user.has_perm("campaigns.change_subscriberlist"):
        raise PermissionDenied
    return download(request, lambda: export_subscribers(list_, file_format=file_format))


def download(request: HttpRequest, make: Callable[[], Export]) -> HttpResponse:
    """A file as a response, or back with the reason why there is none."""
    try:
        export = make()
    except ExportError as error:
        messages.error(request, error.text)
        return HttpResponseRedirect("../")
    response = StreamingHttpResponse(export.chunks, content_type=export.content_type)
    response["Content-Disposition"] = content_disposition_header(True, export.file_name)
    response["Cache-Control"] = "private, no-store"
    return response  # type: ignore[return-value]  # django-stubs keeps the two responses apart
