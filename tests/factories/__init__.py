"""Objects for tests. Each factory makes what it needs and keeps everything in one account."""

from __future__ import annotations

from tests.factories.accounts import AccountFactory, MembershipFactory, StaffFactory, UserFactory
from tests.factories.campaigns import (
    CallEndpointFactory,
    CampaignFactory,
    ConsentEventFactory,
    CustomFieldFactory,
    KeywordActionFactory,
    KeywordFactory,
    OptOutRequestFactory,
    SubscriberFactory,
    SubscriberImportFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    TagFactory,
)
from tests.factories.chains import ChainFactory, ChainRunFactory
from tests.factories.integrations import GatewayFactory
from tests.factories.messaging import (
    AlertFactory,
    BatchFactory,
    CannedReplyFactory,
    ConversationFactory,
    InboundMessageFactory,
    MessageFactory,
    PhoneNumberFactory,
    RejectedWebhookFactory,
    RouteFactory,
    SenderPoolFactory,
    SuppressionFactory,
)
from tests.factories.registrations import (
    BrandFactory,
    CarrierRefusalFactory,
    RegistrationPolicyFactory,
    TenDlcCampaignFactory,
    TenDlcNumberFactory,
    TollFreeVerificationFactory,
)

__all__ = [
    "AccountFactory",
    "AlertFactory",
    "BatchFactory",
    "BrandFactory",
    "CallEndpointFactory",
    "CampaignFactory",
    "CannedReplyFactory",
    "CarrierRefusalFactory",
    "ChainFactory",
    "ChainRunFactory",
    "ConsentEventFactory",
    "ConversationFactory",
    "CustomFieldFactory",
    "GatewayFactory",
    "InboundMessageFactory",
    "KeywordActionFactory",
    "KeywordFactory",
    "MembershipFactory",
    "MessageFactory",
    "OptOutRequestFactory",
    "PhoneNumberFactory",
    "RegistrationPolicyFactory",
    "RejectedWebhookFactory",
    "RouteFactory",
    "SenderPoolFactory",
    "StaffFactory",
    "SubscriberFactory",
    "SubscriberImportFactory",
    "SubscriberListFactory",
    "SubscriptionFactory",
    "SuppressionFactory",
    "TagFactory",
    "TenDlcCampaignFactory",
    "TenDlcNumberFactory",
    "TollFreeVerificationFactory",
    "UserFactory",
]
