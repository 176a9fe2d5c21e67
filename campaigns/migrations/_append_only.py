"""Triggers that keep the consent ledger as it is.

SQLite drops a table's triggers when a later migration makes the table anew: such a migration ends with ``install`` again.
PostgreSQL's TRUNCATE, which empties a test's or a demo's database, is let through; it takes the table's owner.
"""

TABLE = "campaigns_consentevent"
REFUSAL = "The consent ledger is append-only: record a new event instead."

POSTGRESQL_FUNCTION = f"""
CREATE OR REPLACE FUNCTION campaigns_consent_refuse() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END
$$ LANGUAGE plpgsql
"""
POSTGRESQL_TRIGGER = f"""
CREATE TRIGGER campaigns_consent_no_{{lower}} BEFORE {{event}} ON {TABLE}
FOR EACH ROW EXECUTE FUNCTION campaigns_consent_refuse()
"""
SQLITE_TRIGGER = f"""
CREATE TRIGGER IF NOT EXISTS campaigns_consent_no_{{lower}} BEFORE {{event}} ON {TABLE}
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
"""
EVENTS = ("UPDATE", "DELETE")


def statements(vendor):
    """SQL that installs the triggers."""
    if vendor == "postgresql":
        drops = [f"DROP TRIGGER IF EXISTS campaigns_consent_no_{event.lower()} ON {TABLE}" for event in EVENTS]
        return [POSTGRESQL_FUNCTION, *drops, *(POSTGRESQL_TRIGGER.format(event=e, lower=e.lower()) for e in EVENTS)]
    return [SQLITE_TRIGGER.format(event=event, lower=event.lower()) for event in EVENTS]


def install(apps, schema_editor):
    """Have the database refuse changes."""
    for statement in statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    """Before the table goes."""
    on = f" ON {TABLE}" if schema_editor.connection.vendor == "postgresql" else ""
    for event in EVENTS:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS campaigns_consent_no_{event.lower()}{on}", params=None)
    if on:
        schema_editor.execute("DROP FUNCTION IF EXISTS campaigns_consent_refuse()", params=None)
