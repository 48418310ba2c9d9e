"""Limits count per person, and what staff undo; such an undo may wait, and a refused grace be asked again."""

import django.db.models.deletion
from django.db import migrations, models

from points.sql import read, read_function

# Grace was known by its key. The guard of decided requests is put aside for this alone.
LAPSES = """
ALTER TABLE points_adjustment DISABLE TRIGGER adjustment_guard;
UPDATE points_adjustment SET lapse_id = split_part(key, ':', 2)::bigint WHERE key ~ '^grace:[0-9]+$';
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE points_adjustment ENABLE TRIGGER adjustment_guard;
"""

VIEW = """
CREATE OR REPLACE VIEW audit.adjustment AS
    SELECT id, account_id, points, reason, requested_by_id AS requested_by, approved_by_id AS approved_by,
           status, needs_approval, created_at, decided_at, applied_at, lapse_id, undoes_id
    FROM points_adjustment;
"""

UNDO_VIEW = """
DROP VIEW audit.adjustment;
CREATE VIEW audit.adjustment AS
    SELECT id, account_id, points, reason, requested_by_id AS requested_by, approved_by_id AS approved_by,
           status, needs_approval, created_at, decided_at, applied_at
    FROM points_adjustment;
"""

UNDO = """
DROP FUNCTION points_undo_spend_v1(bigint, bigint, bigint, text, points_context);
DROP FUNCTION points_adjust_v4(bigint, timestamptz, points_context);
"""


def about_an_entry(name, words, back):
    field = models.ForeignKey(
        blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name=back,
        to="points.entry", verbose_name=words,
    )  # fmt: skip
    return migrations.AddField("adjustment", name, field)


class Migration(migrations.Migration):
    dependencies = [("points", "0012_mutual_approvals_add_up")]

    operations = [
        about_an_entry("lapse", "expiry", "graces"),
        about_an_entry("undoes", "undoes", "undo_requests"),
        migrations.RunSQL(LAPSES, migrations.RunSQL.noop),
        migrations.RunSQL(VIEW, UNDO_VIEW),
        migrations.RunSQL(
            read(
                "limits_v2",
                "adjust_v4",
                "undo_spend_v1",
                "reverse_credit_v2",
                "adjustment_guard_v2",
                "grants_v4",
            ),
            UNDO
            + read_function("guards_v1", "points_guard_adjustment_v1")
            + read_function("reverse_credit_v1", "points_reverse_credit_v1")
            + read_function("limits_v1", "points_count_given_v1")
            + read("grants_v3"),
        ),
    ]
