"""What is shown when something goes wrong: a page for missing keys, and debug pages without secrets."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from types import FrameType
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.debug import SafeExceptionReporterFilter

from broadcast.core.crypto import DecryptionError

logger = logging.getLogger(__name__)


class DecryptionErrorMiddleware:
    """A page that names the setting, where a page needs a secret that no key decrypts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing on the way in and out."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """503 with what to do; None for every other error."""
        if not isinstance(exception, DecryptionError):
            return None
        logger.error("%s cannot be shown: %s", request.path, exception)
        return HttpResponse(str(exception), status=503, content_type="text/plain; charset=utf-8")


class ReporterFilter(SafeExceptionReporterFilter):
    """Debug pages without credentials, in what was posted, in variables and in settings, also where debugging is on."""

    hidden_settings = re.compile(
        "API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|HTTP_COOKIE|CREDENTIAL|PRIVATE|ENTERED|FORMER|_URL$|CONFIG",
        re.IGNORECASE,
    )

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """What was posted, with secrets covered."""
        return (
            {} if request is None else {name: self.cleanse_setting(name, request.POST[name]) for name in request.POST}
        )

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        """A frame's variables: covered where a name sounds like a secret, and where a value holds one that was posted."""
        posted = self._posted_secrets(request)
        return [
            (name, self.cleansed_substitute if _holds(value, posted) else self.cleanse_setting(name, value))
            for name, value in super().get_traceback_frame_variables(request, tb_frame)
        ]

    def _posted_secrets(self, request: HttpRequest | None) -> list[str]:
        if request is None:
            return []
        values = (
            value for name in request.POST if self.hidden_settings.search(name) for value in request.POST.getlist(name)
        )
        return [value for value in values if value]


def _holds(value: Any, secrets: list[str]) -> bool:
    if not secrets:
        return False
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001  anybody's object; Django's page says as much where it shows it
        return False
    return any(secret in shown for secret in secrets)
