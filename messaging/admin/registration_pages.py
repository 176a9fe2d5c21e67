"""What the pages of all registrations with the carriers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from broadcast.core.admin import ConsoleAdmin, ReadOnlyInline, display, page_link
from broadcast.core.confirm import ConfirmForm, confirmed_action
from messaging.admin.labels import REGISTRATION_LABELS
from messaging.admin.registration_forms import MoveForm
from messaging.models import PhoneNumber, RegistrationChange
from messaging.models.registrations import Registration
from messaging.querysets import PhoneNumberQuerySet
from messaging.services.registrations import RegistrationError, move_registration, numbers_of, set_numbers
from messaging.states import RegistrationState

if TYPE_CHECKING:
    from accounts.models import User

R = TypeVar("R", bound=Registration)
#: Where a request keeps why its numbers were refused.
_REFUSED = "_numbers_refused"

DESCRIPTION = (
    "A record of what is registered at the provider. Register there; enter each step here when the provider shows it."
)
#: What every registration's page ends with.
RECORD: Any = ("Record", {"fields": (("created_at", "updated_at"),)})


class ChangesInline(ReadOnlyInline[RegistrationChange, Any]):
    """The steps it has taken."""

    model = RegistrationChange
    verbose_name_plural = "history"
    fields = ("at", "was", "became", "words", "user")
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegistrationChange]:
        """With who took them."""
        return super().get_queryset(request).select_related("user")


def move_context(_admin: Any, _request: HttpRequest, registration: Registration) -> dict[str, Any]:
    """What a step may bring with it."""
    numbers = numbers_of(registration).filter(state=PhoneNumber.State.ACTIVE).count()
    if not registration.is_approved or not numbers:
        return {}
    which = "Its number" if numbers == 1 else f"Its {numbers} numbers"
    return {
        "warning": f"{which} may not send then, if the account is checked: campaigns that leave from there are paused at once."
    }


def move_action(permission: str) -> Any:
    """The action that takes one step of a registration.

    Args:
        permission: ``app.codename``.
    """

    @confirmed_action(
        "Enter its state…",
        permission=permission,
        button="Enter",
        question="What does the provider show for “{object}” now?",
        context=move_context,
        form_class=MoveForm,
        errors=(RegistrationError,),
        icon="gavel",
    )
    def move(_admin: Any, request: HttpRequest, registration: Any, form: ConfirmForm) -> str:
        move_registration(
            registration=registration,
            to=form.cleaned_data["state"],
            user=cast("User", request.user),
            words=form.cleaned_data["words"],
            provider_id=form.cleaned_data["provider_id"],
        )
        return f"“{registration}” is {registration.get_state_display().lower()}."

    return move


class RegistrationAdmin(ConsoleAdmin[R]):
    """What the pages of all registrations have."""

    readonly_fields: ClassVar[Any] = ("state", "state_changed_at", "provider_words", "created_at", "updated_at")
    inlines: ClassVar[Any] = (ChangesInline,)
    actions_detail: tuple[str, ...] = ("move",)
    #: What says whose it is; it stays.
    owner_field = "account"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whose it is does not change."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, self.owner_field)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """A new one has no history."""
        return super().get_inlines(request, obj) if obj is not None else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was submitted is a record."""
        is_draft = not isinstance(obj, Registration) or obj.state == RegistrationState.DRAFT
        return super().has_delete_permission(request, obj) and is_draft

    @display(description="State", ordering="state", label=REGISTRATION_LABELS)
    def display_state(self, registration: Registration) -> tuple[str, str]:
        """The state as a label."""
        return registration.state, registration.get_state_display()


class NumbersMixin:
    """A registration with numbers: all of the form is saved or nothing, and it says which number was refused and why."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Tell the form what the service refused a moment ago."""
        form: Any = super().get_form(request, obj, change, **kwargs)  # type: ignore[misc]  # of the admin it is mixed into
        form.refused = getattr(request, _REFUSED, "")
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Save, or show the form again with the reason."""
        view: Any = super().changeform_view  # type: ignore[misc]  # likewise
        try:
            return cast("HttpResponse", view(request, object_id, form_url, extra_context))
        except RegistrationError as error:
            setattr(request, _REFUSED, error.text)
            return cast("HttpResponse", view(request, object_id, form_url, extra_context))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the numbers."""
        super().save_related(request, form, formsets, change)  # type: ignore[misc]  # likewise
        if "members" in form.cleaned_data:
            set_numbers(registration=form.instance, number_ids=[number.pk for number in form.cleaned_data["members"]])


def number_links(numbers: PhoneNumberQuerySet) -> SafeString | str:
    """Links to some numbers.

    Args:
        numbers: theirs.
    """
    return format_html_join(", ", "{}", ((page_link(number),) for number in numbers)) or "None"
