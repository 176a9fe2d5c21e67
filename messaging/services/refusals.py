"""Tells people why a gateway's webhooks are refused, and takes it back once they are not any more."""

from __future__ import annotations

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging.engine import keys
from messaging.models import Alert
from messaging.services.alerts import raise_alert, resolve
from messaging.services.gateways import inbound_url

OVER = "No webhook was refused for it in the last quarter of an hour."


def watch_refusals() -> None:
    """Raise and resolve the alerts about what the webhook process has noticed.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    gateways = list(Gateway.objects.defer("credentials"))
    if not gateways:
        return
    names = {gateway.pk: gateway for gateway in gateways}
    client = get_redis()
    clocks = client.mget([keys.clock(gateway.pk) for gateway in gateways])
    secrets = client.mget([keys.foreign_secret(gateway.pk) for gateway in gateways])
    for gateway, clock, secret in zip(gateways, clocks, secrets, strict=True):
        if clock is None:
            resolve(kind=Alert.Kind.CLOCK, gateway=gateway, note=OVER)
        else:
            raise_alert(kind=Alert.Kind.CLOCK, gateway=gateway, text=clock_text(gateway, int(clock)))
        other = names.get(int(secret)) if secret is not None else None
        if other is None:
            resolve(kind=Alert.Kind.FOREIGN_SECRET, gateway=gateway, note=OVER)
        else:
            raise_alert(kind=Alert.Kind.FOREIGN_SECRET, gateway=gateway, text=secret_text(gateway, other))


def clock_text(gateway: Gateway, seconds: int) -> str:
    """What to say of clocks that differ.

    Args:
        gateway: whose webhooks are refused.
        seconds: how much later it is here than in the signatures; negative when it is earlier.
    """
    amount = f"{abs(seconds)} seconds" if abs(seconds) < 120 else f"{abs(seconds) / 60:,.0f} minutes"
    return (
        f"The clock of this machine or the provider's differs by {amount}: webhooks of {gateway} are refused, so replies and "
        f"delivery reports do not arrive. By the provider's clock it is {'earlier' if seconds > 0 else 'later'} than here. Set "
        "this machine's clock (NTP). If it is right, somebody may be repeating webhooks that they overheard; those stay refused."
    )


def secret_text(gateway: Gateway, other: Gateway) -> str:
    """What to say of webhooks that are signed with another gateway's secret."""
    return (
        f"Webhooks that come to {gateway} are refused: they are signed with the secret of {other}. A number or an account at the "
        f"provider calls the wrong address. Numbers of {other} belong to {inbound_url(other)}; compare them under Number findings."
    )
