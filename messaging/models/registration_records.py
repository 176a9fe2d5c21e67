"""What is kept beside registrations: whether an account's are checked, who moved them, and which numbers carriers refuse."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from messaging.models.numbers import PhoneNumber
from messaging.models.registrations import Brand, TenDlcCampaign, TollFreeVerification
from messaging.states import RegistrationState


class RegistrationPolicy(TimestampedModel):
    """Whether nothing leaves an account's American numbers before they are registered here.

    An account without a row is not checked: those that were there before registrations were kept, and demonstrations.
    """

    class Mode(models.TextChoices):
        """What is asked of a number before it sends."""

        REQUIRED = "required", "Checked: a number that is not registered does not send"
        NOT_CHECKED = "not_checked", "Not checked"

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="registration_policy")
    mode = models.CharField("registration", max_length=12, choices=Mode, default=Mode.REQUIRED)

    class Meta:
        verbose_name_plural = "registration policies"
        constraints = (
            models.CheckConstraint(
                condition=Q(mode__in=("required", "not_checked")), name="messaging_policy_mode_known"
            ),
        )

    def __str__(self) -> str:
        return "Required" if self.mode == self.Mode.REQUIRED else "Not checked"


class RegistrationChange(models.Model):
    """One step of a registration: what it was, what it became, who said so. Written once, by the service that moves it."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="changes", null=True, blank=True)
    campaign = models.ForeignKey(
        TenDlcCampaign, on_delete=models.CASCADE, related_name="changes", null=True, blank=True
    )
    verification = models.ForeignKey(
        TollFreeVerification, on_delete=models.CASCADE, related_name="changes", null=True, blank=True
    )
    was = models.CharField(max_length=10, choices=RegistrationState)
    became = models.CharField(max_length=10, choices=RegistrationState)
    words = models.TextField("provider's words", blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            # Each is the history of one registration.
            models.CheckConstraint(
                condition=Q(brand__isnull=False, campaign__isnull=True, verification__isnull=True)
                | Q(brand__isnull=True, campaign__isnull=False, verification__isnull=True)
                | Q(brand__isnull=True, campaign__isnull=True, verification__isnull=False),
                name="messaging_registration_change_of_one",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_was_display()} → {self.get_became_display()}"


class CarrierRefusal(models.Model):
    """Carriers refuse a number's messages as unregistered; gone when its registration is approved, or a person says so."""

    number = models.OneToOneField(PhoneNumber, on_delete=models.CASCADE, related_name="carrier_refusal")
    code = models.CharField(max_length=32, help_text="The provider's, of the last one.")
    text = models.CharField(max_length=255, help_text="In words.")
    count = models.PositiveIntegerField(default=0, help_text="Messages that were refused.")
    since = models.DateTimeField()
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.text
