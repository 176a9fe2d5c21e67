"""Deleting lists: the people on them lose their places, and the ledger says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import timezone

from campaigns.models import SubscriberList
from campaigns.services.consent.ledger import name_of

if TYPE_CHECKING:
    from accounts.models import User

#: One statement, however many people the list has.
_WITHDRAWN = """
INSERT INTO campaigns_consentevent
    (account_id, number, action, how, list_id, list_name, wording, source, at, recorded_at, by_id, by_name)
SELECT s.account_id, s.number, 'withdrawn', 'staff', l.id, l.name, '', 'List deleted', %s, %s, %s, %s
FROM campaigns_subscription p
JOIN campaigns_subscriber s ON s.id = p.subscriber_id JOIN campaigns_subscriberlist l ON l.id = p.list_id
WHERE p.list_id = %s AND p.state <> 'unsubscribed'
ORDER BY p.id
"""


def delete_lists(*, lists: Iterable[SubscriberList], user: User) -> None:
    """Delete lists; who was on one, or waited to be, has left it.

    Args:
        lists: which; none that a campaign, a keyword or a text chain needs.
        user: who did it.

    Raises:
        ProtectedError: something needs one of them; nothing was deleted.
    """
    now = timezone.now()
    with transaction.atomic():
        for list_ in lists:
            # Nobody joins it between the record and the end.
            SubscriberList.objects.select_for_update().get(pk=list_.pk)
            with connection.cursor() as cursor:
                cursor.execute(_WITHDRAWN, [now, now, user.pk, name_of(user), list_.pk])
            list_.delete()
