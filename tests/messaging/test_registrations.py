"""Registrations with the carriers: what may send, the steps staff take, and what carriers refuse."""

from __future__ import annotations

import subprocess

import pytest
from django.db import IntegrityError, transaction

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.jobs import recorder
from messaging.models import (
    Alert,
    Batch,
    Brand,
    CarrierRefusal,
    PhoneNumber,
    RegistrationChange,
    RegistrationPolicy,
    TenDlcCampaign,
    TollFreeVerification,
)
from messaging.models.registrations import Registration
from messaging.services import registrations
from messaging.services.carrier_refusals import mark_number
from messaging.services.registration_checks import REFUSALS_TO_STOP, may_send, refusals
from messaging.services.registrations import RegistrationError, move_registration, set_numbers, set_policy
from messaging.services.tending import tend_batches
from messaging.states import REGISTRATION_MOVES, RegistrationState
from tests.factories import (
    AccountFactory,
    BatchFactory,
    BrandFactory,
    CarrierRefusalFactory,
    MessageFactory,
    PhoneNumberFactory,
    RegistrationPolicyFactory,
    SenderPoolFactory,
    TenDlcCampaignFactory,
    TenDlcNumberFactory,
    TollFreeVerificationFactory,
    UserFactory,
)
from tests.messaging.test_recording import put_status
from tests.messaging.tools import drain, make_batch, recipients, send_all, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

LONG_CODE, TOLL_FREE = "+14155552600", "+18005552600"


@pytest.fixture
def long_code() -> PhoneNumber:
    """A registered long code of an account that is checked."""
    number = TenDlcNumberFactory.create().number
    RegistrationPolicyFactory.create(account=number.account)
    return number


def why(number: PhoneNumber) -> str:
    """Why nothing may leave a number; empty when it may."""
    refusal = may_send(number)
    return refusal.text if refusal else ""


def test_a_registered_number_may_send(long_code: PhoneNumber) -> None:
    assert why(long_code) == ""


@pytest.mark.parametrize("state", [state for state in RegistrationState if state != "approved"])
@pytest.mark.parametrize("model", [Brand, TenDlcCampaign])
def test_no_state_but_approved_lets_a_long_code_send(
    long_code: PhoneNumber, model: type[Registration], state: str
) -> None:
    model._default_manager.update(state=state)
    text = why(long_code)
    assert RegistrationState(state).label.lower() in text
    assert "30034" in text
    assert LONG_CODE in text


def test_a_refusal_says_since_when_and_what_the_provider_said(long_code: PhoneNumber) -> None:
    brand = Brand.objects.get()
    move_registration(registration=brand, to="suspended", user=None, words="The EIN was not found.")
    assert "has been suspended since" in why(long_code)
    assert why(long_code).endswith("The provider says: The EIN was not found.")


def test_a_long_code_without_a_10dlc_campaign_may_not_send() -> None:
    number = PhoneNumberFactory.create(number=LONG_CODE, kind="local")
    RegistrationPolicyFactory.create(account=number.account)
    assert "has no 10DLC campaign" in why(number)


def test_a_campaign_of_another_account_registers_nothing(long_code: PhoneNumber) -> None:
    """Given a row that no form lets anybody make, when the number is asked, then another account's brand is not its own."""
    Brand.objects.update(account=AccountFactory.create())
    assert "has no 10DLC campaign" in why(long_code)


def test_toll_free_numbers_need_an_approved_verification() -> None:
    number = PhoneNumberFactory.create(number=TOLL_FREE, kind="toll_free")
    RegistrationPolicyFactory.create(account=number.account)
    assert "30032" in why(number)
    verification = TollFreeVerificationFactory.create(account=number.account, numbers=[number], state="in_review")
    assert "its toll-free verification is in review" in why(number)
    TollFreeVerification.objects.update(state="approved")
    assert why(number) == ""
    TollFreeVerification.objects.filter(pk=verification.pk).update(account=AccountFactory.create())
    assert "not verified" in why(number)


@pytest.mark.parametrize(
    ("number", "kind"),
    [("24365", "short_code"), ("+16135552600", "local"), ("+447911123456", "mobile"), ("+448001111111", "toll_free")],
)
def test_short_codes_and_other_countries_need_nothing(number: str, kind: str) -> None:
    row = PhoneNumberFactory.create(number=number, kind=kind)
    RegistrationPolicyFactory.create(account=row.account)
    assert why(row) == ""


def test_an_account_that_is_not_checked_sends_as_before() -> None:
    number = PhoneNumberFactory.create(number=LONG_CODE, kind="local")
    assert why(number) == ""
    set_policy(account=number.account, mode="required")
    assert why(number) != ""
    set_policy(account=number.account, mode="not_checked")
    assert why(number) == ""
    assert RegistrationPolicy.objects.count() == 1


def test_a_pools_numbers_are_asked_in_few_queries(django_assert_num_queries: object) -> None:
    account = AccountFactory.create()
    RegistrationPolicyFactory.create(account=account)
    rows = [PhoneNumberFactory.create(account=account, number=f"+1415555260{n}", kind="local") for n in range(6)]
    with django_assert_num_queries(4):  # type: ignore[operator]  # pytest-django's fixture
        assert len(refusals(rows)) == 6


def test_each_step_is_kept_with_who_took_it() -> None:
    brand, user = BrandFactory.create(state="draft"), UserFactory.create()
    move_registration(registration=brand, to="submitted", user=user, provider_id="BN1")
    move_registration(registration=brand, to="approved", user=user, words="Vetted: 76.")
    brand.refresh_from_db()
    assert (brand.state, brand.provider_id, brand.provider_words) == ("approved", "BN1", "Vetted: 76.")
    rows = RegistrationChange.objects.order_by("id").values_list("brand", "was", "became", "words", "user")
    assert list(rows) == [
        (brand.pk, "draft", "submitted", "", user.pk),
        (brand.pk, "submitted", "approved", "Vetted: 76.", user.pk),
    ]


def test_only_drawn_arrows_can_be_taken() -> None:
    brand = BrandFactory.create()
    for was in RegistrationState:
        for to in RegistrationState:
            if to in REGISTRATION_MOVES[was]:
                continue
            Brand.objects.update(state=was)
            brand.refresh_from_db()
            with pytest.raises(RegistrationError, match="does not follow"):
                move_registration(registration=brand, to=to, user=None)
    assert not RegistrationChange.objects.exists()


def test_of_two_who_move_it_one_is_told(long_code: PhoneNumber) -> None:
    first, second = Brand.objects.get(), Brand.objects.get()
    move_registration(registration=first, to="suspended", user=None)
    with pytest.raises(RegistrationError, match="by somebody else"):
        move_registration(registration=second, to="withdrawn", user=None)
    assert Brand.objects.get().state == "suspended"


def test_a_rejection_is_told_until_it_is_moved_on() -> None:
    verification = TollFreeVerificationFactory.create(state="in_review")
    move_registration(registration=verification, to="rejected", user=None, words="No opt-in on the website.")
    alert = Alert.objects.open().get()
    assert alert.kind == "registration"
    assert "No opt-in on the website." in alert.text
    move_registration(registration=verification, to="submitted", user=None)
    assert not Alert.objects.open().exists()


@pytest.mark.parametrize("to", ["suspended", "withdrawn"])
def test_a_registration_that_is_withdrawn_pauses_what_is_going_out(long_code: PhoneNumber, to: str) -> None:
    going = BatchFactory.create(number=long_code)
    pool = SenderPoolFactory.create(account=long_code.account, numbers=[long_code])
    of_pool = BatchFactory.create(number=long_code, pool=pool)
    MessageFactory.create(batch=going)
    other = BatchFactory.create()
    move_registration(registration=TenDlcCampaign.objects.get(), to=to, user=None)
    for batch in (going, of_pool):
        batch.refresh_from_db()
        assert (batch.state, batch.pause_code) == ("paused", "registration")
        assert LONG_CODE in batch.pause_reason
    other.refresh_from_db()
    assert other.state == "sending"


def test_the_sweeper_pauses_what_nobody_told_of(long_code: PhoneNumber) -> None:
    batch = BatchFactory.create(number=long_code)
    MessageFactory.create(batch=batch)
    Brand.objects.update(state="suspended")
    tend_batches()
    batch.refresh_from_db()
    assert (batch.state, batch.pause_code) == ("paused", "registration")


def test_a_number_that_is_taken_out_of_its_10dlc_campaign_pauses(long_code: PhoneNumber) -> None:
    batch = BatchFactory.create(number=long_code)
    set_numbers(registration=TenDlcCampaign.objects.get(), number_ids=[])
    batch.refresh_from_db()
    assert batch.state == "paused"


def test_numbers_of_others_and_of_other_kinds_are_refused(long_code: PhoneNumber) -> None:
    campaign = TenDlcCampaign.objects.get()
    foreign = PhoneNumberFactory.create(number="+14155552601", kind="local")
    short_code = PhoneNumberFactory.create(account=long_code.account)
    taken = TenDlcNumberFactory.create(
        number=PhoneNumberFactory.create(account=long_code.account, number="+14155552602", kind="local")
    ).number
    for number, text in (
        (foreign, "another account"),
        (short_code, "no 10-digit number"),
        (taken, "Take it out there"),
    ):
        with pytest.raises(RegistrationError, match=text):
            set_numbers(registration=campaign, number_ids=[long_code.pk, number.pk])
    assert list(campaign.assignments.values_list("number_id", flat=True)) == [long_code.pk]
    verification = TollFreeVerificationFactory.create(account=long_code.account)
    with pytest.raises(RegistrationError, match="no toll-free number"):
        set_numbers(registration=verification, number_ids=[long_code.pk])


def test_the_database_keeps_one_record_of_a_brand_and_one_campaign_of_a_number(long_code: PhoneNumber) -> None:
    BrandFactory.create(provider_id="BN1")
    for make in (
        lambda: BrandFactory.create(provider_id="BN1"),
        lambda: BrandFactory.create(share_percent=0),
        lambda: TenDlcCampaignFactory.create(per_minute_segments=0),
        lambda: TenDlcNumberFactory.create(number=long_code),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            make()


@pytest.mark.parametrize(("code", "words"), [(30034, "not registered for 10DLC"), (30032, "not verified")])
def test_carriers_that_refuse_a_number_stop_what_leaves_from_it(
    simulator: SimulatorProcess,
    gateway: Gateway,
    webhook_process: subprocess.Popen[bytes],
    code: int,
    words: str,
) -> None:
    """Given a carrier that refuses each message as unregistered, when a first few are refused, then the others do not leave."""
    simulator.settings(errors={code: 1.0})
    number = PhoneNumberFactory.create(gateway=gateway, number=LONG_CODE, kind="local", pace_segments=100_000)
    # Its turn has not come.
    rest = BatchFactory.create(number=number)
    MessageFactory.create_batch(9, batch=rest)
    first = make_batch(number, recipients(REFUSALS_TO_STOP))
    send_all(number)

    def refused() -> bool:
        drain()
        return states(first) == {"failed": REFUSALS_TO_STOP}

    wait_for(refused, "the reports")
    mark = CarrierRefusal.objects.get(number=number)
    assert (mark.code, mark.count) == (str(code), REFUSALS_TO_STOP)
    assert words in mark.text
    rest.refresh_from_db()
    assert (rest.state, rest.pause_code) == ("paused", "registration")
    assert f"({code})" in rest.pause_reason
    alert = Alert.objects.open().get(kind="registration")
    assert LONG_CODE in alert.text
    tend_batches()
    send_all(number)
    assert states(rest) == {"queued": 9}
    assert simulator.stats()["messages_taken"] == REFUSALS_TO_STOP


def test_a_report_that_is_repeated_is_counted_once() -> None:
    number = PhoneNumberFactory.create(number=LONG_CODE, kind="local")
    message = MessageFactory.create(batch__number=number, state="accepted")
    for _ in range(REFUSALS_TO_STOP):
        put_status(message.number.gateway_id, "undelivered", message_id=message.pk, ErrorCode="30034")
        drain()
    assert CarrierRefusal.objects.get().count == 1
    assert may_send(message.number) is None


def test_a_refusal_is_counted_although_the_recorder_was_killed_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a recorder that dies between the row and the count, when the next one reads the report again, then it counts."""
    message = MessageFactory.create(
        batch__number=PhoneNumberFactory.create(number=LONG_CODE, kind="local"), state="accepted"
    )
    put_status(message.number.gateway_id, "undelivered", message_id=message.pk, ErrorCode="30034")

    def die(**_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(recorder, "note_refused", die)
    with pytest.raises(SystemExit):
        drain()
    monkeypatch.undo()
    drain()
    assert CarrierRefusal.objects.get().count == 1


def test_a_few_refusals_tell_and_do_not_stop() -> None:
    batch = BatchFactory.create(number__number=LONG_CODE, number__kind="local")
    mark_number(number_id=batch.number_id, code="30034", text="Not registered.", count=REFUSALS_TO_STOP - 1)
    batch.refresh_from_db()
    assert batch.state == "sending"
    assert Alert.objects.open().filter(subject=f"number:{batch.number_id}").count() == 1
    mark_number(number_id=batch.number_id, code="30034", text="Not registered.")
    batch.refresh_from_db()
    assert batch.state == "paused"
    assert Alert.objects.open().filter(subject=f"number:{batch.number_id}").count() == 1


def test_an_approval_and_a_person_take_the_mark_away(long_code: PhoneNumber) -> None:
    CarrierRefusalFactory.create(number=long_code)
    assert "Carriers have refused" in why(long_code)
    campaign = TenDlcCampaign.objects.get()
    move_registration(registration=campaign, to="suspended", user=None)
    move_registration(registration=campaign, to="approved", user=None)
    assert why(long_code) == ""
    mark_number(number_id=long_code.pk, code="30034", text="Not registered.", count=9)
    assert registrations.forget_refusals(number_ids=[long_code.pk]) == 1
    assert why(long_code) == ""
    assert not Alert.objects.open().exists()
    assert not Batch.objects.exists()
