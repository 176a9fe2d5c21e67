"""The theatre: its account, numbers, lists, people who log in, and the campaign."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import Group

from accounts.models import Account, Membership, User
from broadcast.demo.carrier import SETTINGS, SHORT_CODE
from broadcast.demo.clean import ACCOUNT_NAME
from broadcast.demo.exchanges import furnish
from campaigns.models import Campaign, CampaignList, Chain, SubscriberImport, SubscriberList, Subscription
from campaigns.services.imports import import_file
from integrations.models import Gateway
from integrations.simulator.telnyx_values import public_key
from integrations.sms.contract import NumberQuery
from messaging.models import PhoneNumber, Route, Suppression
from messaging.services.numbers import adopt_number, provision_number, search_numbers
from messaging.services.suppressions import suppress

Say = Callable[[str], None]

FOLDER = Path(__file__).resolve().parent.parent / "demo_data"

#: So many that the forty requests in flight are the limit, not the number.
PACE_SEGMENTS = 10_000
#: Of the first list's people, every so many have asked the box office not to be written to.
DO_NOT_CONTACT_EVERY = 97
#: And every so many have opted out for good before the other lists are imported.
OPTED_OUT_EVERY = 211

BODY = (
    'Hi {{ first_name | default: "there" }}, doors for The Tempest open at 6:30 pm tonight at Harbour Lights. '
    "Reply STOP to opt out."
)
DRAFT_BODY = (
    'Hello {{ first_name | default: "there" }}, early booking for the autumn season opens Monday at 10. '
    "Reply STOP to opt out."
)

#: E-mail address before the at sign, role, and what they may do, for the summary.
PEOPLE = (
    ("admin", "", "superuser: everything"),
    ("operator", "Operator", "runs campaigns"),
    ("support", "Support", "answers people"),
    ("readonly", "Read-only", "looks"),
)


@dataclass(frozen=True)
class Login:
    """Somebody who can log in to the demo's console."""

    email: str
    password: str
    may: str


@dataclass
class Scenario:
    """What the demo made.

    Args:
        account: the theatre.
        campaign: to be launched.
        imports: one for each file.
        logins: who can log in.
        numbers: the short code and the number that was bought.
        members: the numbers subscribed to each list before the launch, by the list's id.
        chain: a text chain, for afterwards.
    """

    account: Account
    campaign: Campaign
    imports: list[SubscriberImport]
    logins: list[Login]
    numbers: tuple[PhoneNumber, PhoneNumber]
    members: dict[int, set[str]]
    chain: Chain | None = None


def build(*, carrier_url: str, say: Say) -> Scenario:
    """Make everything up to the launch, with the services that the console uses.

    Args:
        carrier_url: base URL of the simulated carrier.
        say: told what happens.

    Raises:
        messaging.services.numbers.ProvisioningError: the carrier refused.
        campaigns.services.imports.UnreadableFile: a list could not be read.
    """
    account = _account()
    logins = _logins(account)
    gateway = Gateway(
        name="Simulated carrier",
        kind="twilio",
        base_url=carrier_url,
        credentials={"account_sid": SETTINGS.account_sid, "auth_token": SETTINGS.auth_token},
    )
    gateway.full_clean()
    gateway.save()
    short_code = adopt_number(
        account=account,
        gateway=gateway,
        number=SHORT_CODE,
        kind=PhoneNumber.Kind.SHORT_CODE,
        label="Box office",
        pace_segments=PACE_SEGMENTS,
    )
    long_code = _buy(account, gateway, label="Front desk")
    say(f"Numbers: short code {short_code.number} adopted, {long_code.number} bought from the carrier and wired to us.")
    stand_in = _buy(account, _second_gateway(carrier_url), label="Stand-in")
    Route(account=account, number=short_code, second_number=stand_in).save()
    say(f"Route: {stand_in.number} at a second carrier takes over when the first one does not answer.")
    imports = _import_lists(account, say)
    lists = [record.list for record in imports]
    campaign = _campaign(account, short_code, "The Tempest: tonight", BODY, lists)
    _campaign(account, short_code, "Autumn season: early booking", DRAFT_BODY, lists[-1:])
    chain = furnish(account, number=short_code)
    return Scenario(account, campaign, imports, logins, (short_code, long_code), _members(lists), chain)


def _account() -> Account:
    account = Account(
        name=ACCOUNT_NAME,
        time_zone="America/New_York",
        default_region="US",
        contact="415-555-2600",
        default_reply="Thank you for writing to Harbour Lights. The box office answers from 10 to 6.",
        # The demo sends at any hour; there is nobody to wake.
        quiet_start=dt.time(0, 0),
        quiet_end=dt.time(0, 0),
        keeps_legal_hours=False,
    )
    account.full_clean()
    account.save()
    return account


def _logins(account: Account) -> list[Login]:
    password = secrets.token_hex(4)
    logins = []
    for name, role, may in PEOPLE:
        email = f"{name}@harbour-lights.example"
        user = User.objects.create_user(email, password, is_staff=True, is_superuser=not role, first_name=name.title())
        if role:
            user.groups.add(Group.objects.get(name=role))
        logins.append(Login(email, password, may))
    owner = User.objects.create_user(f"owner@{account.pk}.harbour-lights.example", None, first_name="Olivia")
    Membership.objects.create(account=account, user=owner, role=Membership.Role.OWNER)
    return logins


def _second_gateway(carrier_url: str) -> Gateway:
    gateway = Gateway(
        name="Second simulated carrier",
        kind="telnyx",
        base_url=carrier_url,
        credentials={
            "api_key": SETTINGS.telnyx_api_key,
            "public_key": public_key(SETTINGS),
            "messaging_profile_id": SETTINGS.telnyx_profile_id,
            "repeats": "yes",
        },
    )
    gateway.full_clean()
    gateway.save()
    return gateway


def _buy(account: Account, gateway: Gateway, *, label: str) -> PhoneNumber:
    offered = search_numbers(gateway=gateway, query=NumberQuery(country="US", kind="local", area_code="415", limit=5))
    return provision_number(
        account=account, gateway=gateway, number=offered[0].number, kind=PhoneNumber.Kind.LOCAL, label=label
    )


def _import_lists(account: Account, say: Say) -> list[SubscriberImport]:
    records = []
    for path in sorted(FOLDER.glob("*.csv")):
        name = path.stem.lstrip("0123456789_-").replace("_", " ").replace("-", " ").capitalize()
        list_ = SubscriberList.objects.create(account=account, name=name)
        with path.open("rb") as file:
            record = import_file(list_=list_, file=file, name=path.name)
        records.append(record)
        on_list = record.rows_new + record.rows_updated + record.rows_unchanged
        say(
            f"List “{name}”: {record.rows_read:,} rows, {on_list:,} people on it, {record.rows_duplicate:,} "
            f"duplicates, {record.rows_invalid:,} invalid, {record.rows_opted_out:,} opted out before"
        )
        if len(records) == 1:
            _suppress_some(account, list_)
    return records


def _suppress_some(account: Account, list_: SubscriberList) -> None:
    """Some people must not be written to; the other lists hold several of them again."""
    numbers = list(
        Subscription.objects.filter(list=list_)
        .order_by("subscriber__number")
        .values_list("subscriber__number", flat=True)
    )
    for number in numbers[::OPTED_OUT_EVERY]:
        suppress(account_id=account.pk, recipient=number, reason=Suppression.Reason.OPT_OUT, note="At the box office")
    for number in numbers[1::DO_NOT_CONTACT_EVERY]:
        suppress(
            account_id=account.pk, recipient=number, reason=Suppression.Reason.STAFF, note="Asked not to be written to"
        )


def _campaign(account: Account, number: PhoneNumber, name: str, body: str, lists: list[SubscriberList]) -> Campaign:
    campaign = Campaign(account=account, name=name, number=number, body=body)
    campaign.full_clean()
    campaign.save()
    for list_ in lists:
        CampaignList.objects.create(campaign=campaign, list=list_)
    return campaign


def _members(lists: list[SubscriberList]) -> dict[int, set[str]]:
    subscribed = Subscription.objects.filter(list__in=lists, state=Subscription.State.SUBSCRIBED)
    members: dict[int, set[str]] = {list_.pk: set() for list_ in lists}
    for list_id, number in subscribed.values_list("list_id", "subscriber__number"):
        members[list_id].add(number)
    return members
