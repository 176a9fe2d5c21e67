"""What a launch would do, before it does it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field

from django.utils import timezone

from broadcast.core.merge import TemplateError, render_template
from campaigns.models import Campaign
from campaigns.services import audience
from campaigns.services.composing import check_body
from campaigns.services.contacts import merge_values
from integrations.sms.segments import count
from messaging.engine import places
from messaging.engine.caps import count_reached
from messaging.engine.deferrals import Deferral, defer
from messaging.engine.launch import count_places
from messaging.models import PhoneNumber, SenderPool
from messaging.services import pools, routes
from messaging.services.budgets import Forecast, forecast
from messaging.services.canaries import planned_people
from messaging.services.registration_checks import unfit
from messaging.services.routes import Sender
from messaging.services.shares import Share, shares_of

#: People whose texts are made to estimate segments.
SAMPLE_PEOPLE = 200
#: Texts that are shown.
SHOWN_SAMPLES = 3
#: A provider usually answers within this many seconds; with the gateway's concurrency it bounds the rate.
USUAL_ANSWER_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class LaunchPreview:
    """What a launch would do.

    Args:
        recipients: people it will be sent to.
        suppressed: people of the lists who are left out.
        on_several_lists: places on lists beyond each person's first.
        subscriptions: places on the lists.
        segments_min: fewest segments of a message.
        segments_max: most segments of a message.
        segments_total: estimate for all.
        encoding: ``GSM-7`` or ``UCS-2``; the dearer one if some texts need it.
        seconds: estimated time from the first message to the last, a canary's wait not included.
        canary_people: about how many get it first; 0: everybody at once.
        deferral: who has to wait for the hours of their place, and until when; None when nobody has.
        capped: people who have had as many messages as the account allows, if it left now.
        keeps_hours: whether anybody may have to wait, now or later.
        budgets: how its numbers' brands bear on it; empty without caps.
        problems: each stands in the way of the launch.
        warnings: worth knowing.
        samples: texts of real people.
        shares: how the recipients are divided by the account's routes; empty when all leave from its own sender.
    """

    recipients: int = 0
    suppressed: int = 0
    on_several_lists: int = 0
    subscriptions: int = 0
    segments_min: int = 0
    segments_max: int = 0
    segments_total: int = 0
    encoding: str = "GSM-7"
    seconds: float = 0.0
    canary_people: int = 0
    deferral: Deferral | None = None
    capped: int = 0
    keeps_hours: bool = False
    budgets: list[Forecast] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)

    @property
    def sent_shares(self) -> list[Share]:
        """Shares that leave."""
        return [share for share in self.shares if not share.is_blocked]

    @property
    def blocked_shares(self) -> list[Share]:
        """Shares to which nothing is sent."""
        return [share for share in self.shares if share.is_blocked]


def blocking_problems(campaign: Campaign) -> list[str]:
    """Everything that stands in the way of a launch; empty when it can go."""
    return _judge(campaign)[0]


def _judge(campaign: Campaign) -> tuple[list[str], audience.AudienceSize | None, list[Share]]:
    """What stands in the way, the audience, which takes four queries to measure (None with too many lists), and its shares."""
    problems = []
    account, number, gateway = campaign.account, campaign.number, campaign.number.gateway
    if not account.is_active:
        problems.append(f"{account} is {account.get_status_display().lower()}. Make the account active first.")
    if campaign.pool is not None:
        problems += _pool_problems(campaign, campaign.pool)
        gateway = (pools.first_active(campaign.pool) or number).gateway
    elif number.account_id != account.pk:
        problems.append(f"{number} belongs to another account. Choose a number of {account}.")
    unable = sender_problem(campaign)
    # Where countries have routes, the shares below tell whether anybody is left for its own sender.
    if unable and not has_routes(campaign):
        problems.append(unable)
    if not gateway.is_enabled:
        problems.append(f"The gateway {gateway} is disabled. Enable it first.")
    foreign = campaign.lists.exclude(account_id=account.pk).order_by("name")
    problems += [f"The list “{item}” belongs to another account. Remove it." for item in foreign]
    problems += [f"Text: {problem}" for problem in check_body(account, campaign.body)]
    if not campaign.body.strip():
        problems.append("The text is empty. Write one.")
    try:
        audience.list_positions(campaign)
    except audience.TooManyLists as error:
        return [*problems, str(error)], None, []
    size = audience.measure(campaign)
    if not campaign.campaign_lists.exists():
        problems.append("It has no list. Add at least one.")
    elif not size.people:
        problems.append("Nobody is subscribed to its lists. Import or add subscribers first.")
    elif not size.recipients:
        problems.append("Everybody on its lists has opted out or is suppressed.")
    # Only an audience that can be put together can be divided.
    shares = [] if problems else _shares(campaign)
    problems += [share.problem for share in shares if share.problem]
    if shares and all(share.is_blocked for share in shares):
        problems.append("Everybody on its lists is in a country to which the account's routes send nothing.")
    return problems, size, shares


def _shares(campaign: Campaign) -> list[Share]:
    return shares_of(
        account_id=campaign.account_id,
        sender=campaign.pool or campaign.number,
        recipients=audience.recipient_query(campaign),
        follows_country_rules=campaign.follows_country_rules,
    )


def has_routes(campaign: Campaign) -> bool:
    """Whether routes of the account take some countries away from a campaign's own sender."""
    found = routes.routes_of(campaign.account_id)
    return bool(routes.country_routes(found, follows_country_rules=campaign.follows_country_rules))


def sender_problem(campaign: Campaign) -> str:
    """Why nothing may leave from a campaign's own number or pool; empty when something may.

    Args:
        campaign: with its number and pool.
    """
    number, pool = campaign.number, campaign.pool
    if pool is None:
        advice = "" if number.state == PhoneNumber.State.ACTIVE else " Choose an active number."
        return f"{why}{advice}" if (why := routes.refusal(number)) else ""
    if not pools.can_send(pool):
        return f"No number of the sender pool “{pool}” is active. Make one active, or choose another pool."
    return " ".join(unfit(pool.numbers.sendable()).values()) if not pools.members(pool) else ""


def stranded(campaign: Campaign) -> str:
    """Why some recipients of a campaign would have no number that may send, and how many; empty when all have one.

    Args:
        campaign: with its account, number and pool.
    """
    unable = sender_problem(campaign)
    if not unable or not has_routes(campaign):
        return unable
    return " ".join(share.problem for share in _shares(campaign) if share.problem)


def _left_out(campaign: Campaign, shares: list[Share]) -> list[str]:
    """What to know of numbers of its pools that may not send, where others do it for them."""
    senders = [share.sender for share in shares] or [campaign.pool]
    found: dict[int, str] = {}
    for sender in senders:
        if isinstance(sender, SenderPool) and pools.members(sender):
            found |= unfit(sender.numbers.sendable())
    return [f"Other numbers of its pool send instead of one that may not. {why}" for why in found.values()]


def _pool_problems(campaign: Campaign, pool: SenderPool) -> list[str]:
    if pool.account_id != campaign.account_id:
        return [f"The sender pool “{pool}” belongs to another account. Choose a pool of {campaign.account}."]
    return []


def preview_launch(campaign: Campaign) -> LaunchPreview:
    """Measure a launch: exact counts, estimated segments and time, and what stands in the way."""
    problems, size, shares = _judge(campaign)
    if size is None:
        return LaunchPreview(problems=problems)
    recipients = size.recipients - sum(share.recipients for share in shares if share.is_blocked)
    texts, warnings = _texts(campaign)
    counts = [count(text) for text in texts]
    segments = [item.segments for item in counts]
    total = round(sum(segments) / len(segments) * recipients) if segments else 0
    unicode_texts = sum(item.encoding == "UCS-2" for item in counts)
    if unicode_texts:
        odd = sorted({character for item in counts for character in item.odd_characters})[:8]
        warnings.append(
            f"Characters such as {' '.join(odd)} make a text Unicode: 70 characters a segment instead of 160."
        )
    if size.pending:
        warnings.append(
            f"{size.pending:,} people of its lists have not answered YES yet (double opt-in); nothing is sent to them."
        )
    if campaign.number.gateway.stopped_reason:
        warnings.append(f"The provider refused everything lately: {campaign.number.gateway.stopped_reason}")
    warnings += _left_out(campaign, shares)
    deferral, capped = (None, 0) if problems else _held_back(campaign)
    budgets = [] if problems else forecast(segments=_segments_by_number(campaign, recipients, total, shares))
    return LaunchPreview(
        recipients=recipients,
        suppressed=size.suppressed,
        on_several_lists=size.duplicates,
        subscriptions=size.subscriptions,
        segments_min=min(segments, default=0),
        segments_max=max(segments, default=0),
        segments_total=total,
        encoding="UCS-2" if unicode_texts else "GSM-7",
        seconds=_seconds(campaign, recipients, total, shares),
        canary_people=planned_people(recipients, campaign.canary_percent),
        deferral=deferral,
        capped=capped,
        keeps_hours=places.keeps_hours(campaign.account),
        budgets=budgets,
        problems=problems,
        warnings=warnings,
        samples=texts[:SHOWN_SAMPLES],
        shares=shares,
    )


def _parts(campaign: Campaign, recipients: int, shares: list[Share]) -> list[tuple[Sender, int]]:
    """Its senders, with how many people each writes to."""
    parts = [(share.sender, share.recipients) for share in shares if share.sender is not None]
    return parts or [(campaign.pool or campaign.number, recipients)]


def _segments_by_number(campaign: Campaign, recipients: int, segments: int, shares: list[Share]) -> dict[int, float]:
    """How many segments would leave from each number, estimated; a pool's numbers share evenly."""
    found: dict[int, float] = defaultdict(float)
    for sender, people in _parts(campaign, recipients, shares):
        numbers = [sender] if isinstance(sender, PhoneNumber) else pools.members(sender)
        for number in numbers:
            found[number.pk] += segments * people / (max(1, recipients) * len(numbers))
    return found


def _seconds(campaign: Campaign, recipients: int, segments: int, shares: list[Share]) -> float:
    """How long it takes, estimated: as long as its slowest share."""
    longest = 0.0
    for sender, people in _parts(campaign, recipients, shares):
        number = sender if isinstance(sender, PhoneNumber) else pools.first_active(sender) or campaign.number
        pace = None if isinstance(sender, PhoneNumber) else pools.pace(sender)
        its_segments = round(segments * people / recipients) if recipients else 0
        longest = max(longest, estimate_seconds(number, people, its_segments, pace=pace))
    return longest


def _held_back(campaign: Campaign) -> tuple[Deferral | None, int]:
    """Who would have to wait for their hours, and how many have had enough messages, if it left now."""
    now = timezone.now()
    capped = count_reached(account=campaign.account, recipients=audience.recipient_query(campaign), now=now)
    return deferral_at(campaign, now), capped


def deferral_at(campaign: Campaign, at: dt.datetime) -> Deferral | None:
    """Who of today's audience would have to wait for the hours of their place if it left at a time; None when nobody has.

    Args:
        campaign: with its account.
        at: an aware time.
    """
    account = campaign.account
    if not places.keeps_hours(account):
        return None
    counts = count_places(account_id=account.pk, recipients=audience.recipient_query(campaign))
    return defer(account, counts, at)


def estimate_seconds(number: PhoneNumber, recipients: int, segments: int, *, pace: int | None = None) -> float:
    """Seconds from the first message to the last: by the pace, or by the gateway's concurrency if that is slower.

    Args:
        number: where they leave from.
        recipients: how many messages.
        segments: of all of them together.
        pace: segments per second of the numbers of a pool together; the number's own when omitted.
    """
    by_pace = segments / (pace or number.segments_per_second)
    by_concurrency = recipients * USUAL_ANSWER_SECONDS / number.gateway.concurrency
    return max(by_pace, by_concurrency)


def _texts(campaign: Campaign) -> tuple[list[str], list[str]]:
    """Texts of some people, and what is wrong with some of them."""
    texts, empty, broken = [], 0, 0
    for person in audience.sample_people(campaign, SAMPLE_PEOPLE):
        try:
            text = render_template(campaign.body, merge_values(person))
        except TemplateError:
            broken += 1
            continue
        if text:
            texts.append(text)
        else:
            empty += 1
    warnings = []
    if empty:
        warnings.append(f"The text is empty for {empty} of the people looked at; they would fail. Add a default.")
    if broken:
        warnings.append(f"The text cannot be made for {broken} of the people looked at; they would fail.")
    return texts, warnings
