"""Registrations with the carriers: brands, 10DLC campaigns and toll-free verifications, each with its state at the provider.

They are entered and moved by staff, who do the registering at the provider: each provider's API for it is another one and none
of them is called from here. ``messaging.services.registrations`` moves them and keeps who did and when.
"""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from messaging.models.numbers import PhoneNumber
from messaging.states import RegistrationState

#: T-Mobile's days end at midnight here, whatever the sender's own clock says (Hustle's and Bird's help on 10DLC throughput).
CARRIERS_ZONE = "America/Los_Angeles"
#: What a brand may send to T-Mobile's subscribers in a day, in segments, from which vetting score on; the lowest without any
#: (Twilio: "T-Mobile daily message limits for long code messaging with A2P 10DLC"). Some tables begin each tier one point
#: earlier; a brand on the border enters its cap.
DAILY_CAPS = ((76, 200_000), (51, 40_000), (26, 10_000), (0, 2_000))
#: A sole proprietor's, whatever the score.
SOLE_PROPRIETOR_CAP = 1_000


class Registration(TimestampedModel):
    """What all registrations have.

    ::

        draft ──► submitted ──► in review ──► approved ◄──► suspended
                   ▲  ▲ │ │         │             ▲
                   │  │ │ └─────────┼─────────────┘
                   │  │ └───────────┤
                   │  │             ▼
                   │  └───────── rejected
                   │
                   └── withdrawn ◄── any of the others

    Only an approved one lets anything be sent. The state is the provider's, as staff read it there.
    """

    state = models.CharField(max_length=10, choices=RegistrationState, default=RegistrationState.DRAFT, editable=False)
    state_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    provider_id = models.CharField("provider's id", max_length=64, blank=True, help_text="As the provider shows it.")
    provider_words = models.TextField(
        "provider's words", blank=True, editable=False, help_text="What it said with the present state."
    )

    class Meta:
        abstract = True

    @property
    def is_approved(self) -> bool:
        """Whether carriers let it send."""
        return self.state == RegistrationState.APPROVED


class Brand(Registration):
    """A company as the carriers know it: who is behind 10DLC campaigns, and what they all together may send in a day.

    The states are drawn in ``Registration``.
    """

    class Kind(models.TextChoices):
        """What the company is; decides what it is vetted for."""

        PRIVATE = "private", "Private company"
        PUBLIC = "public", "Listed company"
        NONPROFIT = "nonprofit", "Non-profit"
        GOVERNMENT = "government", "Government"
        SOLE_PROPRIETOR = "sole_proprietor", "Sole proprietor"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="brands")
    name = models.CharField("legal name", max_length=255, help_text="As the tax office writes it.")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PRIVATE)
    tax_id = models.CharField("EIN", max_length=20, blank=True, help_text="Empty for a sole proprietor.")
    trust_score = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(100)], help_text="From the vetting, 0 to 100."
    )
    daily_cap_segments = models.PositiveIntegerField(
        "daily cap",
        null=True,
        blank=True,
        help_text="Segments a day to the United States, all of the brand's numbers together. Empty: T-Mobile's usual cap for "
        "the score. 0: no cap, for a brand that the carriers exempt.",
    )
    share_percent = models.PositiveSmallIntegerField(
        "T-Mobile's share",
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How many of 100 recipients in the United States are T-Mobile's: the cap is theirs alone, and nobody's carrier "
        "is known here. 100 never exceeds it; with 40, a cap of 2,000 lets 5,000 segments leave.",
    )
    cap_zone = models.CharField(
        "zone of the cap's day",
        max_length=64,
        default=CARRIERS_ZONE,
        help_text="Where the midnight is at which the day's cap begins anew.",
    )
    spent_on = models.DateField(
        null=True, blank=True, editable=False, help_text="The day of the cap that carriers last said is used up."
    )
    spent_code = models.CharField(max_length=32, blank=True, editable=False, help_text="The provider's, of that.")

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("account", "name"), name="messaging_brand_once_per_account"),
            # One company's day is counted once: the same brand in two records would be allowed twice as much.
            models.UniqueConstraint(
                fields=("provider_id",), condition=~Q(provider_id=""), name="messaging_brand_provider_once"
            ),
            models.CheckConstraint(
                condition=Q(share_percent__gte=1, share_percent__lte=100), name="messaging_brand_share_percent"
            ),
            models.CheckConstraint(
                condition=Q(trust_score__isnull=True) | Q(trust_score__lte=100), name="messaging_brand_trust_score"
            ),
            models.CheckConstraint(condition=Q(state__in=RegistrationState.values), name="messaging_brand_state_known"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def carrier_cap(self) -> int | None:
        """What the carrier allows a day, in segments to its own subscribers; None without a cap."""
        if self.daily_cap_segments is not None:
            return self.daily_cap_segments or None
        if self.kind == self.Kind.SOLE_PROPRIETOR:
            return SOLE_PROPRIETOR_CAP
        return next(cap for score, cap in DAILY_CAPS if (self.trust_score or 0) >= score)

    @property
    def segments_per_day(self) -> int | None:
        """What may leave in a day to the United States, in segments; None without a cap."""
        cap = self.carrier_cap
        return None if cap is None else cap * 100 // self.share_percent


class TenDlcCampaign(Registration):
    """What a brand registered to send from its 10-digit numbers: a use case. Not one of our campaigns, which send it.

    The states are drawn in ``Registration``.
    """

    class UseCase(models.TextChoices):
        """The Campaign Registry's use cases."""

        MARKETING = "marketing", "Marketing"
        MIXED = "mixed", "Mixed"
        LOW_VOLUME = "low_volume", "Low volume mixed"
        ACCOUNT_NOTIFICATION = "account_notification", "Account notifications"
        CUSTOMER_CARE = "customer_care", "Customer care"
        DELIVERY_NOTIFICATION = "delivery_notification", "Delivery notifications"
        FRAUD_ALERT = "fraud_alert", "Fraud alerts"
        SECURITY_ALERT = "security_alert", "Security alerts"
        TWO_FACTOR = "two_factor", "Two-factor codes"
        HIGHER_EDUCATION = "higher_education", "Higher education"
        POLLING_VOTING = "polling_voting", "Polling and voting"
        PUBLIC_SERVICE = "public_service", "Public service announcements"
        CHARITY = "charity", "Charity"
        POLITICAL = "political", "Political"
        EMERGENCY = "emergency", "Emergency"
        SWEEPSTAKES = "sweepstakes", "Sweepstakes"
        SOLE_PROPRIETOR = "sole_proprietor", "Sole proprietor"
        OTHER = "other", "Another one"

    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="ten_dlc_campaigns")
    name = models.CharField(max_length=120)
    use_case = models.CharField(max_length=24, choices=UseCase, default=UseCase.MARKETING)
    per_minute_segments = models.PositiveIntegerField(
        "cap a minute",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="AT&T's, in segments, for all its numbers together: 4,500, 2,400, 240, 75 or 15 by message class. Empty: none.",
    )
    per_day_segments = models.PositiveIntegerField(
        "cap a day",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="In segments, beside the brand's. Empty: the brand's alone.",
    )

    class Meta:
        ordering = ("name",)
        verbose_name = "10DLC campaign"
        constraints = (
            models.UniqueConstraint(fields=("brand", "name"), name="messaging_ten_dlc_once_per_brand"),
            models.UniqueConstraint(
                fields=("provider_id",), condition=~Q(provider_id=""), name="messaging_ten_dlc_provider_once"
            ),
            # A pace of nothing a minute would hold its messages for ever.
            models.CheckConstraint(
                condition=(Q(per_minute_segments__isnull=True) | Q(per_minute_segments__gt=0))
                & (Q(per_day_segments__isnull=True) | Q(per_day_segments__gt=0)),
                name="messaging_ten_dlc_caps",
            ),
            models.CheckConstraint(
                condition=Q(state__in=RegistrationState.values), name="messaging_ten_dlc_state_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.get_use_case_display()})"


class TenDlcNumber(TimestampedModel):
    """A number that sends under a 10DLC campaign; one campaign for each."""

    number = models.OneToOneField(PhoneNumber, on_delete=models.PROTECT, related_name="ten_dlc")
    campaign = models.ForeignKey(TenDlcCampaign, on_delete=models.CASCADE, related_name="assignments")

    class Meta:
        ordering = ("number__number",)
        verbose_name = "number of a 10DLC campaign"
        verbose_name_plural = "numbers of 10DLC campaigns"

    def __str__(self) -> str:
        return str(self.number)


class TollFreeVerification(Registration):
    """A request that carriers let toll-free numbers text the United States and Canada.

    The states are drawn in ``Registration``.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="toll_free_verifications")
    business_name = models.CharField(max_length=255)
    use_case = models.CharField(
        max_length=255, blank=True, help_text="What is sent, as it was described to the provider."
    )
    numbers = models.ManyToManyField(PhoneNumber, related_name="toll_free_verifications", blank=True)

    class Meta:
        ordering = ("business_name", "pk")
        verbose_name = "toll-free verification"
        constraints = (
            models.UniqueConstraint(
                fields=("provider_id",), condition=~Q(provider_id=""), name="messaging_toll_free_provider_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=RegistrationState.values), name="messaging_toll_free_state_known"
            ),
        )

    def __str__(self) -> str:
        return self.business_name
