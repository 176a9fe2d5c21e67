"""What Twilio says of the account: the request that shows whether credentials are right."""

from __future__ import annotations

from integrations.http.values import Reply
from integrations.sms.errors import ProviderError
from integrations.sms.providers.twilio.sending import decoded, refusal


def read_account(reply: Reply) -> str:
    """The account's name and state, for a person ("Account resource").

    Raises:
        ProviderError: the credentials were refused, or the account is suspended or closed.
    """
    body = decoded(reply) if reply.status == 200 else None
    if not isinstance(body, dict) or not body.get("sid"):
        raise refusal(reply, "to show the account")
    name, state = (str(body.get(field) or "") for field in ("friendly_name", "status"))
    if state in ("suspended", "closed"):
        text = f"The credentials are right, but Twilio has {state} the account “{name}”. Ask Twilio why."
        raise ProviderError(state, text)
    return f"account “{name}”{f', {state}' if state else ''}"
