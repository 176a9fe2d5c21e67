"""What a person sees when a page cannot be made."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

#: A page that only read is asked for again by the browser after this long.
RETRY_SECONDS = 10


def server_error(request: HttpRequest) -> HttpResponse:
    """The page for an exception that nobody expected: 503 while the database is away, else 500.

    Made without the database, the session or Redis, since one of them may be why it is needed. Django logs the exception.
    """
    error = sys.exc_info()[1]
    reads = request.method in ("GET", "HEAD")
    if isinstance(error, OperationalError | InterfaceError):
        text = render_to_string("503.html", {"reads": reads, "retry_seconds": RETRY_SECONDS})
        return HttpResponse(text, status=503, headers={"Retry-After": str(RETRY_SECONDS)})
    return HttpResponse(render_to_string("500.html", {"reads": reads}), status=500)
