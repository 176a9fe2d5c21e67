"""What campaigns do when the transport reports."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from campaigns.services.chains.inbound import chain_handler, expects
from campaigns.services.chains.keyword_action import register_chain_kind
from campaigns.services.chains.runs import end_for
from campaigns.services.consent.following import Change, follow_lifting, follow_suppression
from campaigns.services.contacts import known_names, known_person, people_named
from campaigns.services.keywords import keyword, register_own_kinds
from campaigns.services.launch import follow_batch
from campaigns.services.questions import opt_in_answer
from messaging.inbound.router import register
from messaging.services.loops import register_expectation
from messaging.services.people import register_name_source, register_person_search, register_person_source
from messaging.signals import batch_changed, suppression_added, suppression_lifted

register_person_source(known_person)
register_name_source(known_names)
register_person_search(people_named)
register_own_kinds()
register_chain_kind()
# The whole order stands in docs/architecture.md, “Routing”.
# A pending person's YES is no wish to come back after an opt-out: "opt_in" has let it pass.
register("double_opt_in", opt_in_answer, before="unclear_opt_out")
register("chain", chain_handler, before="default_reply")
register("keyword", keyword, before="default_reply")
register_expectation(expects)


@receiver(batch_changed, dispatch_uid="campaigns_follow_batch")
def on_batch_changed(*, source: str, state: str, reason: str, **kwargs: Any) -> None:  # noqa: ARG001  a receiver's signature
    """A campaign stands where its batch stands."""
    if source.startswith("campaign:"):
        follow_batch(campaign_id=int(source.partition(":")[2]), state=state, reason=reason)


# Before the lists: a chain's turn holds its run first and the person then, and two who lock must do so in one order.
@receiver(suppression_added, dispatch_uid="campaigns_end_chains")
def on_suppression_ends_chains(*, account_id: int, recipient: str, reason: str, **kwargs: Any) -> None:  # noqa: ARG001
    """Nothing goes on with somebody who must not be written to; what waits for a decision waits."""
    if reason != "review":
        end_for(account_id=account_id, person=recipient, reason=reason)


@receiver(suppression_added, dispatch_uid="campaigns_unsubscribe")
def on_suppression_added(*, signal: Any, sender: Any, message_id: int | None, **circumstances: Any) -> None:  # noqa: ARG001  a receiver's signature
    """Who opts out leaves every list."""
    follow_suppression(message_id=message_id, change=Change(**circumstances))


@receiver(suppression_lifted, dispatch_uid="campaigns_subscribe_again")
def on_suppression_lifted(*, signal: Any, sender: Any, **circumstances: Any) -> None:  # noqa: ARG001  a receiver's signature
    """Who comes back is on the lists again that the opt-out took them from."""
    follow_lifting(change=Change(**circumstances))
