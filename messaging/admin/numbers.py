"""Phone numbers."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant

from broadcast.core.admin import ConsoleAdmin, account_filter, display, page_link, take_any_spelling
from broadcast.core.confirm import ActionRefused, ConfirmForm, confirmed_action, link_action
from broadcast.core.phones import normalise
from messaging.admin.buying import buy_number_view
from messaging.admin.labels import NUMBER_LABELS
from messaging.admin.number_registration import NumberRegistrationMixin, offered_for
from messaging.models import Batch, PhoneNumber
from messaging.querysets import BatchQuerySet
from messaging.services.batches import pause_obstructed
from messaging.services.gateways import number_changed
from messaging.services.numbers import ProvisioningError, release_number

State = PhoneNumber.State

#: Which actions a number's state allows.
OFFERED: dict[str, tuple[str, ...]] = {
    State.PENDING: ("enable", "release"),
    State.ACTIVE: ("disable", "release"),
    State.DISABLED: ("enable", "release"),
    State.RELEASED: (),
}


class PhoneNumberForm(forms.ModelForm[PhoneNumber]):
    """A number that the account has at the gateway already."""

    class Meta:
        model = PhoneNumber
        fields = ("account", "gateway", "number", "label", "kind", "pace_segments", "can_receive", "can_send_media")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        take_any_spelling(self, help_text="As you have it, for example (415) 555-2671, or a short code's digits.")

    def clean(self) -> dict[str, Any]:
        """Store one way of writing a number; refuse one that another account has at the gateway."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        account, gateway, raw = cleaned.get("account"), cleaned.get("gateway"), cleaned.get("number")
        if not (account and raw):
            return cleaned
        digits = re.sub(r"\D", "", raw)
        if cleaned.get("kind") == PhoneNumber.Kind.SHORT_CODE:
            if not 3 <= len(digits) <= 8:
                self.add_error("number", f"“{raw}” is not a short code: those have 3 to 8 digits.")
                return cleaned
            cleaned["number"] = digits
        else:
            parsed = normalise(raw, account.default_region)
            if not parsed.e164:
                hint = " If it is a short code, choose that as its kind." if 3 <= len(digits) <= 8 else ""
                self.add_error("number", parsed.reason + hint)
                return cleaned
            cleaned["number"] = parsed.e164
        others = PhoneNumber.objects.filter(gateway=gateway, number=cleaned["number"]).exclude(state=State.RELEASED)
        taken = others.exclude(pk=self.instance.pk).select_related("account").first() if gateway else None
        if taken:
            self.add_error(
                "number", f"{taken.number} belongs to {taken.account} at this gateway. Release it there first."
            )
        return cleaned


@admin.register(PhoneNumber)
class PhoneNumberAdmin(NumberRegistrationMixin, ConsoleAdmin[PhoneNumber]):
    """Phone numbers. They are released, not deleted: messages belong to them."""

    form = PhoneNumberForm
    list_display = ("number", "label", "display_state", "kind", "display_account", "display_gateway", "display_pace")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
        ("gateway", RelatedDropdownFilter),
    )
    list_select_related = ("account", "gateway")
    search_fields = ("number", "label", "account__name")
    number_search_fields = ("number",)
    autocomplete_fields = ("account", "gateway")
    readonly_fields = (
        "state",
        "provider_id",
        "country",
        "display_pools",
        "display_registration",
        "created_at",
        "updated_at",
    )
    actions_detail = ("taken_again", "enable", "disable", "release")
    actions_list = ("buy",)
    add_fieldsets = (
        (
            None,
            {
                "description": "A number that you have at the provider already, such as a short code.",
                "fields": (
                    ("account", "gateway"),
                    ("number", "kind"),
                    ("label", "pace_segments"),
                    ("can_receive", "can_send_media"),
                ),
            },
        ),
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("number", "state"),
                    ("account", "gateway"),
                    ("label", "kind"),
                    ("pace_segments", "display_pools"),
                    "display_registration",
                )
            },
        ),
        ("At the provider", {"fields": (("provider_id", "country"), ("can_receive", "can_send_media"))}),
        ("Record", {"fields": (("created_at", "updated_at"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhoneNumber]:
        """Without credentials, which would be decrypted for each row."""
        return super().get_queryset(request).defer("gateway__credentials")

    def get_readonly_fields(self, request: HttpRequest, obj: PhoneNumber | None = None) -> Any:
        """What a number is does not change once messages may hang on it."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "number", "account", "gateway", "kind")

    def has_delete_permission(self, request: HttpRequest, obj: PhoneNumber | None = None) -> bool:  # noqa: ARG002  Django's signature
        """Nobody; see ``release``."""
        return False

    def save_model(self, request: HttpRequest, obj: PhoneNumber, form: Any, change: bool) -> None:
        """Save; its pools share their recipients out anew when its pace is another one."""
        super().save_model(request, obj, form, change)
        if change and {"pace_segments", "kind"} & set(form.changed_data):
            number_changed(obj.pk)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PhoneNumber], search_term: str
    ) -> tuple[QuerySet[PhoneNumber], bool]:
        """A campaign's form is offered numbers of its account that can send, a pool's those that are not released."""
        found, distinct = super().get_search_results(request, queryset, search_term)
        if request.GET.get("field_name") == "numbers" and request.GET.get("model_name") == "senderpool":
            found = found.exclude(state=State.RELEASED).filter(**account_filter(request))
        if request.GET.get("model_name") in ("tendlcnumber", "tollfreeverification"):
            found = found.exclude(state=State.RELEASED).filter(**account_filter(request))
        if request.GET.get("field_name") == "number" and request.GET.get("model_name") == "campaign":
            found = found.sendable().filter(**account_filter(request))  # type: ignore[attr-defined]  # the model's own queryset
        return found, distinct

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only what the state allows."""
        number = PhoneNumber.objects.filter(pk=object_id).only("state").first()
        offered = {f"messaging_phonenumber_{name}" for name in OFFERED[number.state]} if number else set()
        offered |= offered_for(object_id)
        actions = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold has no types
        return [action for action in actions if action.action_name in offered]

    @link_action("Buy a number", permission="messaging.add_phonenumber", icon="add_shopping_cart")
    def buy(self, request: HttpRequest) -> HttpResponse:
        """Search, choose, confirm."""
        return buy_number_view(self, request)

    @confirmed_action(
        "Enable…",
        permission="messaging.change_phonenumber",
        button="Enable",
        question="{object} can send again.",
        icon="play_arrow",
    )
    def enable(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """``disabled`` or ``pending`` → ``active``."""
        _move(number, State.ACTIVE, (State.DISABLED, State.PENDING))
        number_changed(number.pk)
        return f"{number.number} is active."

    @confirmed_action(
        "Disable…",
        permission="messaging.change_phonenumber",
        button="Disable",
        question="Nothing more leaves from {object}. Campaigns that are sending from it alone are paused; resume them when it "
        "is enabled again. The other numbers of its sender pools take over its recipients.",
        icon="pause",
    )
    def disable(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """``active`` → ``disabled``."""
        _move(number, State.DISABLED, (State.ACTIVE,))
        number_changed(number.pk)
        paused = pause_obstructed(_batches_from(number))
        held = f" {paused} {'campaign was' if paused == 1 else 'campaigns were'} paused." if paused else ""
        return f"{number.number} is disabled.{held}"

    @confirmed_action(
        "Release…",
        permission="messaging.change_phonenumber",
        button="Release",
        question="{object} neither sends nor receives any more, and is given back to the provider if it was bought "
        "through here; somebody else may get it. Its history stays. This cannot be undone.",
        errors=(ProvisioningError,),
        icon="delete_forever",
        variant=ActionVariant.DANGER,
    )
    def release(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Any state → ``released``."""
        going = _batches_from(number).open().first()
        if going:
            raise ActionRefused(f"“{going}” still leaves from {number.number}. Wait until it is over, or cancel it.")
        if number.state == State.RELEASED:
            raise ActionRefused(f"{number.number} was released before; there is nothing to do.")
        release_number(number)
        number_changed(number.pk)
        return f"{number.number} is released."

    @display(description="State", ordering="state", label=NUMBER_LABELS)
    def display_state(self, number: PhoneNumber) -> tuple[str, str]:
        """The state as a label."""
        return number.state, number.get_state_display()

    @display(description="Account", ordering="account__name")
    def display_account(self, number: PhoneNumber) -> Any:
        """A link to the account."""
        return page_link(number.account)

    @display(description="Gateway", ordering="gateway__name")
    def display_gateway(self, number: PhoneNumber) -> Any:
        """A link to the gateway."""
        return page_link(number.gateway)

    @display(description="Sender pools")
    def display_pools(self, number: PhoneNumber) -> Any:
        """Links to the pools that it is in."""
        pools = number.pools.all() if number.pk else ()
        return format_html_join(", ", "{}", ((page_link(pool),) for pool in pools)) or "-"

    @display(description="Pace")
    def display_pace(self, number: PhoneNumber) -> str:
        """Segments per second, its own or the usual."""
        pace = f"{number.segments_per_second:,} segments/s"
        return pace if number.pace_segments else f"{pace} (usual)"


def _batches_from(number: PhoneNumber) -> BatchQuerySet:
    """Batches that leave from a number, alone or among those of a pool."""
    pools = number.pools.values("pk")
    return Batch.objects.filter(Q(number=number) | Q(pool__in=pools))


def _move(number: PhoneNumber, to: str, allowed: tuple[str, ...]) -> None:
    """One arrow of the drawing in ``PhoneNumber``.

    Raises:
        ActionRefused: the number is in another state by now.
    """
    if not PhoneNumber.objects.filter(pk=number.pk, state__in=allowed).update(state=to):
        number.refresh_from_db()
        raise ActionRefused(f"{number.number} is {number.get_state_display().lower()} by now. Nothing was changed.")
