"""Background tasks of campaigns: wake-up calls that may run twice."""

from __future__ import annotations

import logging

from django.utils import timezone

from broadcast.core.queue import enqueue
from campaigns.models import Campaign
from campaigns.services import calls, double_opt_in, launch
from campaigns.services.chains import runs

logger = logging.getLogger(__name__)


def launch_campaign(campaign_id: int) -> None:
    """Freeze a launched campaign's audience and start sending."""
    launch.perform_launch(campaign_id)


def launch_due() -> None:
    """Launch scheduled campaigns whose time has come, and go on with what was interrupted."""
    for campaign_id in Campaign.objects.due(timezone.now()).values_list("pk", flat=True):
        try:
            launch.launch(campaign_id=campaign_id, user=None)
        except launch.LaunchError as error:
            logger.warning("Scheduled campaign %s cannot be launched: %s", campaign_id, error.text)
            launch.fail_schedule(campaign_id=campaign_id, reason=error.text)
    for campaign_id in Campaign.objects.filter(state=Campaign.State.LAUNCHING).values_list("pk", flat=True):
        try:
            launch.perform_launch(campaign_id)
        except Exception:  # one that cannot be launched must not hold up the others; it is tried again
            logger.exception("The launch of campaign %s failed", campaign_id)
    launch.catch_up()


def deliver_call(call_id: int) -> None:
    """Call a webhook."""
    calls.deliver(call_id=call_id)


def deliver_calls() -> None:
    """Try the webhook calls that are due."""
    calls.deliver_due()


def send_notices() -> None:
    """Send the mails to staff that are due."""
    calls.send_due_notices()


def prune_calls() -> None:
    """Delete webhook calls and mails to staff that were settled long ago."""
    calls.prune_settled()


def ask_pending(list_id: int) -> None:
    """Ask the pending people of a list, for about 20 s; the schedule goes on."""
    double_opt_in.ask_list(list_id=list_id)


def follow_up() -> None:
    """Each minute: remind who has not answered, and wake what may have been lost."""
    double_opt_in.remind()
    enqueue("campaigns.tasks.deliver_calls")
    enqueue("campaigns.tasks.send_notices")
    double_opt_in.ask_waiting_lists()


def wake_chains() -> None:
    """Send the reminders and follow the time-outs of text chains that are due."""
    runs.wake_due()
