"""`audit.purchase`: what an order says that it earned.

`earned` sums the order's awards over all programs, once they are in the ledger: what they gave, less what returns
took back, less what staff undid by hand (a reversal by staff that no return names). A waiting award counts from
the moment its credit is confirmed, because that writes the entry.
"""

from django.db import migrations

VIEW = """
CREATE VIEW audit.purchase AS
    SELECT p.id, p.member_id, p.store_id, p.paid, coalesce(w.earned, 0)::bigint AS earned, p.purchased_at,
           p.source, p.receipt_no
    FROM members_purchase p
    LEFT JOIN (
        SELECT a.purchase_id, sum(a.points - a.returned + coalesce(u.points, 0)) AS earned
        FROM campaigns_award a
        LEFT JOIN points_pendingcredit c ON c.id = a.pending_id
        LEFT JOIN (
            SELECT o.source_id, o.account_id, sum(r.points) AS points
            FROM points_entry r
            JOIN points_entry o ON o.id = r.reverses_id AND o.source_type = 'purchase' AND o.kind = 'earn'
            LEFT JOIN campaigns_awardreturn t ON t.entry_id = r.id
            WHERE r.reverses_id IS NOT NULL AND r.kind = 'reverse_earn' AND r.actor_type = 'staff' AND t.id IS NULL
            GROUP BY o.source_id, o.account_id
        ) u ON u.source_id = a.purchase_id::text AND u.account_id = a.account_id
        WHERE a.status = 'posted' OR (a.status = 'pending' AND c.status = 'confirmed')
        GROUP BY a.purchase_id
    ) w ON w.purchase_id = p.id;
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial"), ("points", "0003_audit_views")]

    operations = [migrations.RunSQL(VIEW, "DROP VIEW audit.purchase;")]
