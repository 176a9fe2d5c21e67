"""Pages of a list, as Twilio shows them: sizes, tokens and relative links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

_MAX_PAGE_SIZE = 1000
_DEFAULT_PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page a client asks for.

    Args:
        query: the list's filters, without those of the page.
        page: counts from 0.
        size: most items of the page.
        token: where the page begins; empty if the client only gave a number.
    """

    query: dict[str, str]
    page: int
    size: int
    token: str

    @property
    def start(self) -> int:
        """Items before this page."""
        return self.page * self.size


def page_request(form: dict[str, str], *, default_size: int = _DEFAULT_PAGE_SIZE) -> PageRequest:
    """The page that a query asks for.

    Raises:
        ValueError: a number is not one.
    """
    size = min(max(int(form.get("PageSize") or default_size), 1), _MAX_PAGE_SIZE)
    filters = {name: value for name, value in form.items() if name not in ("Page", "PageToken", "PageSize")}
    return PageRequest(filters, max(int(form.get("Page") or 0), 0), size, form.get("PageToken", ""))


def page_json(path: str, name: str, items: list[Any], asked: PageRequest, next_token: str) -> dict[str, Any]:
    """A page.

    Args:
        path: of the list, without a query.
        name: of the member that holds the items.
        items: of this page.
        asked: what was asked for.
        next_token: token of the next page, empty on the last one.
    """

    def link(page: int, **more: str) -> str:
        return f"{path}?{urlencode(asked.query | {'PageSize': str(asked.size), 'Page': str(page)} | more)}"

    return {
        "end": asked.start + max(len(items) - 1, 0),
        "first_page_uri": link(0),
        name: items,
        "next_page_uri": link(asked.page + 1, PageToken=next_token) if next_token else None,
        "page": asked.page,
        "page_size": asked.size,
        "previous_page_uri": link(asked.page - 1) if asked.page else None,
        "start": asked.start,
        "uri": link(asked.page),
    }
