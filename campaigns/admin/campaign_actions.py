"""What can be done with a campaign; each on a confirmation page, each through the launch service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.enums import ActionVariant

from broadcast.core.confirm import ActionRefused, ConfirmForm, confirmed_action
from campaigns.admin.campaign_budgets import budget_text
from campaigns.admin.campaign_forms import CancelForm, ScheduleForm
from campaigns.admin.campaign_hours import deferral_text, launch_hours
from campaigns.admin.campaign_options import option_sentences
from campaigns.admin.campaign_progress import canary_context, local_time, waits_for_first
from campaigns.models import Campaign
from campaigns.services import launch as service
from campaigns.services.composing import duplicate_campaign
from campaigns.services.launch import LaunchError
from messaging.models import Message
from messaging.services import canaries, expiry
from messaging.services.batches import resend_unresolved
from messaging.services.pools import members
from messaging.states import MessageState

if TYPE_CHECKING:
    from accounts.models import User

State = Campaign.State
LAUNCH = "campaigns.launch_campaign"
NO_FIRST_FEW = "“{campaign}” does not wait for its first few any more. Its page says how it stands."

#: Which actions a state allows, most wanted first.
OFFERED: dict[str, tuple[str, ...]] = {
    State.DRAFT: ("launch", "schedule", "duplicate"),
    State.SCHEDULED: ("launch", "schedule", "unschedule", "cancel", "duplicate"),
    State.LAUNCHING: ("cancel",),
    State.SENDING: ("pause", "cancel"),
    State.PAUSED: ("resume", "cancel"),
    State.FINISHED: ("duplicate",),
    State.CANCELLED: ("duplicate",),
    State.FAILED: ("duplicate",),
}


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _refused_in_state(campaign: Campaign, action: str) -> list[str]:
    """Why an action cannot be done now, as a list for the page."""
    if action in OFFERED[campaign.state]:
        return []
    return [f"The campaign is {campaign.get_state_display().lower()}."]


def _state_context(action: str) -> Any:
    return lambda _admin, _request, campaign: {"problems": _refused_in_state(campaign, action)}


def launch_context(_admin: Any, _request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """The preview of a launch, computed now."""
    refused = _refused_in_state(campaign, "launch")
    if refused:
        return {"problems": refused}
    preview = service.preview_launch(campaign)
    # Where hours are kept, each place has a latest time of its own.
    starts_at = None if preview.keeps_hours else timezone.now()
    return {
        "preview": preview,
        "problems": preview.problems,
        "options": option_sentences(campaign, first=preview.canary_people, starts_at=starts_at),
        "duration": duration(preview.seconds),
        **launch_hours(campaign, preview),
        "budgets": [budget_text(budget) for budget in preview.budgets],
        "lists": campaign.lists.all(),
        "pool_numbers": len(members(campaign.pool)) if campaign.pool else 0,
    }


def schedule_context(admin: Any, request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """The preview, without what is said of a launch now."""
    context = launch_context(admin, request, campaign)
    if "preview" in context:
        options = option_sentences(campaign, first=context["preview"].canary_people)
        context |= {"deferred": "", "begins": "", "options": options, "budgets": []}
    return context


def go_on_context(_admin: Any, _request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """How the first few do so far."""
    if campaign.batch is None or not waits_for_first(campaign):
        return {"problems": [NO_FIRST_FEW.format(campaign=campaign)]}
    return canary_context(campaign)


def resume_context(_admin: Any, _request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """What has become of its latest time, and whether its numbers may send."""
    note = expiry.resume_note(campaign.batch) if campaign.batch else ""
    problems = _refused_in_state(campaign, "resume")
    if not problems and (why := service.obstacle_to_resume(campaign)):
        problems.append(why)
    return {"problems": problems, "warning": note}


def resend_context(_admin: Any, _request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """How many are concerned."""
    count = unresolved(campaign).count()
    return {"problems": [] if count else ["No message of this campaign is left unsettled."], "unknown": count}


def unresolved(campaign: Campaign) -> QuerySet[Message]:
    """Messages of which nobody knows whether they left, and nothing more is awaited."""
    return Message.objects.filter(batch=campaign.batch_id, batch__isnull=False, state=MessageState.UNRESOLVED)


def duration(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 90:
        return f"about {max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"


class CampaignActionsMixin:
    """The actions of ``CampaignAdmin``."""

    @confirmed_action(
        "Launch…",
        permission=LAUNCH,
        button="Launch now",
        context=launch_context,
        template="campaigns/launch.html",
        errors=(LaunchError,),
        icon="send",
        variant=ActionVariant.PRIMARY,
    )
    def launch(self, request: HttpRequest, campaign: Campaign, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Launch."""
        service.launch(campaign_id=campaign.pk, user=_user(request))
        return f"“{campaign}” is being launched."

    @confirmed_action(
        "Schedule…",
        permission=LAUNCH,
        button="Schedule",
        context=schedule_context,
        template="campaigns/launch.html",
        form_class=ScheduleForm,
        errors=(LaunchError,),
        icon="schedule_send",
    )
    def schedule(self, request: HttpRequest, campaign: Campaign, form: ConfirmForm) -> str:
        """Launch later, or at another time than was said."""
        at = form.cleaned_data["at"]
        scheduled = service.schedule(campaign_id=campaign.pk, at=at, user=_user(request))
        waits = service.deferral_at(scheduled, at)
        note = f" {deferral_text(scheduled, waits)}" if waits else ""
        return f"“{campaign}” is launched on {local_time(campaign, at)}.{note}"

    @confirmed_action(
        "Unschedule…",
        permission=LAUNCH,
        button="Back to draft",
        question="“{object}” will not be launched by itself.",
        context=_state_context("unschedule"),
        errors=(LaunchError,),
        icon="event_busy",
    )
    def unschedule(self, request: HttpRequest, campaign: Campaign, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Back to a draft."""
        service.unschedule(campaign_id=campaign.pk, user=_user(request))
        return f"“{campaign}” is a draft again."

    @confirmed_action(
        "Pause…",
        permission=LAUNCH,
        button="Pause",
        question="No further message of “{object}” leaves, from about a second after this. It can be resumed at any time.",
        context=_state_context("pause"),
        errors=(LaunchError,),
        icon="pause",
    )
    def pause(self, request: HttpRequest, campaign: Campaign, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Hold back what has not left."""
        service.pause(campaign_id=campaign.pk, user=_user(request))
        return f"“{campaign}” is paused."

    @confirmed_action(
        "Resume…",
        permission=LAUNCH,
        button="Resume",
        question="“{object}” goes on with those who have not had it yet.",
        context=resume_context,
        errors=(LaunchError,),
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
    )
    def resume(self, request: HttpRequest, campaign: Campaign, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Go on."""
        service.resume(campaign_id=campaign.pk, user=_user(request))
        return f"“{campaign}” goes on."

    @confirmed_action(
        "Go on now…",
        permission=LAUNCH,
        button="Send to everybody else",
        question="“{object}” goes to everybody else now, without waiting for what becomes of the first few.",
        context=go_on_context,
        template="campaigns/go_on.html",
        icon="fast_forward",
    )
    def go_on(self, request: HttpRequest, campaign: Campaign, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Wait for the first few no longer."""
        if not (campaign.batch_id and canaries.go_on(campaign.batch_id, user_text=str(_user(request)))):
            raise ActionRefused(NO_FIRST_FEW.format(campaign=campaign))
        return f"“{campaign}” goes to everybody now."

    @confirmed_action(
        "Cancel…",
        permission=LAUNCH,
        button="Cancel the campaign",
        question="Those who have not had “{object}” will never get it. What has left cannot be called back. This cannot be undone.",
        context=_state_context("cancel"),
        form_class=CancelForm,
        errors=(LaunchError,),
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request: HttpRequest, campaign: Campaign, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """End it for good."""
        service.cancel(campaign_id=campaign.pk, user=_user(request))
        return f"“{campaign}” is cancelled."

    @confirmed_action(
        "Resend unknown…",
        permission=LAUNCH,
        button="Send again",
        question="The provider never said whether it took some messages of “{object}”. Sending them again reaches those who "
        "got nothing, and those who did get it a second time.",
        context=resend_context,
        icon="redo",
    )
    def resend(self, request: HttpRequest, campaign: Campaign, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Send again what may or may not have left."""
        count = resend_unresolved(batch_id=campaign.batch_id) if campaign.batch_id else 0
        if not count:
            raise ActionRefused("No message of this campaign is left unsettled. Nothing was sent.")
        return f"{count:,} messages of “{campaign}” are sent again."

    @confirmed_action(
        "Duplicate…",
        permission="campaigns.add_campaign",
        button="Duplicate",
        question="Makes a new draft with the text, numbers, lists and options of “{object}”.",
        icon="content_copy",
    )
    def duplicate(self, request: HttpRequest, campaign: Campaign, form: ConfirmForm) -> tuple[str, Campaign]:  # noqa: ARG002  an action's signature
        """A new draft."""
        copy = duplicate_campaign(campaign=campaign, user=_user(request))
        return f"“{copy}” is a new draft.", copy
