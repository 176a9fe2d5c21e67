"""Media of inbound messages: links to the provider, never loaded by our pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

#: Material symbols by the first part of a content type, or all of it.
_ICONS = {
    "image": "image",
    "video": "movie",
    "audio": "audio_file",
    "application/pdf": "picture_as_pdf",
    "text/vcard": "contact_page",
    "text/x-vcard": "contact_page",
    "text/calendar": "event",
    "text": "description",
}


_NAMES = {
    "image": "Picture",
    "video": "Video",
    "audio": "Recording",
    "text/vcard": "Contact",
    "text/x-vcard": "Contact",
    "text/calendar": "Event",
    "text": "Text",
}


class Medium(NamedTuple):
    """One file of a message.

    Args:
        url: where it is; empty when that is no web address and must not be opened.
        shown: the address as text.
        kind: content type.
        icon: name of a Material symbol.
    """

    url: str
    shown: str
    kind: str
    icon: str

    @property
    def label(self) -> str:
        """What it is, for a person: "Picture (image/jpeg)"."""
        name = _NAMES.get(self.kind) or _NAMES.get(self.kind.partition("/")[0]) or "File"
        return f"{name} ({self.kind})"


def media_of(pairs: Iterable[Iterable[str]]) -> list[Medium]:
    """A message's files, as they are shown.

    Args:
        pairs: URL and content type of each.
    """
    found = []
    for url, kind in pairs:
        icon = _ICONS.get(kind) or _ICONS.get(kind.partition("/")[0]) or "attach_file"
        found.append(Medium(url if _is_web(url) else "", url, kind or "unknown type", icon))
    return found


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.netloc)
