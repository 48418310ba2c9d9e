"""Points by file: bulk functions, their way back, what they count as, and what auditors see of them."""

from django.db import migrations, models

from points.sql import read, read_function

FUNCTIONS = (
    "credit_many_v2", "deduct_many_v1", "reverse_credit_v3", "reverse_many_v1", "restore_many_v1",
    "file_decision_v1", "grants_v4",
)  # fmt: skip

UNDO = """
DROP FUNCTION points_count_file_v1(bigint, bigint[], bigint[], points_context);
DROP FUNCTION points_restore_many_v1(jsonb, points_context);
DROP FUNCTION points_restore_v1(bigint, points_context);
DROP FUNCTION points_reverse_many_v1(jsonb, points_context);
DROP FUNCTION points_reverse_rows_v1(jsonb);
DROP FUNCTION points_deduct_many_v1(jsonb, points_context);
DROP FUNCTION points_credit_many_v2(jsonb, points_context);
DROP FUNCTION points_credit_rows_v2(jsonb);
"""
UNDO_PAIR = """
DROP FUNCTION points_check_pair_v1(bigint, bigint, bigint, timestamptz);
DROP FUNCTION points_approved_for_v1(bigint, bigint, timestamptz);
"""

# A row's entry is found by its source and not by what the row says. Rows go with the file after thirty days;
# those that made entries are then told from the ledger.
VIEWS = """
CREATE VIEW audit.import_batch AS
    SELECT b.id, b.kind, b.file_hash AS file_sha256,
           coalesce((b.counts ->> 'rows')::bigint, 0) AS total,
           d.ok, coalesce((b.counts ->> 'rows')::bigint, 0) - d.ok AS failed,
           CASE WHEN b.state IN ('applying', 'undoing') THEN 'running'
                WHEN b.state = 'applied' AND b.counts ? 'stopped' THEN 'cancelled'
                WHEN b.state = 'applied' THEN 'done'
                WHEN b.state IN ('undone', 'failed') THEN b.state
                WHEN b.state = 'dropped' THEN 'cancelled' ELSE 'pending' END AS status,
           b.owner_id AS uploaded_by, b.approver_id AS approved_by, b.approved_at, b.held_until, b.applied_at,
           b.undone_at, b.removed_at
    FROM backoffice_importbatch b
    CROSS JOIN LATERAL (SELECT coalesce(sum(value::bigint), 0)::bigint AS ok FROM jsonb_each_text(b.counts)
                        WHERE key IN ('done:applied', 'done:undone', 'done:kept', 'done:stuck')) d
    WHERE b.kind = 'points';
CREATE VIEW audit.import_row AS
    SELECT r.batch_id, r.line,
           CASE WHEN r.done IN ('applied', 'undone', 'kept', 'stuck') THEN 'ok' ELSE 'error' END AS status,
           e.id AS entry_id
    FROM backoffice_importrow r
    JOIN backoffice_importbatch b ON b.id = r.batch_id AND b.kind = 'points' AND b.removed_at IS NULL
    LEFT JOIN points_entry e ON e.source_type = 'import' AND e.source_id = concat(r.batch_id, ':', r.line)
                            AND e.kind = 'import'
    WHERE b.state IN ('applying', 'applied', 'undoing', 'undone')
    UNION ALL
    SELECT b.id, e.line, 'ok', e.id
    FROM (
        SELECT id, CASE WHEN named THEN split_part(source_id, ':', 1)::bigint END AS batch_id,
               CASE WHEN named THEN split_part(source_id, ':', 2)::integer END AS line
        FROM (SELECT id, source_id, source_id ~ '^[0-9]{1,18}:[0-9]{1,9}$' AS named FROM points_entry
              WHERE source_type = 'import' AND kind = 'import') sources
    ) e
    JOIN backoffice_importbatch b ON b.id = e.batch_id
    WHERE b.kind = 'points' AND b.removed_at IS NOT NULL;
"""
UNDO_VIEWS = "DROP VIEW audit.import_row; DROP VIEW audit.import_batch;"

REASONS = [
    ("missing_earn", "Points of a purchase are missing"), ("wrong_earn", "Wrong points were given"),
    ("wrong_redemption", "Redeemed by mistake"), ("goodwill", "Goodwill"),
    ("grace", "Grace for expired points"),
    ("system_fault", "System fault"), ("debt_paid", "Debt paid from a released hold"),
    ("lapse_undone", "Expiry undone with its earning"), ("opening", "Opening balance"),
    ("import_undone", "Imported deduction undone"), ("other", "Other"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("points", "0014_one_grace_per_lapse"), ("backoffice", "0010_held_imports")]

    operations = [
        migrations.AlterField(
            "adjustment", "reason", models.CharField(choices=REASONS, max_length=32, verbose_name="reason")
        ),
        migrations.RunSQL(
            read(*FUNCTIONS),
            UNDO
            + read("reverse_credit_v2")
            + read_function("adjust_v3", "points_lapse_left_v1")
            + read("decision_v2")
            + UNDO_PAIR
            + read("grants_v4"),
        ),
        migrations.RunSQL(VIEWS, UNDO_VIEWS),
    ]
