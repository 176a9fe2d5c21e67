"""Writes into the new ledger what was known of people's consent before there was one.

When it was recorded shows that it was carried over: long after it happened.
"""

from django.utils import timezone

COLUMNS = (
    "account_id, number, action, how, list_id, list_name, wording, source, message_id, at, recorded_at, by_id, by_name"
)

GIVEN = f"""
INSERT INTO campaigns_consentevent ({COLUMNS})
SELECT s.account_id, s.number, 'given', CASE WHEN p.source IN ('', 'console') THEN 'staff' ELSE 'import' END,
       l.id, l.name, '', p.source, NULL, p.created_at, %s, NULL, ''
FROM campaigns_subscription p
JOIN campaigns_subscriber s ON s.id = p.subscriber_id JOIN campaigns_subscriberlist l ON l.id = p.list_id
ORDER BY p.id
"""
ENDED = f"""
INSERT INTO campaigns_consentevent ({COLUMNS})
SELECT s.account_id, s.number, 'withdrawn', CASE WHEN p.ended_by = 'opt_out' THEN 'message' ELSE 'staff' END,
       l.id, l.name, '', '', NULL, COALESCE(p.unsubscribed_at, p.updated_at), %s, NULL, ''
FROM campaigns_subscription p
JOIN campaigns_subscriber s ON s.id = p.subscriber_id JOIN campaigns_subscriberlist l ON l.id = p.list_id
WHERE p.state = 'unsubscribed'
ORDER BY p.id
"""
SUPPRESSED = f"""
INSERT INTO campaigns_consentevent ({COLUMNS})
SELECT x.account_id, x.recipient, 'withdrawn',
       CASE WHEN x.created_by_id IS NOT NULL OR x.reason = 'staff' THEN 'staff'
            WHEN x.reason = 'provider_opt_out' THEN 'provider' ELSE 'message' END,
       NULL, '', x.note, '', x.message_id, x.created_at, %s, x.created_by_id, COALESCE(u.email, '')
FROM messaging_suppression x LEFT JOIN accounts_user u ON u.id = x.created_by_id
WHERE x.lifted_at IS NULL AND x.reason IN ('opt_out', 'provider_opt_out', 'staff')
ORDER BY x.id
"""


def carry_over(apps, schema_editor):
    """Three statements, however many people there are."""
    now = timezone.now()
    with schema_editor.connection.cursor() as cursor:
        for statement in (GIVEN, SUPPRESSED, ENDED):
            cursor.execute(statement, [now])
