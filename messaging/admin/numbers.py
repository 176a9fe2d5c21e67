"""Phone numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    RadioFilter,
    RelatedDropdownFilter,
)

from broadcast.core.admin import ConsoleAdmin, account_filter, display, page_link
from broadcast.core.confirm import link_action
from broadcast.core.countries import country_name
from messaging.admin.adopting import adopt_number_view
from messaging.admin.buying import buy_number_view, prices_of
from messaging.admin.labels import NUMBER_LABELS
from messaging.admin.number_actions import NumberActions, left_on, moment, offered
from messaging.admin.number_forms import PhoneNumberForm
from messaging.admin.number_live import live_context, live_view
from messaging.admin.number_registration import NumberRegistrationMixin, offered_for
from messaging.models import PhoneNumber
from messaging.services.gateways import number_changed
from messaging.services.numbers.words import wiring_help

State, Step = PhoneNumber.State, PhoneNumber.Step


class AttentionFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    """Numbers that somebody has to look at."""

    title = "needs attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002  Django's signature
        """The choices."""
        return [("yes", "Needs attention")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002  Django's signature
        """The chosen rows."""
        return queryset.needing_attention() if self.value() == "yes" else queryset


@admin.register(PhoneNumber)
class PhoneNumberAdmin(NumberRegistrationMixin, NumberActions, ConsoleAdmin[PhoneNumber]):
    """Phone numbers. They are released, not deleted: messages belong to them."""

    form = PhoneNumberForm
    change_form_outer_before_template = "messaging/number_head.html"
    list_display = (
        "number",
        "label",
        "display_state",
        "display_problem",
        "kind",
        "display_account",
        "display_gateway",
        "display_pace",
    )
    list_filter = (
        AttentionFilter,
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
        ("gateway", RelatedDropdownFilter),
    )
    list_select_related = ("account", "gateway")
    search_fields = ("number", "label", "account__name")
    number_search_fields = ("number",)
    readonly_fields = (
        "number",
        "account",
        "gateway",
        "kind",
        "display_now",
        "display_country",
        "display_provider_id",
        "display_checked",
        "display_wiring",
        "display_price",
        "display_pools",
        "display_registration",
        "display_test",
        "released_at",
        "created_at",
        "updated_at",
    )
    actions_detail = (
        *("resume", "check_again", "keep", "send_test", "taken_again", "enable", "disable"),
        *("wire", "give_up", "forget", "release"),
    )
    actions_list = ("buy",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("number", "display_now"),
                    ("account", "gateway"),
                    ("label", "kind"),
                    ("pace_segments", "display_pools"),
                    ("display_test", "display_registration"),
                )
            },
        ),
        (
            "At the provider",
            {
                "fields": (
                    ("display_provider_id", "display_country"),
                    ("display_checked", "display_price"),
                    ("can_receive", "can_send_media"),
                    "display_wiring",
                )
            },
        ),
        ("Record", {"fields": (("created_at", "updated_at"), "released_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhoneNumber]:
        """Without credentials, which would be decrypted for each row."""
        return super().get_queryset(request).defer("gateway__credentials")

    def get_urls(self) -> list[URLPattern]:
        """Beside the page: its live part."""
        view = self.admin_site.admin_view(partial(live_view, self))
        return [path("<path:object_id>/live/", view, name="messaging_phonenumber_live"), *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: PhoneNumber | None = None) -> bool:  # noqa: ARG002  Django's signature
        """Nobody; see ``release``."""
        return False

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",  # noqa: ARG002  Django's signature
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002  likewise
    ) -> HttpResponse:
        """A number that is there already; one that is not is bought."""
        return adopt_number_view(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Under how far it is, and what is wrong."""
        number = self.get_object(request, unquote(object_id))
        head: dict[str, Any] = {}
        if number and self.has_view_permission(request, number):
            head = live_context(number)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **head})

    def save_model(self, request: HttpRequest, obj: PhoneNumber, form: Any, change: bool) -> None:  # noqa: ARG002  Django's signature
        """Save what the page may change, and nothing that a purchase in between has written."""
        changed = [name for name in form.changed_data if name in form.Meta.fields]
        obj.save(update_fields=(*changed, "updated_at"))
        # Its pools share their recipients out anew when its pace is another one.
        if change and "pace_segments" in changed:
            number_changed(obj.pk)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PhoneNumber], search_term: str
    ) -> tuple[QuerySet[PhoneNumber], bool]:
        """Forms of campaigns and routes are offered the account's numbers that can send, a pool's those not released."""
        found, distinct = super().get_search_results(request, queryset, search_term)
        if request.GET.get("field_name") == "numbers" and request.GET.get("model_name") == "senderpool":
            found = found.exclude(state=State.RELEASED).filter(**account_filter(request))
        if request.GET.get("model_name") in ("tendlcnumber", "tollfreeverification"):
            found = found.exclude(state=State.RELEASED).filter(**account_filter(request))
        names, model = ("number", "second_number"), request.GET.get("model_name")
        if request.GET.get("field_name") in names and model in ("campaign", "route"):
            found = found.sendable().filter(**account_filter(request))  # type: ignore[attr-defined]  # the model's own queryset
        return found, distinct

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only what the state allows."""
        number = PhoneNumber.objects.filter(pk=object_id).only("state", "step", "problem", "errand").first()
        names = {f"messaging_phonenumber_{name}" for name in offered(number)} if number else set()
        names |= offered_for(object_id)
        actions = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold has no types
        return [action for action in actions if action.action_name in names]

    @link_action("Provision a number", permission="messaging.add_phonenumber", icon="add_shopping_cart")
    def buy(self, request: HttpRequest) -> HttpResponse:
        """Search, choose, confirm."""
        return buy_number_view(self, request)

    @display(description="State", ordering="state", label=NUMBER_LABELS)
    def display_state(self, number: PhoneNumber) -> tuple[str, str]:
        """The state as a label; of a pending number with the step that it has reached."""
        text = str(number.get_state_display())
        if number.was_never_ours:
            return number.state, "Not bought" if number.step == Step.WANTED else "Given up"
        return number.state, f"{text}: {number.step}" if number.state == State.PENDING and number.step else text

    @display(description="State")
    def display_now(self, number: PhoneNumber) -> Any:
        """The state as text; a page has no labels."""
        return _live("now", self.display_state(number)[1])

    @display(description="Provider's id")
    def display_provider_id(self, number: PhoneNumber) -> Any:
        """What the provider calls it."""
        return _live("provider-id", number.provider_id or "-")

    @display(description="Problem")
    def display_problem(self, number: PhoneNumber) -> str:
        """What went wrong last."""
        if number.errand:
            return f"Under way: {number.get_errand_display()}"
        if number.state == State.LEAVING and not number.problem:
            return f"Given back on {left_on(number)}"
        return number.problem or "-"

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

    @display(description="Country")
    def display_country(self, number: PhoneNumber) -> str:
        """Its name."""
        return country_name(number.country)

    @display(description="Seen at the provider")
    def display_checked(self, number: PhoneNumber) -> Any:
        """When the provider last said that it has the number."""
        return _live("checked", moment(number.checked_at) if number.checked_at else "Never")

    @display(description="Webhooks")
    def display_wiring(self, number: PhoneNumber) -> str:
        """Who has messages to it come to us."""
        return wiring_help(number.gateway) or "Set from here when it is provisioned, and with “Set webhooks…”"

    @display(description="Price at the purchase")
    def display_price(self, number: PhoneNumber) -> str:
        """As the provider told it."""
        return prices_of(number) or "-"

    @display(description="Test message")
    def display_test(self, number: PhoneNumber) -> Any:
        """What became of the last one."""
        test = number.test_message
        if test is None:
            coming = f"To {number.test_recipient}, once it is active" if number.test_recipient else "None was sent"
            return _live("test", coming)
        why = f" {test.reason_text or test.reason}" if test.reason else ""
        sent = format_html("{} to {}.{}", page_link(test, str(test.get_state_display())), test.recipient, why)
        return _live("test", sent)


def _live(name: str, value: str) -> SafeString:
    """A value that the page fetches anew when an errand is over; see ``number_head.html``."""
    return format_html('<span id="number-{}">{}</span>', name, value)
