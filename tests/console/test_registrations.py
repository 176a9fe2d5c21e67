"""Registrations in the console: entered, moved with a confirmation, and shown where they matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from messaging.models import (
    Brand,
    CarrierRefusal,
    RegistrationChange,
    RegistrationPolicy,
    TenDlcCampaign,
    TenDlcNumber,
    TollFreeVerification,
)
from tests.factories import (
    AccountFactory,
    AlertFactory,
    BrandFactory,
    CarrierRefusalFactory,
    PhoneNumberFactory,
    RegistrationPolicyFactory,
    TenDlcCampaignFactory,
    TenDlcNumberFactory,
    TollFreeVerificationFactory,
)

pytestmark = pytest.mark.django_db


def url(model: str, page: str, *args: int) -> str:
    return reverse(f"admin:{model}_{page}", args=args)


def errors_of(response: Any) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


BRAND: dict[str, Any] = {"name": "Blue Door Books Inc.", "kind": "private"}


def test_a_brand_is_entered_as_a_draft(operator: Client) -> None:
    account = AccountFactory.create()
    response = operator.post(url("messaging_brand", "add"), {**BRAND, "account": account.pk, "trust_score": 60})
    assert response.status_code == 302, errors_of(response)
    brand = Brand.objects.get()
    assert (brand.state, brand.segments_per_day, brand.cap_zone) == ("draft", 40_000, "America/Los_Angeles")


def test_a_zone_that_nobody_knows_is_refused(operator: Client) -> None:
    brand = BrandFactory.create()
    data = {
        **BRAND,
        "share_percent": 100,
        "cap_zone": "Mars/Olympus",
        "changes-TOTAL_FORMS": 0,
        "changes-INITIAL_FORMS": 0,
    }
    response = operator.post(url("messaging_brand", "change", brand.pk), data)
    assert "is not a time zone" in errors_of(response)["cap_zone"][0]


@pytest.mark.parametrize(
    ("model", "factory"),
    [
        ("brand", BrandFactory),
        ("tendlccampaign", TenDlcCampaignFactory),
        ("tollfreeverification", TollFreeVerificationFactory),
    ],
)
def test_a_step_is_confirmed_and_kept(operator: Client, model: str, factory: Any) -> None:
    row = factory.create(state="in_review")
    page = url(f"messaging_{model}", "move", row.pk)
    shown = operator.get(page)
    assert [value for value, _ in shown.context["form"].fields["state"].choices] == [
        "approved",
        "rejected",
        "withdrawn",
    ]
    row.refresh_from_db()
    assert row.state == "in_review"
    response = operator.post(page, {"state": "rejected", "words": "No website.", "provider_id": "X1"})
    assert response.status_code == 302
    row.refresh_from_db()
    assert (row.state, row.provider_words, row.provider_id) == ("rejected", "No website.", "X1")
    change = RegistrationChange.objects.get()
    assert (change.was, change.became) == ("in_review", "rejected")
    assert change.user is not None
    assert "No website." in operator.get(url(f"messaging_{model}", "change", row.pk)).content.decode()


def test_a_step_that_does_not_follow_is_no_choice(operator: Client) -> None:
    brand = BrandFactory.create(state="draft")
    operator.post(url("messaging_brand", "move", brand.pk), {"state": "approved"})
    brand.refresh_from_db()
    assert brand.state == "draft"


def test_an_id_of_another_is_refused(operator: Client) -> None:
    BrandFactory.create(provider_id="BN1", name="Other Inc.")
    brand = BrandFactory.create(state="submitted")
    response = operator.post(url("messaging_brand", "move", brand.pk), {"state": "approved", "provider_id": "BN1"})
    assert response.context["form"].errors["provider_id"] == [
        "“Other Inc.” has this id already. Look at the provider which of them it is."
    ]


@pytest.mark.parametrize("role", ["Support", "Read-only"])
def test_others_look_and_do_not_touch(as_role: Callable[[str], Client], role: str) -> None:
    brand = BrandFactory.create(state="submitted")
    client = as_role(role)
    assert client.get(url("messaging_brand", "change", brand.pk)).status_code == 200
    assert client.post(url("messaging_brand", "move", brand.pk), {"state": "approved"}).status_code == 403
    assert client.post(url("messaging_brand", "change", brand.pk), BRAND).status_code == 403
    brand.refresh_from_db()
    assert brand.state == "submitted"


def save_numbers(client: Client, campaign: TenDlcCampaign, *numbers: int) -> Any:
    data = {
        "name": campaign.name,
        "use_case": "marketing",
        "members": list(numbers),
        "changes-TOTAL_FORMS": 0,
        "changes-INITIAL_FORMS": 0,
    }
    return client.post(url("messaging_tendlccampaign", "change", campaign.pk), data)


def test_numbers_of_the_account_are_given_to_a_10dlc_campaign(operator: Client) -> None:
    campaign = TenDlcCampaignFactory.create()
    number = PhoneNumberFactory.create(account=campaign.brand.account, number="+14155552600", kind="local")
    assert save_numbers(operator, campaign, number.pk).status_code == 302
    assert TenDlcNumber.objects.get().number == number
    assert save_numbers(operator, campaign).status_code == 302
    assert not TenDlcNumber.objects.exists()


def test_another_accounts_number_is_refused_beside_the_field_and_nothing_is_saved(operator: Client) -> None:
    campaign = TenDlcCampaignFactory.create()
    number = PhoneNumberFactory.create(number="+14155552600", kind="local")
    (error,) = errors_of(save_numbers(operator, campaign, number.pk))["members"]
    assert "another account" in error
    assert not TenDlcNumber.objects.exists()


def test_choices_of_numbers_are_the_accounts(operator: Client) -> None:
    verification = TollFreeVerificationFactory.create()
    own = PhoneNumberFactory.create(account=verification.account, number="+18005552600", kind="toll_free")
    PhoneNumberFactory.create(number="+18005552601", kind="toll_free")
    where = {"app_label": "messaging", "model_name": "tollfreeverification", "field_name": "numbers"}
    data = {**where, "account": str(verification.account_id)}
    found = operator.get("/admin/autocomplete/", data).json()["results"]
    assert [row["id"] for row in found] == [str(own.pk)]


def test_a_verification_is_entered_with_its_numbers(operator: Client) -> None:
    number = PhoneNumberFactory.create(number="+18005552600", kind="toll_free")
    data = {"account": number.account_id, "business_name": "Blue Door Books", "members": [number.pk]}
    assert operator.post(url("messaging_tollfreeverification", "add"), data).status_code == 302
    assert list(TollFreeVerification.objects.get().numbers.all()) == [number]


def test_what_was_submitted_cannot_be_deleted(superuser: Client) -> None:
    draft, submitted = BrandFactory.create(state="draft"), BrandFactory.create(state="submitted")
    assert superuser.post(url("messaging_brand", "delete", submitted.pk), {"post": "yes"}).status_code == 403
    assert superuser.post(url("messaging_brand", "delete", draft.pk), {"post": "yes"}).status_code == 302
    assert list(Brand.objects.all()) == [submitted]


def test_a_number_shows_its_registration(operator: Client) -> None:
    number = TenDlcNumberFactory.create(campaign__state="in_review").number
    page = url("messaging_phonenumber", "change", number.pk)
    assert "in review (not checked for this account)" in operator.get(page).content.decode()
    RegistrationPolicyFactory.create(account=number.account)
    assert "may not send yet" in operator.get(page).content.decode()


def test_a_number_that_carriers_refuse_can_be_said_to_be_taken_again(operator: Client) -> None:
    number = CarrierRefusalFactory.create().number
    page = url("messaging_phonenumber", "change", number.pk)
    assert "Carriers take it again" in operator.get(page).content.decode()
    operator.get(url("messaging_phonenumber", "taken_again", number.pk))
    assert CarrierRefusal.objects.exists()
    assert operator.post(url("messaging_phonenumber", "taken_again", number.pk)).status_code == 302
    assert not CarrierRefusal.objects.exists()
    assert "Carriers take it again" not in operator.get(page).content.decode()


ACCOUNT = {
    "name": "Blue Door Books",
    "status": "active",
    "time_zone": "America/New_York",
    "default_region": "US",
    "quiet_start": "21:00",
    "quiet_end": "08:00",
    "max_per_day": 0,
    "max_per_week": 0,
    "memberships-TOTAL_FORMS": 0,
    "memberships-INITIAL_FORMS": 0,
    "registration_policy-TOTAL_FORMS": 1,
    "registration_policy-INITIAL_FORMS": 0,
}


def test_a_new_account_is_checked_unless_somebody_says_otherwise(operator: Client) -> None:
    page = operator.get(url("accounts_account", "add")).content.decode()
    assert '<option value="required" selected' in page
    response = operator.post(url("accounts_account", "add"), {**ACCOUNT, "registration_policy-0-mode": "required"})
    assert response.status_code == 302, errors_of(response)
    policy = RegistrationPolicy.objects.get()
    assert (policy.account, policy.mode) == (Account.objects.get(), "required")


def test_an_account_from_before_is_not_checked_until_somebody_says_so(operator: Client) -> None:
    account = AccountFactory.create()
    page = url("accounts_account", "change", account.pk)
    assert '<option value="not_checked" selected' in operator.get(page).content.decode()
    data = {**ACCOUNT, "registration_policy-0-mode": "required", "registration_policy-0-account": account.pk}
    assert operator.post(page, data).status_code == 302
    assert RegistrationPolicy.objects.get().mode == "required"


def test_an_account_shows_which_of_its_numbers_may_not_send(operator: Client) -> None:
    number = TenDlcNumberFactory.create(campaign__state="rejected").number
    RegistrationPolicyFactory.create(account=number.account)
    page = operator.get(url("accounts_account", "change", number.account_id)).content.decode()
    assert "1 10DLC campaign (0 approved)" in page
    assert "+14155552600 may not send yet" in page


def test_an_alert_leads_to_what_it_is_about(operator: Client) -> None:
    brand = BrandFactory.create()
    AlertFactory.create(kind="budget", batch=None, subject=f"brand:{brand.pk}", text="Used up.")
    link = url("messaging_brand", "change", brand.pk)
    assert link in operator.get("/admin/").content.decode()
    assert link in operator.get(url("messaging_alert", "changelist")).content.decode()
