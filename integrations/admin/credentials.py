"""Checking, rotating and taking back a gateway's credentials, from its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from unfold.enums import ActionVariant

from broadcast.core.confirm import ActionRefused, ConfirmForm, confirmed_action, link_action
from integrations.forms import RotationForm
from integrations.models import Gateway
from integrations.services.checking import CheckResult, check_gateway
from integrations.services.rotation import Rotation, RotationRefused, roll_back, rotate, stop_former

_CHANGE = "integrations.change_gateway"
_HARMLESS = (
    "This asks the provider of {object} something that costs nothing: for the account, its numbers or, where neither can be "
    "asked for, for a message that does not exist. Nothing is changed there."
)

if TYPE_CHECKING:
    from broadcast.core.admin import ConsoleAdmin

    _Admin = ConsoleAdmin[Gateway]
else:
    _Admin = object


class SeenForm(ConfirmForm):
    """A confirmation that holds for the credentials that the person has seen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(RotationForm.version_field(self.target))


class CredentialActions(_Admin):
    """The actions; none of them ever shows a secret."""

    def webhook_marks(self, gateway: Gateway) -> Any:  # noqa: ARG002  for whoever knows
        """When webhooks last came; None here, where nobody knows."""
        return None

    @link_action("Check credentials", permission=_CHANGE, icon="verified_user")
    def check_credentials(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the provider for something that costs nothing, on POST, and show what it says."""
        gateway = self._gateway(request, object_id)
        if request.method not in ("GET", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        result: CheckResult | None = None
        if request.method == "POST":
            result = check_gateway(gateway_id=gateway.pk)
            self.log_change(request, gateway, f"Checked the credentials. {result.text}")
        return self._page(
            request,
            gateway,
            title="Check credentials",
            form=ConfirmForm(target=gateway),
            result=result,
            marks=self.webhook_marks(gateway) if result else None,
            question="" if result else _HARMLESS.format(object=gateway),
            button="Ask again" if result else "Ask the provider",
        )

    @link_action("Rotate credentials…", permission=_CHANGE, icon="autorenew")
    def rotate_credentials(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """New values are entered, tested at the provider, and only then stored."""
        gateway = self._gateway(request, object_id)
        if request.method not in ("GET", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        form = RotationForm(request.POST if request.method == "POST" else None, target=gateway)
        refused: RotationRefused | None = None
        if request.method == "POST" and form.is_valid():
            try:
                rotation = rotate(
                    gateway_id=gateway.pk,
                    entered=form.entered,
                    version=form.cleaned_data["seen_version"],
                    keep_hours=form.cleaned_data["keep_hours"],
                    by=request.user,  # type: ignore[arg-type]  # of somebody who may
                )
            except RotationRefused as error:
                refused = error
            else:
                return self._stored(request, gateway, rotation)
        return self._page(
            request,
            gateway,
            title="Rotate credentials",
            form=form,
            template="integrations/rotate.html",
            refused=refused,
            result=refused.result if refused else None,
            button="Test and store",
        )

    @confirmed_action(
        "Back to the former ones…",
        permission=_CHANGE,
        button="Test and go back",
        question="The former credentials of {object} are tested at the provider. If it takes them, they are used from the next "
        "request on, and webhooks may be signed with either until the former ones' time is over.",
        form_class=SeenForm,
        errors=(RotationRefused,),
        icon="undo",
    )
    def roll_back(self, request: HttpRequest, gateway: Gateway, form: SeenForm) -> str:
        """Former and present credentials change places."""
        rotation = roll_back(
            gateway_id=gateway.pk,
            version=form.cleaned_data["seen_version"],
            by=request.user,  # type: ignore[arg-type]  # of somebody who may
        )
        return _told(rotation, "The former credentials are in use again")

    @confirmed_action(
        "Stop accepting the former ones…",
        permission=_CHANGE,
        button="Stop accepting them",
        question="Webhooks signed with the former credentials of {object} are refused from now on, and the former ones are "
        "wiped. This cannot be undone.",
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def stop_former(self, request: HttpRequest, gateway: Gateway, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Wipe them before their time."""
        if not stop_former(gateway_id=gateway.pk, by=request.user):  # type: ignore[arg-type]  # of somebody who may
            raise ActionRefused(f"“{gateway}” has no former credentials any more. Nothing was changed.")
        return f"The former credentials of “{gateway}” are wiped; webhooks signed with them are refused."

    def show_check(self, request: HttpRequest, gateway: Gateway) -> None:
        """Ask the provider, and say what it answered above the next page.

        Args:
            request: whose messages are added to.
            gateway: just saved.
        """
        result = check_gateway(gateway_id=gateway.pk)
        facts = "; ".join(f"{label.lower()}: {value}" for label, value in result.facts)
        text = f"{result.text} ({facts})"
        messages.add_message(request, messages.SUCCESS if result.is_taken else messages.ERROR, text)
        self.log_change(request, gateway, f"Checked the credentials. {result.text}")

    def _gateway(self, request: HttpRequest, object_id: str) -> Gateway:
        gateway = self.get_object(request, unquote(object_id))
        if gateway is None:
            raise Http404("There is no such gateway any more.")
        if not (request.user.has_perm(_CHANGE) and self.has_view_permission(request, gateway)):
            raise PermissionDenied
        return gateway

    def _page(
        self,
        request: HttpRequest,
        gateway: Gateway,
        *,
        title: str,
        form: ConfirmForm,
        template: str = "integrations/check.html",
        **context: Any,
    ) -> HttpResponse:
        page = {
            **self.admin_site.each_context(request),
            "title": title,
            "heading": f"{title}: {gateway}",
            "opts": self.opts,
            "target": gateway,
            "form": form,
            "media": self.media + form.media,
            "button_variant": "primary",
            **context,
        }
        return TemplateResponse(request, template, page)

    def _stored(self, request: HttpRequest, gateway: Gateway, rotation: Rotation) -> HttpResponse:
        text = _told(rotation, "The new credentials are stored, and used from the next request on")
        messages.success(request, text)
        self.log_change(request, gateway, f"Rotated credentials: {', '.join(rotation.fields)}.")
        return HttpResponseRedirect(reverse("admin:integrations_gateway_change", args=[gateway.pk]))


def _told(rotation: Rotation, what: str) -> str:
    until = rotation.until
    kept = (
        f"Webhooks may be signed with the others until {date_format(timezone.localtime(until), 'DATETIME_FORMAT')}."
        if until
        else "Webhooks signed with the former ones are refused."
    )
    unchecked = ", ".join(rotation.result.unchecked)
    hint = f" No request tests {unchecked}: see below when the next webhook comes." if unchecked else ""
    return f"{rotation.result.text} {what}: {', '.join(rotation.fields)}. {kept}{hint}"
