"""Who must not be sent to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RadioFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from broadcast.core.admin import ConsoleAdmin, LargeTableMixin, display, page_link
from broadcast.core.confirm import ActionRefused, ConfirmForm, confirmed_action, link_action
from broadcast.core.phones import normalise
from messaging.admin.labels import SUPPRESSION_LABELS
from messaging.admin.sources import EVIDENCE_PERMISSION, evidence_url
from messaging.models import Suppression
from messaging.services.suppressions import WEAKER, WISHES, lift, suppress

if TYPE_CHECKING:
    from accounts.models import Account, User


class SuppressionForm(forms.ModelForm[Suppression]):
    """A new suppression by staff."""

    class Meta:
        model = Suppression
        fields = ("account", "recipient", "reason", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "recipient" in self.fields:
            recipient = cast("forms.CharField", self.fields["recipient"])
            recipient.max_length = None
            recipient.validators = []
            recipient.help_text = "As you have it; it is stored as +14155552671."
            recipient.widget.attrs.pop("maxlength", None)
            by_hand = (Suppression.Reason.OPT_OUT, Suppression.Reason.BAD_NUMBER, Suppression.Reason.STAFF)
            reason = cast("forms.ChoiceField", self.fields["reason"])
            reason.choices = [(value.value, value.label) for value in by_hand]

    def clean(self) -> dict[str, Any]:
        """Refuse what is no number, or is suppressed already."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        account, raw = cleaned.get("account"), cleaned.get("recipient")
        if account and raw:
            parsed = normalise(raw, account.default_region)
            if not parsed.e164:
                self.add_error("recipient", parsed.reason)
            elif self._changes_nothing(account, parsed.e164, cleaned.get("reason", "")):
                self.add_error("recipient", f"{parsed.e164} is suppressed for {account} already.")
            else:
                cleaned["recipient"] = parsed.e164
        return cleaned

    @staticmethod
    def _changes_nothing(account: Account, recipient: str, reason: str) -> bool:
        """Whether they are suppressed so that this reason adds nothing; a wish takes the place of a doubt."""
        active = Suppression.objects.active().filter(account=account, recipient=recipient)
        return (active.exclude(reason__in=WEAKER) if reason in WISHES else active).exists()


class LiftForm(ConfirmForm):
    """Why it is lifted."""

    note = forms.CharField(
        max_length=150,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Why they may be sent to again, for example when and how they asked for it. Kept with the history.",
    )


def _what_lifting_means(_admin: Any, _request: HttpRequest, suppression: Suppression) -> dict[str, Any]:
    if suppression.opted_out_at is None:
        return {}
    when = timezone.localtime(suppression.opted_out_at)
    return {
        "question": f"{suppression}. They opted out themselves on {when:%-d %b %Y}, too: “{suppression.opted_out_words}”. "
        "That opt-out stays in force; they still get nothing, and no list comes back."
    }


class InForceFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    """In force or lifted."""

    title = "in force"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002  Django's signature
        """The choices."""
        return [("yes", "In force"), ("no", "Lifted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> QuerySet[Suppression]:  # noqa: ARG002  Django's signature
        """The chosen rows."""
        return queryset.filter(lifted_at__isnull=self.value() == "yes") if self.value() else queryset


@admin.register(Suppression)
class SuppressionAdmin(LargeTableMixin, ConsoleAdmin[Suppression]):
    """Suppressions are added and lifted, never changed or deleted: they are a record of what people asked for."""

    form = SuppressionForm
    list_display = ("recipient", "display_reason", "display_account", "note", "created_at", "display_lifted")
    list_filter = (InForceFilter, ("reason", ChoicesDropdownFilter), ("account", AutocompleteSelectFilter))
    list_select_related = ("account",)
    search_fields = ("recipient", "note")
    number_search_fields = ("recipient",)
    autocomplete_fields = ("account",)
    actions_detail = ("lift", "evidence")
    actions_row = ("lift",)
    add_fieldsets = ((None, {"fields": ("account", "recipient", "reason", "note")}),)
    fieldsets = (
        (None, {"fields": (("recipient", "account"), ("reason", "note"), "message")}),
        ("Record", {"fields": (("created_at", "created_by"), ("lifted_at", "lifted_note"))}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:  # noqa: ARG002  Django's signature
        """Nobody; see ``lift``."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:  # noqa: ARG002  Django's signature
        """Nobody."""
        return False

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:  # noqa: ARG002  Django's signature
        """Suppress, so that senders know at once."""
        suppress(
            account_id=obj.account_id,
            recipient=obj.recipient,
            reason=obj.reason,
            note=obj.note,
            user=cast("User", request.user),
        )
        stored = Suppression.objects.active().get(account_id=obj.account_id, recipient=obj.recipient)
        obj.pk = stored.pk
        obj.refresh_from_db()

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Lifting is offered while it is in force."""
        in_force = Suppression.objects.active().filter(pk=object_id).exists()
        offered: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold has no types
        return [offer for offer in offered if in_force or offer.path != "lift"]

    @link_action("Export evidence", permission=EVIDENCE_PERMISSION, icon="verified_user")
    def evidence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To all that is on record of the person."""
        suppression = self.get_object(request, object_id)
        if suppression is None:
            raise Http404("There is no such suppression.")
        return HttpResponseRedirect(evidence_url(suppression.account_id, suppression.recipient))

    @confirmed_action(
        "Lift…",
        permission="messaging.change_suppression",
        button="Allow sending again",
        question="{object}. They will get campaigns again. Do this only if they asked for it, or if it was a mistake.",
        context=_what_lifting_means,
        form_class=LiftForm,
        icon="lock_open",
    )
    def lift(self, request: HttpRequest, suppression: Suppression, form: ConfirmForm) -> str | tuple[str, Suppression]:
        """Allow sending again."""
        lifted = suppression.lifted_at is None and lift(
            account_id=suppression.account_id,
            recipient=suppression.recipient,
            note=form.cleaned_data["note"],
            user=cast("User", request.user),
        )
        if not lifted:
            raise ActionRefused(
                f"The suppression of {suppression.recipient} was lifted before; there is nothing to do."
            )
        left = Suppression.objects.active().filter(account=suppression.account, recipient=suppression.recipient).first()
        if left is not None:
            return (
                f"What staff did is lifted. {suppression.recipient} had opted out too: that stays, until they text START or "
                "you lift it as well.",
                left,
            )
        return f"{suppression.recipient} gets messages of {suppression.account} again."

    @display(description="Reason", ordering="reason", label=SUPPRESSION_LABELS)
    def display_reason(self, suppression: Suppression) -> tuple[str, str]:
        """The reason as a label."""
        return suppression.reason, suppression.get_reason_display()

    @display(description="Account", ordering="account__name")
    def display_account(self, suppression: Suppression) -> Any:
        """A link to the account."""
        return page_link(suppression.account)

    @display(description="In force", boolean=True)
    def display_lifted(self, suppression: Suppression) -> bool:
        """Whether it still holds."""
        return suppression.lifted_at is None
