"""Routes: what fits together, and how a launch divides an audience by country in one statement."""

from __future__ import annotations

from collections import Counter
from typing import Any

import phonenumbers
import pytest
from django.db import IntegrityError, connection, transaction

from broadcast.core.redis import get_redis
from messaging.engine import keys, sql
from messaging.engine.countries import all_countries, country_of, prefixes_of, sharing
from messaging.engine.recipients import RecipientQuery
from messaging.hours import TWO_DIGIT_CODES
from messaging.models import Batch, Message, PhoneNumber, Route
from messaging.services import batches
from messaging.services.routes import check_route, preferred_sender
from messaging.services.shares import shares_of
from tests.factories import (
    PhoneNumberFactory,
    RouteFactory,
    SenderPoolFactory,
    SuppressionFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = {
    "+14155550101": "US",
    "+12125550102": "US",
    "+18005550103": "US",
    "+14165550104": "CA",
    "+12425550105": "BS",
    "+442071234106": "GB",
    "+447911123107": "GB",
    "+33612345108": "FR",
    "+353861234109": "IE",
    "+79161234110": "RU",
    "+77011234111": "KZ",
    "+393471234112": "IT",
    "+85261234113": "HK",
    "+88161234114": "",
}


def audience(people: Any) -> RecipientQuery:
    null = "NULL::jsonb" if connection.vendor == "postgresql" else "NULL"
    table, params = sql.values_table((("recipient", "text"),), [(person,) for person in people])
    query = f"SELECT recipient, 1 AS cohort, {null} AS context, '' AS zone FROM {table}"  # noqa: S608  ours
    return RecipientQuery(query, params)


def launch(number: PhoneNumber, people: Any = PEOPLE, **options: Any) -> Batch:
    batch = batches.create_batch(
        account=number.account,
        number=number,
        label="Sale",
        template="Hello",
        source=f"test:{Batch.objects.count()}",
        recipients=audience(people),
        respects_quiet_hours=options.pop("respects_quiet_hours", False),
        **options,
    )
    batches.start_batch(batch.pk)
    batch.refresh_from_db()
    return batch


def senders_of(batch: Batch) -> dict[str, int]:
    return dict(Message.objects.filter(batch=batch).values_list("recipient", "number_id"))


def another(number: PhoneNumber, **values: Any) -> PhoneNumber:
    """A number of the same account at a gateway of its own."""
    return PhoneNumberFactory.create(account=number.account, **values)


class TestCountries:
    """Countries by the first digits."""

    @pytest.mark.parametrize(("number", "country"), PEOPLE.items())
    def test_a_number_has_the_country_that_its_first_digits_say(self, number: str, country: str) -> None:
        assert country_of(number) == country

    def test_every_countrys_own_example_is_found_where_it_is_told_apart(self) -> None:
        for code, _name in all_countries():
            example = phonenumbers.example_number_for_type(code, phonenumbers.PhoneNumberType.MOBILE)
            if example is None:
                continue
            number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert country_of(number) == code

    def test_codes_of_two_digits_are_those_that_sql_knows(self) -> None:
        known = {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE if 10 <= code <= 99}
        assert known == TWO_DIGIT_CODES

    def test_who_shares_a_code_is_told_of_the_main_country(self) -> None:
        assert (sharing("GG"), sharing("VA"), sharing("CA"), sharing("KZ")) == ("GB", "IT", "", "")
        assert not prefixes_of("XX")


class TestDivision:
    """A launch."""

    def test_sql_divides_as_the_table_says(self) -> None:
        number = PhoneNumberFactory.create()
        by_country = {code: another(number) for code in ("US", "CA", "BS", "GB", "FR", "IE", "RU", "KZ", "IT", "HK")}
        for code, sender in by_country.items():
            RouteFactory.create(account=number.account, country=code, number=sender)
        batch = launch(number)
        assert senders_of(batch) == {
            person: by_country[country].pk if country else number.pk for person, country in PEOPLE.items()
        }
        assert batch.other_gateway_ids == sorted(sender.gateway_id for sender in by_country.values())
        assert batch.routed_ids == sorted(sender.pk for sender in by_country.values())

    def test_each_part_is_queued_at_its_own_gateway(self) -> None:
        number = PhoneNumberFactory.create()
        french = another(number)
        RouteFactory.create(account=number.account, country="FR", number=french)
        batch = launch(number)
        queued = {
            sender.pk: get_redis().llen(keys.queue(sender.gateway_id, keys.batch_queue(batch.pk, sender.pk)))
            for sender in (number, french)
        }
        assert queued == {number.pk: len(PEOPLE) - 1, french.pk: 1}
        batches.pause_batch(batch.pk)
        for sender in (number, french):
            assert get_redis().sismember(keys.held(sender.gateway_id), keys.batch_name(batch.pk))
            assert not get_redis().exists(keys.queue(sender.gateway_id, keys.batch_queue(batch.pk, sender.pk)))
        batches.resume_batch(batch.pk)
        assert get_redis().llen(keys.queue(french.gateway_id, keys.batch_queue(batch.pk, french.pk))) == 1

    def test_a_pool_divides_its_country_further(self) -> None:
        number = PhoneNumberFactory.create()
        pool = SenderPoolFactory.create(account=number.account)
        RouteFactory.create(account=number.account, country="GB", number=None, pool=pool)
        people = [f"+4479111{index:05d}" for index in range(240)]
        shares = Counter(senders_of(launch(number, [*people, "+14155550101"])).values())
        assert shares == {number.pk: 1, **dict.fromkeys((member.pk for member in pool.numbers.all()), 120)}

    def test_nothing_goes_to_a_blocked_country_and_the_row_says_why(self) -> None:
        number = PhoneNumberFactory.create()
        RouteFactory.create(account=number.account, country="FR", number=None, is_blocked=True)
        RouteFactory.create(account=number.account, country="GB", number=another(number))
        opted_out = "+33612345999"
        SuppressionFactory.create(account=number.account, recipient=opted_out)
        batch = launch(number, [*PEOPLE, opted_out])
        rows = {row.recipient: row for row in Message.objects.filter(batch=batch)}
        blocked = rows["+33612345108"]
        assert (blocked.state, blocked.reason) == ("suppressed", "country_blocked")
        assert "France (FR)" in blocked.reason_text
        assert (rows[opted_out].state, rows[opted_out].reason) == ("suppressed", "opt_out")
        assert Counter(row.state for row in rows.values()) == {"queued": len(PEOPLE) - 1, "suppressed": 2}

    def test_without_country_rules_all_leave_from_the_batchs_sender_but_a_block_stays(self) -> None:
        number = PhoneNumberFactory.create()
        RouteFactory.create(account=number.account, country="FR", number=None, is_blocked=True)
        RouteFactory.create(account=number.account, country="GB", number=another(number))
        batch = launch(number, follows_country_rules=False)
        assert set(senders_of(batch).values()) == {number.pk}
        assert Message.objects.filter(batch=batch, state="suppressed").count() == 1
        assert batch.gateways == [number.gateway_id]

    def test_places_are_kept_beside_countries(self) -> None:
        number = PhoneNumberFactory.create()
        french = another(number)
        RouteFactory.create(account=number.account, country="FR", number=french)
        batch = launch(number, respects_quiet_hours=True)
        places = dict(Message.objects.filter(batch=batch).values_list("recipient", "place"))
        assert places["+33612345108"] == "Europe/Paris#"
        assert senders_of(batch)["+33612345108"] == french.pk

    def test_a_preferred_sender_that_cannot_send_is_passed_over_at_launch(self) -> None:
        number = PhoneNumberFactory.create()
        broken, second = another(number, state="disabled"), another(number)
        RouteFactory.create(account=number.account, country="FR", number=broken, second_number=second)
        assert senders_of(launch(number))["+33612345108"] == second.pk

    def test_other_accounts_routes_are_no_concern(self) -> None:
        number = PhoneNumberFactory.create()
        RouteFactory.create(country="FR")
        assert set(senders_of(launch(number)).values()) == {number.pk}

    def test_a_preview_counts_what_a_launch_makes(self) -> None:
        number = PhoneNumberFactory.create()
        french = another(number)
        RouteFactory.create(account=number.account, country="FR", number=french)
        RouteFactory.create(account=number.account, country="CA", number=None, is_blocked=True)
        RouteFactory.create(account=number.account, country="DE", number=another(number))
        SuppressionFactory.create(account=number.account, recipient="+14155550101")
        shares = shares_of(
            account_id=number.account_id, sender=number, recipients=audience(PEOPLE), follows_country_rules=True
        )
        assert [(share.country, share.recipients, share.sender) for share in shares] == [
            ("Canada", 1, None),
            ("France", 1, french),
            ("", len(PEOPLE) - 3, number),
        ]
        batch = launch(number)
        rows = Message.objects.filter(batch=batch, state="queued")
        assert rows.filter(number=number).count() == len(PEOPLE) - 3


class TestRules:
    """What fits together."""

    def test_each_misfit_is_told_at_its_field(self) -> None:
        number = PhoneNumberFactory.create()
        near = PhoneNumberFactory.create(account=number.account, gateway=number.gateway)
        far, stranger = another(number), PhoneNumberFactory.create()
        resting = another(number, state="disabled")
        pool = SenderPoolFactory.create(account=number.account)
        pool_here = SenderPoolFactory.create(account=number.account, numbers=[near])
        cases: list[tuple[dict[str, Any], dict[str, str]]] = [
            ({"number": number}, {}),
            ({"number": number, "second_number": far}, {}),
            ({"number": number, "second_pool": pool}, {}),
            ({"pool": pool, "second_number": number}, {}),
            ({}, {"number": "Choose the number"}),
            ({"number": number, "pool": pool}, {"pool": "not both"}),
            ({"number": stranger}, {"number": "belongs to"}),
            ({"number": resting}, {"number": "is disabled"}),
            ({"number": number, "second_number": near}, {"second_number": "another gateway"}),
            ({"number": number, "second_pool": pool_here}, {"second_pool": "another gateway"}),
            ({"number": number, "second_number": stranger}, {"second_number": "belongs to"}),
            ({"number": number, "country": "GG"}, {"country": "shares its calling code"}),
            ({"number": number, "country": "XX"}, {"country": "no country"}),
            ({"is_blocked": True, "country": "FR"}, {}),
            ({"is_blocked": True}, {"country": "suspend the account"}),
            ({"is_blocked": True, "country": "FR", "number": number}, {"number": "leave this empty"}),
        ]
        for values, expected in cases:
            problems = check_route(Route(account=number.account, **values))
            assert problems.keys() == expected.keys(), values
            for name, text in expected.items():
                assert text in problems[name]

    def test_the_database_keeps_one_route_a_country_and_one_sender_each(self) -> None:
        number = PhoneNumberFactory.create()
        pool = SenderPoolFactory.create(account=number.account)
        RouteFactory.create(number=number)
        for values in (
            {"number": number},
            {"number": number, "pool": pool, "country": "FR"},
            {"number": None, "country": "FR"},
            {"number": number, "country": "FR", "is_blocked": True},
            {"number": None, "country": "", "is_blocked": True},
            {"number": number, "country": "FR", "second_number": number, "second_pool": pool},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Route.objects.create(account=number.account, **values)

    def test_the_route_for_everywhere_names_the_preferred_sender(self) -> None:
        number = PhoneNumberFactory.create()
        assert preferred_sender(number.account) is None
        RouteFactory.create(account=number.account, country="FR", number=another(number))
        assert preferred_sender(number.account) is None
        RouteFactory.create(account=number.account, number=number)
        assert preferred_sender(number.account) == number
