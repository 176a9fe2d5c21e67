"""Twilio Programmable Messaging: one message a request, form-encoded, HTTP Basic."""

from integrations.sms.providers.twilio.adapter import TwilioAdapter

__all__ = ["TwilioAdapter"]
