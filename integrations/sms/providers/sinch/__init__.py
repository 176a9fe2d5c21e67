"""Sinch SMS (REST API, ``/xms/v1``): up to a thousand recipients a batch, whose texts differ in parameters; JSON."""

from integrations.sms.providers.sinch.adapter import SinchAdapter

__all__ = ["SinchAdapter"]
