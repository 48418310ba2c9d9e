"""The ledger's functions and triggers: `points/sql/`."""

from django.db import migrations, models

from points.sql import read

FUNCTIONS = (
    "types_v1",
    "refuse_v1",
    "row_hash_v1",
    "entry_fits_v1",
    "apply_entries_v1",
    "apply_lots_v1",
    "guards_v1",
    "account_v1",
    "append_v1",
    "credit_v1",
    "spend_v1",
    "hold_v1",
    "reverse_credit_v1",
    "refund_spend_v1",
    "adjust_v1",
    "transfer_v1",
    "pending_v1",
    "expire_v1",
    "credit_many_v1",
    "grants_v1",
)

UNDO = """
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid::regprocedure AS name FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace
             WHERE s.nspname = 'public' AND p.proname LIKE 'points\\_%\\_v1'
    LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', f.name);
    END LOOP;
    DROP TYPE points_posting, points_context;
END $$;
DROP TRIGGER entry_append_only ON points_entry;
DROP TRIGGER lot_use_append_only ON points_lotuse;
DROP TRIGGER hold_lot_append_only ON points_holdlot;
DROP TRIGGER lot_extension_append_only ON points_lotextension;
DROP TRIGGER lot_no_delete ON points_lot;
DROP TRIGGER hold_no_delete ON points_hold;
DROP TRIGGER pending_no_delete ON points_pendingcredit;
DROP TRIGGER account_no_truncate ON points_account;
"""


class Migration(migrations.Migration):
    dependencies = [("points", "0001_initial"), ("backoffice", "0002_roles_and_audit_schema")]

    operations = [
        migrations.RunSQL(read(*FUNCTIONS), UNDO),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Func(
                    "kind",
                    "points",
                    "reverses",
                    "hold",
                    "adjustment",
                    function="points_entry_fits_v1",
                    output_field=models.BooleanField(),
                ),
                name="entry_fits_kind",
            ),
        ),
    ]
