"""Infobip SMS (API version 3): up to a thousand messages a request, each with its own text and an id of ours; JSON."""

from integrations.sms.providers.infobip.adapter import InfobipAdapter

__all__ = ["InfobipAdapter"]
