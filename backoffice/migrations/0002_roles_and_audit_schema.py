"""Database roles and the schema by which outsiders check the books.

`shuke_app` runs requests and jobs and owns nothing; `auditor` reads the views in `audit` and nothing else.
Where the migrating user may not create roles, the administrator makes them and `manage.py doctor` says so.
"""

from django.db import migrations

ROLES = """
DO $$
BEGIN
    CREATE ROLE shuke_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$;
DO $$
BEGIN
    CREATE ROLE auditor NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$;
CREATE SCHEMA audit;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shuke_app') THEN
        GRANT USAGE ON SCHEMA public TO shuke_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shuke_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO shuke_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shuke_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO shuke_app;
        GRANT USAGE ON SCHEMA audit TO shuke_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA audit GRANT SELECT ON TABLES TO shuke_app;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'auditor') THEN
        GRANT USAGE ON SCHEMA audit TO auditor;
        ALTER DEFAULT PRIVILEGES IN SCHEMA audit GRANT SELECT ON TABLES TO auditor;
    END IF;
END $$;
"""

UNDO = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shuke_app') THEN
        ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM shuke_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM shuke_app;
    END IF;
END $$;
DROP SCHEMA audit CASCADE;
"""

# One function serves every append-only table of the house.
APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'SK090';
END $$;

CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON backoffice_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

VIEWS = """
CREATE VIEW audit.brand AS SELECT id, code FROM backoffice_brand;
CREATE VIEW audit.idempotency_key AS
    SELECT id, client, key, request_hash, status, body, created_at FROM backoffice_idempotencykey;
CREATE VIEW audit.outbox AS
    SELECT id, CASE WHEN topic = 'points.entry' THEN subject_id END AS entry_id, topic, subject_id,
           created_at, sent_at
    FROM backoffice_outboxmessage;
"""


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0001_initial")]

    operations = [
        migrations.RunSQL(ROLES, UNDO),
        migrations.RunSQL(
            APPEND_ONLY,
            "DROP TRIGGER audit_event_append_only ON backoffice_auditevent; DROP FUNCTION refuse_change();",
        ),
        migrations.RunSQL(VIEWS, "DROP VIEW audit.outbox, audit.idempotency_key, audit.brand;"),
    ]
