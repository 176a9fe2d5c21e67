"""Pages of the layers above: of whoever submitted a batch, whom the transport knows by reference only (``campaign:12``), and of a
person's evidence."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from broadcast.core.admin import list_url, page_link
from messaging.models import Alert, Batch, NumberFinding, PhoneNumber

_PAGES: dict[str, str] = {}
#: Models by what stands before the colon in ``Alert.subject``.
_SUBJECTS = {
    "brand": "brand",
    "campaign": "tendlccampaign",
    "verification": "tollfreeverification",
    "number": "phonenumber",
}
#: Shows and exports what is on record of a person; takes an account's id and a number.
_EVIDENCE_PAGE = "admin:campaigns_consentevent_evidence"
#: Who may open it.
EVIDENCE_PERMISSION = "campaigns.export_evidence"


def register_source_page(kind: str, url_name: str) -> None:
    """Say where a kind of submitter has its pages.

    Args:
        kind: what stands before the colon in ``Batch.source``.
        url_name: of the page; it takes what stands after the colon.
    """
    _PAGES[kind] = url_name


def source_link(batch: Batch | None) -> str | SafeString:
    """A link to the page on which a batch is watched, paused and cancelled; to the batch itself where there is none."""
    kind, _, pk = batch.source.partition(":") if batch else ("", "", "")
    if batch is None or kind not in _PAGES:
        return page_link(batch)
    return format_html('<a href="{}" class="text-link">{}</a>', reverse(_PAGES[kind], args=[pk]), batch.label)


def alert_link(alert: Alert) -> str | SafeString:
    """A link to where something can be done about an alert; to the alert itself where there is nothing else."""
    if alert.batch is not None:
        return source_link(alert.batch)
    if alert.kind == Alert.Kind.NUMBERS_DIFFER:
        url = list_url(NumberFinding, gateway__id__exact=alert.gateway_id, state__exact=NumberFinding.State.OPEN)
        return format_html('<a href="{}" class="text-link">Number findings of {}</a>', url, alert.gateway)
    if alert.kind == Alert.Kind.NUMBER_HALF_WAY and alert.gateway_id:
        url = list_url(PhoneNumber, attention="yes", gateway__id__exact=alert.gateway_id)
        return format_html('<a href="{}" class="text-link">Numbers at {}</a>', url, alert.gateway)
    kind, _, pk = alert.subject.partition(":")
    if kind in _SUBJECTS:
        url = reverse(f"admin:messaging_{_SUBJECTS[kind]}_change", args=[pk])
        return format_html('<a href="{}" class="text-link">{}</a>', url, alert.get_kind_display())
    return page_link(alert.gateway or alert)


def evidence_url(account_id: int, number: str) -> str:
    """The address of a person's evidence; the number need not be a subscriber's."""
    return reverse(_EVIDENCE_PAGE, args=[account_id, number])
