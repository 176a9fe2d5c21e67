"""What Telnyx says of the account: the request that shows whether the API key is right ("First API request")."""

from __future__ import annotations

from integrations.http.values import Reply
from integrations.sms.providers.telnyx.replies import decoded, refusal


def read_balance(reply: Reply) -> str:
    """The account's balance, for a person.

    Raises:
        ProviderError: the key was refused, or the answer is not understood.
    """
    body = decoded(reply) if reply.status == 200 else None
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or "balance" not in data:
        raise refusal(reply, "to show the balance")
    return f"balance {data['balance']} {data.get('currency') or ''}".strip()
