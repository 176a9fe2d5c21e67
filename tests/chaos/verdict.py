"""What became of a round's people: our rows and counts beside what the provider remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from campaigns.models import Campaign
from campaigns.services.metrics import campaign_progress, list_results
from messaging.engine import caps
from messaging.models import Message
from messaging.states import FINAL_STATES, TAKEN_STATES, MessageState
from tests.chaos.adversary import MOST_IN_FLIGHT, Adversary
from tests.chaos.audience import Audience
from tests.chaos.dialects import Dialect

#: Reasons of messages that are unknown because something was killed; any other is the provider's own error.
KILLED = frozenset({"interrupted", "no_reply"})


@dataclass(slots=True)
class Verdict:
    """A round's outcome.

    Args:
        figures: for the report.
        problems: what must not be, in words; empty when the round was clean.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: bool, problem: str) -> None:
        """Note a problem unless something holds."""
        if not holds:
            self.problems.append(problem)


def taken_people(audience: Audience, stats: dict[str, Any]) -> dict[str, int]:
    """How often the provider took the campaign's text for each person it took it for.

    Args:
        audience: the round's.
        stats: the simulator's, with recipients.
    """
    told: dict[str, dict[str, int]] = stats["by_recipient"]
    counts = {person: told.get(person, {}).get(digest, 0) for person, digest in audience.people.items()}
    return {person: count for person, count in counts.items() if count}


def judge(
    *,
    audience: Audience,
    dialect: Dialect,
    adversary: Adversary,
    stats: dict[str, Any],
    unknown: dict[int, str],
    unknown_after: int,
) -> Verdict:
    """Compare everything.

    Args:
        audience: the round's.
        dialect: the round's.
        adversary: what it did.
        stats: the simulator's, with recipients.
        unknown: ids of messages that were ever seen to be unknown, with the reason.
        unknown_after: how many of them were neither reported on nor found although the provider had taken them.
    """
    campaign = Campaign.objects.get(pk=audience.campaign.pk)
    states = dict(Message.objects.filter(batch=campaign.batch).values_list("recipient", "state"))
    taken = taken_people(audience, stats)
    repeated = sum(count > 1 for count in taken.values())
    lost = sum(states.get(person) not in FINAL_STATES for person in audience.people)
    killed = sum(reason in KILLED for reason in unknown.values())
    failed = sum(count for outcome, count in stats["outcomes"].items() if outcome.startswith("fail_"))
    allowed = MOST_IN_FLIGHT * dialect.most * adversary.kills
    verdict = Verdict(
        {
            "kills": adversary.kills,
            "recipients": len(audience.people),
            "duplicates": max(repeated, int(stats["duplicates"])),
            "lost": lost,
            "unknown_before": killed,
            "unknown_errors": len(unknown) - killed,
            "unknown_after": unknown_after,
            "unresolved": sum(state == MessageState.UNRESOLVED for state in states.values()),
            "max_in_flight": stats["max_in_flight"],
            "sent_after_stop": stats["sent_after_stop"],
            "after_stop_seconds": stats["sent_after_stop_max_seconds"],
            "faults": adversary.done,
        }
    )
    verdict.expect(repeated == 0, f"{repeated} people got the message more than once.")
    verdict.expect(stats["duplicate_sends"] == 0, f"{stats['duplicate_sends']} texts were taken twice by the provider.")
    verdict.expect(lost == 0, f"{lost} people are in no final state.")
    verdict.expect(len(states) == len(audience.people), f"{len(states)} rows for {len(audience.people)} people.")
    verdict.expect(
        killed <= allowed, f"{killed} messages became unknown by {adversary.kills} kills: {allowed} is the most."
    )
    verdict.expect(
        len(unknown) - killed <= failed * dialect.most,
        f"{len(unknown) - killed} messages became unknown by errors of the provider, which failed {failed} requests.",
    )
    verdict.expect(unknown_after == 0, f"{unknown_after} messages stayed unknown that the provider has.")
    verdict.expect(stats["max_in_flight"] <= MOST_IN_FLIGHT, f"{stats['max_in_flight']} requests were in flight.")
    verdict.expect(
        stats["sent_after_stop"] == 0, f"{stats['sent_after_stop']} people were written to after their STOP."
    )
    verdict.expect(campaign.state == Campaign.State.FINISHED, f"The campaign is {campaign.state}.")
    _compare_hours(verdict, audience, campaign, taken)
    _compare_rows(verdict, states, taken)
    _compare_counts(verdict, audience, campaign, states, taken)
    return verdict


def _compare_hours(verdict: Verdict, audience: Audience, campaign: Campaign, taken: dict[str, int]) -> None:
    """Nobody was written to before their hours, or above the account's cap."""
    rows = Message.objects.filter(batch=campaign.batch)
    early = rows.filter(recipient__in=audience.asleep, claimed_at__lt=audience.opens_at).count()
    capped = set(rows.filter(reason=caps.REASON).values_list("recipient", flat=True))
    verdict.figures |= {"asleep": len(audience.asleep & taken.keys()), "early": early, "capped": len(capped)}
    verdict.expect(early == 0, f"{early} people were written to before {audience.opens_at:%H:%M:%S} UTC.")
    above = audience.capped & taken.keys()
    verdict.expect(not above, f"{len(above)} people were written to above the account's cap.")
    wrongly = capped - audience.capped
    verdict.expect(not wrongly, f"{len(wrongly)} people were left out who had had no message.")


def _compare_rows(verdict: Verdict, states: dict[str, str], taken: dict[str, int]) -> None:
    claimed = {person for person, state in states.items() if state in TAKEN_STATES}
    verdict.expect(
        not claimed - taken.keys(), f"{len(claimed - taken.keys())} rows say sent; the provider never had them."
    )
    hidden = taken.keys() - claimed
    kinds = sorted({states.get(person, "no row") for person in hidden})
    verdict.expect(not hidden, f"{len(hidden)} people were sent to, and their rows say {', '.join(kinds)}.")


def _compare_counts(
    verdict: Verdict, audience: Audience, campaign: Campaign, states: dict[str, str], taken: dict[str, int]
) -> None:
    """What the console shows, against the rows and the provider, list by list."""
    progress = campaign_progress(campaign)
    verdict.expect(progress.total == len(states), f"The page counts {progress.total} of {len(states)} recipients.")
    verdict.expect(
        progress.sent == len(taken), f"The page counts {progress.sent} sent; the provider took {len(taken)}."
    )
    for result in list_results(campaign):
        members = audience.lists[result.list.pk]
        shown = result.recipients, result.sent, result.delivered, result.suppressed
        true = (
            len(members),
            len(members & taken.keys()),
            sum(states.get(person) == MessageState.DELIVERED for person in members),
            sum(states.get(person) == MessageState.SUPPRESSED for person in members),
        )
        verdict.expect(
            shown == true, f"{result.list}: recipients, sent, delivered, suppressed are {shown}; they should be {true}."
        )
