"""The gateways there are. A new one is a module in ``providers`` and a line here."""

from __future__ import annotations

from integrations.sms.contract import GatewayConfig, SmsAdapter
from integrations.sms.providers.infobip import InfobipAdapter
from integrations.sms.providers.sinch import SinchAdapter
from integrations.sms.providers.telnyx import TelnyxAdapter
from integrations.sms.providers.twilio import TwilioAdapter

ADAPTERS: dict[str, type[SmsAdapter]] = {
    adapter.kind: adapter for adapter in (InfobipAdapter, SinchAdapter, TelnyxAdapter, TwilioAdapter)
}


def adapter_class(kind: str) -> type[SmsAdapter]:
    """The adapter of a kind.

    Raises:
        LookupError: no such kind; the text names those there are.
    """
    try:
        return ADAPTERS[kind]
    except KeyError:
        known = ", ".join(sorted(ADAPTERS))
        raise LookupError(f"There is no gateway of the kind {kind!r}; there are: {known}.") from None


def make_adapter(kind: str, config: GatewayConfig) -> SmsAdapter:
    """An adapter of a kind, ready to use."""
    return adapter_class(kind)(config)
