"""A cluster that differs from a real one where the harness needs it: ``python -m tests.chaos.cluster``.

``CHAOS_MOST`` says how many messages a request carries at most, so that a round has many requests at a provider that takes
a thousand in one. ``CHAOS_WITHOUT`` takes a protection out, to see that the harness notices: ``claim`` lets the claim take
messages in any state; ``lease`` lets a sender that stood still go on under a lease that has expired and was taken apart,
without its seat; ``journal`` lets senders keep no journals. Nothing outside this package knows of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

PROTECTIONS = ("claim", "lease", "journal")
VARIABLE = "CHAOS_WITHOUT"
MOST_VARIABLE = "CHAOS_MOST"

_CLAIM = "UPDATE messaging_message SET lease = %s, claimed_at = %s"
_CLAIM_CONDITION = "AND state = 'queued' AND number_id = %s"
_LEASE_CONDITION = "if has_lease and (not expiry or tonumber(expiry) * 1000 <= now) then return {-1, '0'} end"


class NotFound(RuntimeError):
    """What is to be taken out is not where it was: the engine has changed, and so must this module."""


def without_claim() -> None:
    """Claims no longer ask whether somebody else has sent the message."""
    from messaging.engine import sql as database

    real = database.fetch

    def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        if _CLAIM in sql:
            if _CLAIM_CONDITION not in sql:
                raise NotFound(f"The claim has no “{_CLAIM_CONDITION}”.")
            sql = sql.replace("AND state = 'queued'", "", 1)
        return real(sql, params)

    database.fetch = fetch


def without_lease() -> None:
    """Messages pass whether or not their lease has expired, and leave whether or not its journal is sealed; nor does the loss
    of its seat end a sender, which it would before many had passed."""
    from messaging.engine import journal, scripts, seats

    real = scripts.read_script

    def read_script(name: str) -> str:
        source = real(name)
        if name == "pace":
            if _LEASE_CONDITION not in source:
                raise NotFound(f"pace.lua has no “{_LEASE_CONDITION}”.")
            source = source.replace(_LEASE_CONDITION, "")
        return source

    scripts.read_script = read_script
    leave = journal.Journal.leave

    def leave_whatever(self: journal.Journal, message_id: int) -> bool:
        leave(self, message_id)
        return True

    journal.Journal.leave = leave_whatever  # type: ignore[method-assign]  # broken on purpose
    renew = seats.Seat.renew

    def renew_whatever(self: seats.Seat) -> bool:
        renew(self)
        return True

    seats.Seat.renew = renew_whatever  # type: ignore[method-assign]  # broken on purpose


def without_journal() -> None:
    """Nothing but Redis knows what left."""
    from messaging.engine import journal

    # Where the kernel does not name its run, none are kept.
    journal._boot = bytes  # type: ignore[assignment]  # broken on purpose


def with_small_requests(most: int) -> None:
    """Gateways that take many messages in one request take so many."""
    from integrations.sms.registry import ADAPTERS

    for adapter in ADAPTERS.values():
        if adapter.capabilities.recipients_per_request > most:
            adapter.capabilities = replace(adapter.capabilities, recipients_per_request=most)


def main() -> None:
    """Run ``qcluster`` as ``CHAOS_MOST`` and ``CHAOS_WITHOUT`` have it."""
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "broadcast.settings")
    django.setup()
    with_small_requests(int(os.environ[MOST_VARIABLE]))
    without = os.environ.get(VARIABLE)
    if without:
        {"claim": without_claim, "lease": without_lease, "journal": without_journal}[without]()
    call_command("qcluster")


if __name__ == "__main__":
    main()
