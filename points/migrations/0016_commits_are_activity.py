"""Committing a hold is an activity: it moves the deadlines of a sliding program as a plain spend does."""

from django.db import migrations

from points.sql import read

UNDO = "DROP FUNCTION points_capture_v2(bigint, bigint, text, text, timestamptz, points_context);\n"


class Migration(migrations.Migration):
    dependencies = [("points", "0015_point_files")]

    operations = [migrations.RunSQL(read("capture_v2", "grants_v5"), UNDO + read("grants_v4"))]
