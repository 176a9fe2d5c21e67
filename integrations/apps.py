"""The integrations app."""

from __future__ import annotations

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Gateways and their credentials."""

    name = "integrations"
    verbose_name = "Integrations"
