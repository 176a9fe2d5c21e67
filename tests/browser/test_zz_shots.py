from __future__ import annotations
import pytest
from django.utils import timezone
from playwright.sync_api import Page
from messaging.models import *
from messaging.services.registrations import move_registration, set_policy
from messaging.services.carrier_refusals import mark_number
from tests.factories import *
pytestmark = pytest.mark.django_db(transaction=True)
OUT = "/tmp/p4/shots/registration"

def test_shots(console: Page, live_server):
    gw = GatewayFactory()
    acc = AccountFactory(name="Blue Door Books", time_zone="America/New_York", contact="x")
    n1 = PhoneNumberFactory(account=acc, gateway=gw, number="+14155552600", kind="local")
    n2 = PhoneNumberFactory(account=acc, gateway=gw, number="+14155552601", kind="local", label="Shop")
    n3 = PhoneNumberFactory(account=acc, gateway=gw, number="+18005552601", kind="toll_free")
    brand = BrandFactory(account=acc, name="Blue Door Books Inc.", state="draft", provider_id="BN123")
    for s in ("submitted", "in_review", "approved"):
        move_registration(registration=brand, to=s, user=None, words="EIN verified" if s == "approved" else "")
    ten = TenDlcCampaignFactory(brand=brand, name="Weekly offers", state="in_review", per_minute_segments=240)
    TenDlcNumberFactory(number=n1, campaign=ten)
    tf = TollFreeVerificationFactory(account=acc, state="in_review", numbers=[n3])
    move_registration(registration=tf, to="rejected", user=None, words="Opt-in language is missing on the website.")
    set_policy(account=acc, mode="required")
    lst = SubscriberListFactory(account=acc)
    SubscriptionFactory.create_batch(25, list=lst, subscriber__account=acc)
    camp = CampaignFactory(account=acc, number=n1, lists=[lst]) if False else CampaignFactory(account=acc, number=n1)
    camp.campaign_lists.create(list=lst)
    mark_number(number_id=n2.pk, code="30034", text="The number is not registered for 10DLC.", count=6)
    b = f"{live_server}/admin"
    def shot(path, name):
        console.goto(b + path)
        console.wait_for_load_state("networkidle")
        console.screenshot(path=f"{OUT}/{name}.png", full_page=True)
    shot("/", "dashboard")
    shot("/messaging/brand/", "brands")
    shot(f"/messaging/brand/{brand.pk}/change/", "brand")
    console.goto(b + f"/messaging/brand/{brand.pk}/change/#changes"); console.wait_for_timeout(500); console.screenshot(path=f"{OUT}/brand_history.png", full_page=True)
    shot("/messaging/brand/add/", "brand_add")
    shot("/messaging/tendlccampaign/", "tendlcs")
    shot(f"/messaging/tendlccampaign/{ten.pk}/change/", "tendlc")
    shot("/messaging/tendlccampaign/add/", "tendlc_add")
    shot(f"/messaging/tendlccampaign/{ten.pk}/move", "move")
    shot("/messaging/tollfreeverification/", "tollfrees")
    shot(f"/messaging/tollfreeverification/{tf.pk}/change/", "tollfree")
    shot("/messaging/tollfreeverification/add/", "tollfree_add")
    shot(f"/messaging/phonenumber/{n1.pk}/change/", "number")
    shot(f"/messaging/phonenumber/{n2.pk}/change/", "number_refused")
    shot(f"/messaging/phonenumber/{n2.pk}/taken_again", "taken_again")
    shot(f"/accounts/account/{acc.pk}/change/", "account")
    shot("/accounts/account/add/", "account_add")
    shot(f"/campaigns/campaign/{camp.pk}/launch", "launch_refused")
    move_registration(registration=ten, to="approved", user=None)
    Brand.objects.update(daily_cap_segments=10)
    shot(f"/campaigns/campaign/{camp.pk}/launch", "launch_budget")
    from campaigns.services import launch
    launch.launch(campaign_id=camp.pk, user=None); launch.perform_launch(camp.pk)
    shot(f"/campaigns/campaign/{camp.pk}/change/", "campaign")
    console.set_viewport_size({"width": 390, "height": 844})
    shot(f"/messaging/brand/{brand.pk}/change/", "brand_phone")
