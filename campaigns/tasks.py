"""Background tasks of campaigns: wake-up calls that may run twice."""

from __future__ import annotations

import logging

from django.utils import timezone

from campaigns.models import Campaign
from campaigns.services import launch

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
