"""The keyword action that starts a chain."""

from __future__ import annotations

from campaigns.models import KeywordAction
from campaigns.services.chains.runs import ChainError, start
from campaigns.services.keywords import ActionContext, ActionFailed, ActionKind, register_kind


def _start(context: ActionContext, action: KeywordAction) -> str:
    inbound, chain = context.inbound, action.chain
    if chain is None:
        raise ActionFailed("the text chain to start is gone")
    if inbound.muted:
        raise ActionFailed(f"“{chain}” not started: nothing may be answered now")
    try:
        started = start(
            chain=chain,
            number=inbound.number,
            person=inbound.message.sender,
            how=f"keyword {context.keyword}",
            inbound=inbound.message,
        )
    except ChainError as error:
        # They asked for something and do not get it: somebody should know.
        context.waits = True
        raise ActionFailed(str(error).rstrip(".")) from None
    context.texts.append(started.reply)
    context.waits |= started.waits
    troubles = "".join(f" ({trouble.rstrip('.')})" for trouble in started.troubles)
    return f"starts the text chain “{chain}”{troubles}"


def register_chain_kind() -> None:
    """Make the kind known; once, when the app is ready."""
    register_kind(ActionKind("chain", "Start a text chain", _start, needs=("chain",)))
