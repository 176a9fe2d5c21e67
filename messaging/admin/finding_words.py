"""What number findings say to people: what they mean, both sides, and what each repair would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from broadcast.core.admin import page_link
from messaging.models import NumberFinding
from messaging.services.gateways import inbound_url, status_url
from messaging.services.number_repairs import batches_from
from messaging.services.number_urls import Whose, is_same, names_by_key, whose
from messaging.services.numbers import LOST_AFTER
from messaging.states import BatchState

Kind = NumberFinding.Kind

MEANINGS: dict[str, str] = {
    Kind.UNKNOWN: (
        "The provider has this number in our account there, and it is not known here: it is billed, and what people write to it "
        "reaches nobody here. Give it to an account, or ignore it if it belongs to something else."
    ),
    Kind.MISSING: (
        "It is in use here and the provider does not have it any more: nothing that is sent from it can leave, and nothing "
        "arrives. Mark it as released, or get it back at the provider and compare again."
    ),
    Kind.WRONG_URLS: (
        "It is ours, and the provider does not send its messages to us: what people write to it, their STOP included, does not "
        "arrive here. Wire it to us."
    ),
    Kind.STILL_THERE: (
        "It was released here, and the provider still has it and bills it. Release it again, or take it back into an account."
    ),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One fact on both sides.

    Args:
        name: what is compared.
        here: ours.
        there: the provider's.
        note: more about theirs.
        differs: whether it is what the finding is about.
    """

    name: str
    here: Any
    there: Any
    note: str = ""
    differs: bool = False


#: Of a number whose messages do arrive.
STATUSES_ELSEWHERE = (
    "It is ours, its messages arrive, and what the provider reports by its number goes elsewhere. Reports of single messages "
    "arrive all the same where each names its own address. Wire it to us to have both right."
)


def meaning(finding: NumberFinding) -> str:
    """What a finding means, and what may be done."""
    if finding.kind == Kind.WRONG_URLS and is_same(finding.inbound_url, inbound_url(finding.gateway)):
        return STATUSES_ELSEWHERE
    return MEANINGS[finding.kind]


def in_words(finding: NumberFinding) -> str:
    """What there is to know of a finding, in a line."""
    if finding.kind == Kind.WRONG_URLS:
        if is_same(finding.inbound_url, inbound_url(finding.gateway)):
            return f"Statuses go to {_host(finding.status_url)}"
        return f"Messages go to {_host(finding.inbound_url)}"
    if finding.kind == Kind.UNKNOWN:
        # Many are called by their own digits.
        has_name = any(character.isalpha() for character in finding.friendly_name)
        return f"Called “{finding.friendly_name}” there" if has_name else "Only the provider has it"
    if finding.kind == Kind.MISSING:
        return "Only we have it"
    return "Billed although it was released"


#: What is done while a repair is under way, by repair.
REPAIRING: dict[str, str] = {
    NumberFinding.Repair.GIVE: "It is being looked up at {}, given to the account and wired to us",
    NumberFinding.Repair.WIRE: "It is being looked up at {} and wired to us",
    NumberFinding.Repair.WRITE_OFF: "{} is asked whether it really has it no more; then it is marked as released",
    NumberFinding.Repair.RELEASE: "It is being looked up at {} and released",
}


def live_context(finding: NumberFinding) -> dict[str, Any]:
    """What the live part of a finding's page shows: what is being done about it, or why that failed."""
    waits = timezone.now() - finding.asked_at if finding.repair and finding.asked_at else None
    return {
        "finding": finding,
        "finding_repairing": REPAIRING[finding.repair].format(finding.gateway) if finding.repair else "",
        "finding_waits_seconds": int(waits.total_seconds()) if waits and waits > LOST_AFTER else 0,
        "finding_live_url": reverse("admin:messaging_numberfinding_live", args=[finding.pk]),
    }


def sides(finding: NumberFinding) -> list[Side]:
    """Both sides of a finding."""
    names = names_by_key()
    ours = finding.phone_number
    there = finding.kind != Kind.MISSING
    nothing = "Not in its list"
    rows = [
        Side(
            "State",
            format_html("{}, {}", ours.get_state_display(), page_link(ours, "its page")) if ours else "Not known",
            "Owned, and billed" if there else nothing,
            differs=finding.kind != Kind.WRONG_URLS,
        ),
        Side("Account", page_link(ours.account) if ours else "-", "-"),
        Side("Name", (ours.label if ours else "") or "-", finding.friendly_name or "-"),
        Side("Provider's id", (ours.provider_id if ours else "") or "-", finding.provider_id or "-"),
    ]
    if there:
        for name, expected, url in (
            ("Messages go to", inbound_url(finding.gateway), finding.inbound_url),
            ("Statuses go to", status_url(finding.gateway), finding.status_url),
        ):
            differs = finding.kind == Kind.WRONG_URLS and not is_same(url, expected)
            rows.append(Side(name, expected, url or "-", whose(url, names).text, differs=differs))
    return rows


def others_in_use(finding: NumberFinding) -> list[Whose]:
    """Other applications that get something of a number now, and would lose it to us."""
    names = names_by_key()
    found = (whose(url, names) for url in dict.fromkeys((finding.inbound_url, finding.status_url)))
    return [item for item in found if item.is_in_use]


def give_context(_admin: Any, _request: Any, finding: NumberFinding) -> dict[str, Any]:
    """What giving does."""
    context: dict[str, Any] = {
        "question": (
            f"{finding.number} is entered in the account, its messages are sent to us from now on, and it can send. The provider "
            "is asked first whether it still has it. Nothing is bought."
        )
    }
    return context | _taken_from(finding)


def wire_context(_admin: Any, _request: Any, finding: NumberFinding) -> dict[str, Any]:
    """What wiring does."""
    question = (
        f"The provider sends what people write to {finding.number} to {inbound_url(finding.gateway)} from now on, and its delivery "
        f"reports to {status_url(finding.gateway)}. It is looked at first: if somebody has changed it since, nothing is done."
    )
    return {"question": question} | _taken_from(finding)


def write_off_context(_admin: Any, _request: Any, finding: NumberFinding) -> dict[str, Any]:
    """What writing a number off does, with what sends from it now."""
    question = (
        f"{finding.number} neither sends nor receives here any more. Campaigns that leave from it alone are paused, and the other "
        "numbers of its sender pools take over its recipients. Its history stays; an opt-out that still comes for it counts for "
        "90 days. The provider is asked first whether it really has it no more. This cannot be undone: should it come back, it "
        "is entered anew."
    )
    ours = finding.phone_number
    sending = batches_from(ours).filter(state=BatchState.SENDING).count() if ours else 0
    if not sending:
        return {"question": question}
    warning = f"{sending:,} campaign{pluralize(sending)} {'is' if sending == 1 else 'are'} sending from it now."
    return {"question": question, "warning": warning}


def release_context(_admin: Any, _request: Any, finding: NumberFinding) -> dict[str, Any]:
    """What releasing again does."""
    question = (
        f"{finding.number} is given back to the provider and not billed any more; somebody else may get it. This cannot be undone. "
        "The provider is asked first whether it still has it."
    )
    return {"question": question} | _taken_from(finding)


def _taken_from(finding: NumberFinding) -> dict[str, str]:
    """A warning where somebody else uses the number now."""
    others = others_in_use(finding)
    if not others:
        return {}
    who = " and ".join(dict.fromkeys(item.text[0].lower() + item.text[1:] for item in others))
    return {
        "warning": f"Its messages go to {who} now, and will not arrive there any more. Make sure that nobody misses them."
    }


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0] or "nobody"
