"""The functions that hold staff to their limits, members to a verified phone, and holds to an end."""

from django.db import migrations

from points.sql import read, read_function

FUNCTIONS = ("limits_v1", "adjust_v2", "spend_v2", "hold_v2", "unnoticed_v2", "grants_v2")

# One row for every role that may correct points, and one for all others; the house's numbers.
ROWS = """
INSERT INTO points_correctionlimit
    (role, per_request, per_receiver_day, per_clerk_day, per_store_day, mutual_above, mutual_days)
SELECT role, 1000, 5000, 5000, 20000, 3000, 30 FROM unnest(ARRAY['', 'clerk', 'manager', 'support']) AS role;
"""

UNDO = """
DROP FUNCTION points_hold_v2(bigint, bigint, text, text, timestamptz, points_context);
DROP FUNCTION points_spend_v2(bigint, bigint, text, text, timestamptz, points_context);
DROP FUNCTION points_adjust_v2(bigint, timestamptz, points_context);
DROP FUNCTION points_check_decision_v1(points_adjustment, points_context);
DROP FUNCTION points_count_given_v1(points_adjustment, bigint, bigint, bigint, points_context);
DROP FUNCTION points_own_card_v1(bigint, bigint);
DROP FUNCTION points_limits_v1(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("points", "0007_correction_limits"), ("backoffice", "0003_alarms")]

    operations = [
        migrations.RunSQL(
            read(*FUNCTIONS),
            UNDO
            + read_function("spend_v1", "points_check_spendable_v1")
            + read_function("expire_v1", "points_unnoticed_v1")
            + read("grants_v1"),
        ),
        migrations.RunSQL(ROWS, "DELETE FROM points_correctionlimit;"),
    ]
