"""The ledger's part of `audit`: names and columns that an outsider replays the books by.

`lot.id` is the id of the entry that made the lot. Beyond the agreed columns the views carry what a replay needs:
`account.seq` and `last_hash` (the end of the chain), the rules of each `program`, and `lot_extension`, because
a deadline that moved later must be read as it was when the points were spent.
"""

from django.db import migrations

VIEWS = """
CREATE VIEW audit.program AS
    SELECT id, code, brand_id, time_zone, spendable, circulates, order_of_use, debt_policy FROM points_program;
CREATE VIEW audit.account AS
    SELECT a.id, a.member_id, p.code AS program, a.balance, a.held, a.debt, a.pending, a.seq, a.last_hash,
           a.spend_blocked
    FROM points_account a JOIN points_program p ON p.id = a.program_id;
CREATE VIEW audit.ledger_entry AS
    SELECT id, account_id, member_id, seq, kind, points, balance_after, debt_delta, source_type, source_id,
           reverses_id, hold_id, adjustment_id, actor_type, actor_id, reason, store_id, occurred_at, created_at,
           prev_hash, row_hash
    FROM points_entry;
CREATE VIEW audit.lot AS
    SELECT entry_id AS id, account_id, entry_id, original, remaining, held, available_from, expires_at,
           expired_at, brand_id
    FROM points_lot;
CREATE VIEW audit.lot_use AS SELECT entry_id, lot_id, points FROM points_lotuse;
CREATE VIEW audit.lot_extension AS
    SELECT id, lot_id, expires_from, expires_to, reason, at FROM points_lotextension;
CREATE VIEW audit.hold AS
    SELECT id, account_id, points, status, captured, source_type, source_id, created_at, expires_at, settled_at
    FROM points_hold;
CREATE VIEW audit.hold_lot AS SELECT hold_id, lot_id, points FROM points_holdlot;
CREATE VIEW audit.adjustment AS
    SELECT id, account_id, points, reason, requested_by_id AS requested_by, approved_by_id AS approved_by,
           status, needs_approval, created_at, decided_at, applied_at
    FROM points_adjustment;
CREATE VIEW audit.pending_credit AS
    SELECT id, account_id, kind, original, points, status, source_type, source_id, confirm_at, occurred_at,
           created_at, settled_at
    FROM points_pendingcredit;
CREATE VIEW audit.proof AS
    SELECT id, started_at, finished_at, checks, entries, faults, findings FROM points_proof;
"""

UNDO = """
DROP VIEW audit.proof, audit.pending_credit, audit.adjustment, audit.hold_lot, audit.hold, audit.lot_extension,
    audit.lot_use, audit.lot, audit.ledger_entry, audit.account, audit.program;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("points", "0002_ledger_functions"),
        ("members", "0002_append_only_and_audit_views"),
        ("backoffice", "0002_roles_and_audit_schema"),
    ]

    operations = [migrations.RunSQL(VIEWS, UNDO)]
