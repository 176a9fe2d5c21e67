"""Pages of whoever submitted a batch. The transport knows submitters by their reference only (``campaign:12``)."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from broadcast.core.admin import page_link
from messaging.models import Batch

_PAGES: dict[str, str] = {}


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
