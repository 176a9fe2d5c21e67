"""Chains as they are built: checked, activated, archived."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from campaigns.models import Chain
from campaigns.services.chains.checks import Finding, check_plan
from campaigns.services.chains.plan import plan_of
from campaigns.services.composing import known_fields


class ChainNotReady(Exception):
    """A chain cannot change its state; the text says why and what to do next."""


def check_chain(chain: Chain) -> list[Finding]:
    """Everything that is wrong with a chain as it is saved, errors first."""
    return check_plan(plan_of(chain), fields=known_fields(chain.account))


def errors_of(chain: Chain) -> list[str]:
    """What stands in the way of activating a chain."""
    return [str(finding) for finding in check_chain(chain) if finding.is_error]


@transaction.atomic
def activate(*, chain_id: int) -> None:
    """Allow a chain to be started.

    Raises:
        ChainNotReady: a check found an error, or it is active already.
    """
    chain = Chain.objects.select_for_update().get(pk=chain_id)
    if chain.state == Chain.State.ACTIVE:
        raise ChainNotReady(f"“{chain}” is active already.")
    errors = errors_of(chain)
    if errors:
        raise ChainNotReady(f"“{chain}” cannot be activated: {errors[0]}")
    _set(chain, Chain.State.ACTIVE)


@transaction.atomic
def archive(*, chain_id: int) -> None:
    """Allow no further start; what runs goes on to its end.

    Raises:
        ChainNotReady: it is archived already.
    """
    chain = Chain.objects.select_for_update().get(pk=chain_id)
    if chain.state == Chain.State.ARCHIVED:
        raise ChainNotReady(f"“{chain}” is archived already.")
    _set(chain, Chain.State.ARCHIVED)


@transaction.atomic
def note_change(*, chain_id: int) -> bool:
    """Note that a chain was saved; True when an active one became a draft because it now has errors.

    Runs keep the chain as it was when they started.
    """
    chain = Chain.objects.select_for_update().get(pk=chain_id)
    Chain.objects.filter(pk=chain_id).update(version=F("version") + 1)
    if chain.state != Chain.State.ACTIVE or not errors_of(chain):
        return False
    _set(chain, Chain.State.DRAFT)
    return True


def _set(chain: Chain, state: str) -> None:
    chain.state = state
    chain.save(update_fields=("state", "updated_at"))
