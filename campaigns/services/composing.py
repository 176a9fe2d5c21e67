"""What a campaign's text may hold."""

from __future__ import annotations

from accounts.models import Account
from broadcast.core.merge import TemplateProblem, check_template

#: Merge fields that every account has; its custom fields come on top.
STANDARD_FIELDS = ("first_name", "last_name", "email", "number")


def known_fields(account: Account) -> tuple[str, ...]:
    """Names of the merge fields that a text of this account can use, the standard ones first."""
    custom = account.custom_fields.order_by("key").values_list("key", flat=True)
    return (*STANDARD_FIELDS, *(key for key in custom if key not in STANDARD_FIELDS))


def check_body(account: Account, body: str) -> list[TemplateProblem]:
    """Everything that is wrong with a text.

    Args:
        account: whose merge fields it may use.
        body: the template.

    Returns:
        Problems with line and column, in their order; empty when it can be sent.
    """
    return check_template(body, known_fields(account))
