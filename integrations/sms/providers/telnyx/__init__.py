"""Telnyx messaging, API version 2: one message a request in JSON, and requests that may be repeated."""

from integrations.sms.providers.telnyx.adapter import TelnyxAdapter

__all__ = ["TelnyxAdapter"]
