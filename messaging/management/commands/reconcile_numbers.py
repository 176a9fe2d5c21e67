"""``manage.py reconcile_numbers``: compare the providers' lists of numbers with ours, now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from broadcast.core.redis import RedisAway
from integrations.models import Gateway
from messaging.models import NumberFinding
from messaging.services.reconciliation import NotCompared, is_comparable, reconcile


class Command(BaseCommand):
    """The same as happens each night; repairs are made in the console."""

    help = "Compare the providers' lists of numbers with ours. Changes nothing but the findings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which gateway."""
        parser.add_argument("--gateway", metavar="NAME", help="Only this one; its name in the console.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  Django's signature
        """One gateway after the other; one that fails keeps no other from it.

        Raises:
            CommandError: there is no such gateway, or some could not be compared.
        """
        gateways = Gateway.objects.order_by("name")
        if options["gateway"]:
            gateways = gateways.filter(name=options["gateway"])
            if not gateways:
                names = ", ".join(Gateway.objects.values_list("name", flat=True)) or "none"
                raise CommandError(f"There is no gateway “{options['gateway']}”. There are: {names}.")
        chosen = [gateway for gateway in gateways if options["gateway"] or is_comparable(gateway)]
        failed = 0
        for gateway in chosen:
            try:
                check = reconcile(gateway_id=gateway.pk)
            except NotCompared as error:
                failed += 1
                self.stderr.write(str(error))
                continue
            except RedisAway as error:
                raise CommandError(
                    f"Redis is away, so nothing may be asked. Try again when it is back. {error}"
                ) from error
            failed += check.failed
            (self.stderr if check.failed else self.stdout).write(f"{gateway}: {check.text}")
            for finding in NumberFinding.objects.filter(gateway=gateway, state=NumberFinding.State.OPEN):
                self.stdout.write(f"  {finding}")
        if failed:
            raise CommandError(f"{failed} of {len(chosen)} gateways could not be compared; the reasons stand above.")
        if not chosen:
            self.stdout.write("No gateway's provider lists numbers; there is nothing to compare.")
