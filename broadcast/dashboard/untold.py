"""What others should have been told and were not: webhook calls and mails to staff that failed lately."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.html import format_html

from accounts.models import User
from broadcast.core.admin import list_url
from campaigns.models import OutgoingCall, StaffNotice


def failed_deliveries(user: User | AnonymousUser, *, days: int) -> list[tuple[str, str, str]]:
    """Link, text and next step of each kind that has failures; each only for those who may see it elsewhere.

    Args:
        user: who looks.
        days: how long a failure is told of.
    """
    since = timezone.now() - dt.timedelta(days=days)
    found = []
    if user.has_perm("campaigns.view_outgoingcall"):
        failed = OutgoingCall.objects.filter(state=OutgoingCall.State.FAILED, updated_at__gte=since)
        count = failed.count()
        if count:
            what = "One webhook call" if count == 1 else f"{count:,} webhook calls"
            names = failed.order_by("endpoint__name").values_list("endpoint__name", flat=True).distinct()[:3]
            text = f"{what} of the last {days} days failed for good: {', '.join(names)}."
            link = _link(list_url(OutgoingCall, state__exact="failed"), "Webhook calls")
            found.append((link, text, "See why, then try again."))
    if user.has_perm("campaigns.view_staffnotice"):
        count = StaffNotice.objects.filter(state=StaffNotice.State.FAILED, updated_at__gte=since).count()
        if count:
            what = "One mail to staff" if count == 1 else f"{count:,} mails to staff"
            text = f"{what} of the last {days} days could not be sent."
            link = _link(list_url(StaffNotice, state__exact="failed"), "Mails to staff")
            found.append((link, text, "Check the mail server's settings, then try again."))
    return found


def _link(url: str, text: str) -> str:
    return format_html('<a href="{}" class="text-link">{}</a>', url, text)
