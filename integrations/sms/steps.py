"""What takes several requests, without doing any of them: generators that yield requests and are sent the replies.

An adapter says what to ask and what the answers mean; whoever drives it carries the requests. So an adapter does no I/O although
a purchase takes three requests at one provider and one at another, and the loop is the same for all:

    request = next(steps)
    while True:
        request = steps.send(carry(request))  # StopIteration.value is the outcome
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from integrations.http.values import Reply, Request
from integrations.sms.errors import ProviderError

Outcome = TypeVar("Outcome")
#: Requests one after another. Each is sent its reply; the outcome is what the generator returns.
Steps = Generator[Request, Reply, Outcome]

#: More pages than anybody has numbers for: a provider that always names a next page would never be done.
_MOST_PAGES = 1000


def one(request: Request, read: Callable[[Reply], Outcome]) -> Steps[Outcome]:
    """One request and what its reply means."""
    reply = yield request
    return read(reply)


def paged(build: Callable[[str], Request], read: Callable[[Reply], tuple[list[Outcome], str]]) -> Steps[list[Outcome]]:
    """All entries of a list, page by page.

    Args:
        build: the request for a page, empty for the first.
        read: the entries of a page and the next page, empty at the end.

    Raises:
        ProviderError: the pages go in circles. Half a list is none: what is not in it would look as if it were gone.
    """
    entries: list[Outcome] = []
    page, seen = "", {""}
    while len(seen) <= _MOST_PAGES:
        reply = yield build(page)
        found, page = read(reply)
        entries += found
        if not page:
            return entries
        if page in seen:
            break
        seen.add(page)
    raise ProviderError("pages", "The pages of the list go in circles. Try again later.", retryable=True)
