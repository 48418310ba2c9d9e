"""Grace is judged under the account's lock: what was undone of a lapse meanwhile is not given once more."""

from django.db import migrations

from points.sql import read

UNDO = """
DROP FUNCTION points_adjust_v3(bigint, timestamptz, points_context);
DROP FUNCTION points_lapse_left_v1(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("points", "0009_ended_holds_are_told")]

    operations = [migrations.RunSQL(read("adjust_v3", "grants_v3"), UNDO + read("grants_v2"))]
