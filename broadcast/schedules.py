"""The tasks that run by the clock."""

from __future__ import annotations

from django.db import transaction
from django_q.models import Schedule

#: Name, function and minutes between two runs of each.
SCHEDULES = (
    ("Sweep: take up what was left behind", "messaging.tasks.sweep", 1),
    ("Launch campaigns that are due", "campaigns.tasks.launch_due", 1),
    ("Follow up: opt-in reminders, webhook calls, mails", "campaigns.tasks.follow_up", 1),
    ("Text chains: reminders and time-outs", "campaigns.tasks.wake_chains", 1),
    ("Compare numbers with the providers', each gateway once a night", "messaging.tasks.reconcile_due", 20),
    ("Give back numbers that are due", "messaging.tasks.release_numbers", 10),
    ("Delete old webhook calls and mails to staff", "campaigns.tasks.prune_calls", 60),
)

#: Results of tasks that run each minute are not kept.
_OPTIONS = "{'q_options': {'save': False}}"


def ensure_schedules() -> None:
    """Make the schedules there should be; safe to repeat, and keeps when each runs next."""
    for name, function, minutes in SCHEDULES:
        with transaction.atomic():
            found = list(Schedule.objects.select_for_update().filter(func=function).order_by("id"))
            wanted = {
                "name": name,
                "schedule_type": Schedule.MINUTES,
                "minutes": minutes,
                "repeats": -1,
                "kwargs": _OPTIONS,
            }
            if not found:
                Schedule.objects.create(func=function, **wanted)
                continue
            Schedule.objects.filter(pk=found[0].pk).update(**wanted)
            # Two machines that start for the first time at the same moment each make one.
            Schedule.objects.filter(pk__in=[schedule.pk for schedule in found[1:]]).delete()
