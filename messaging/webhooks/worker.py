"""gunicorn's worker for the webhook process: uvicorn's, without what a webhook does not need."""

from __future__ import annotations

from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker


class WebhookWorker(UvicornWorker):  # type: ignore[misc]  # the package has no types
    """Leaves out uvicorn's look at proxy headers: the public URL is a setting here, and nobody asks where a call came from."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": "httptools",
        "interface": "asgi3",
        "ws": "none",
        "proxy_headers": False,
        "access_log": False,
        "server_header": False,
        "date_header": False,
    }
