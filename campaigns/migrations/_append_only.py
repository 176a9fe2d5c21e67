"""Triggers that keep the consent ledger as it is.

SQLite drops a table's triggers when a later migration makes the table anew: such a migration ends with ``install`` again.
A demo's or a test's database may be emptied: on PostgreSQL its session says so by a setting, on SQLite the trigger goes meanwhile.
"""

from contextlib import contextmanager

#: A setting of PostgreSQL's session: with "on" the ledger may be truncated.
MAY_EMPTY = "broadcast.may_empty_ledger"
TABLE = "campaigns_consentevent"
REFUSAL = "The consent ledger is append-only: record a new event instead."

POSTGRESQL_FUNCTION = f"""
CREATE OR REPLACE FUNCTION campaigns_consent_refuse() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END
$$ LANGUAGE plpgsql
"""
POSTGRESQL_EMPTYING = f"""
CREATE OR REPLACE FUNCTION campaigns_consent_refuse_emptying() RETURNS trigger AS $$
BEGIN
    IF current_setting('{MAY_EMPTY}', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql
"""
POSTGRESQL_TRUNCATE = f"""
CREATE TRIGGER campaigns_consent_no_truncate BEFORE TRUNCATE ON {TABLE}
FOR EACH STATEMENT EXECUTE FUNCTION campaigns_consent_refuse_emptying()
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
        drops = [f"DROP TRIGGER IF EXISTS campaigns_consent_no_{event} ON {TABLE}" for event in ("truncate", *_lower())]
        changes = [POSTGRESQL_TRIGGER.format(event=event, lower=event.lower()) for event in EVENTS]
        return [POSTGRESQL_FUNCTION, POSTGRESQL_EMPTYING, *drops, *changes, POSTGRESQL_TRUNCATE]
    return [SQLITE_TRIGGER.format(event=event, lower=event.lower()) for event in EVENTS]


def install(apps, schema_editor):
    """Have the database refuse changes."""
    for statement in statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    """Before the table goes."""
    if schema_editor.connection.vendor == "postgresql":
        for event in ("truncate", *_lower()):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS campaigns_consent_no_{event} ON {TABLE}", params=None)
        for function in ("refuse", "refuse_emptying"):
            schema_editor.execute(f"DROP FUNCTION IF EXISTS campaigns_consent_{function}()", params=None)
        return
    for event in _lower():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS campaigns_consent_no_{event}", params=None)


@contextmanager
def may_be_emptied(connection):
    """For a database that is thrown away: its ledger may be emptied within; call it inside a transaction."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config(%s, 'on', true)", [MAY_EMPTY])
            yield
            return
        cursor.execute("DROP TRIGGER IF EXISTS campaigns_consent_no_delete")
        yield
        cursor.execute(SQLITE_TRIGGER.format(event="DELETE", lower="delete"))


def _lower():
    return [event.lower() for event in EVENTS]
