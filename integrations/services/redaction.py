"""Keeping secrets out of what is shown: providers repeat credentials in their answers, and libraries in their errors."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.sms.registry import adapter_class

#: In place of a secret.
HIDDEN = "•••"
#: A shorter one is found by chance in any text; nobody's secret is that short.
_SHORTEST = 5


def redacted(text: str, kind: str, credentials: Mapping[str, str]) -> str:
    """A text without the values of secrets.

    Args:
        text: anything from a provider or a library.
        kind: of the gateway.
        credentials: by field name.
    """
    shown = {field.name for field in adapter_class(kind).credential_fields if not field.secret}
    secrets = (value for name, value in credentials.items() if name not in shown)
    values = {form for value in secrets for form in (value, value.strip(), repr(value)[1:-1])}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, HIDDEN)
    return text
