"""Deductions of files are decided row by row and written at once."""

from django.db import migrations

from points.sql import read

UNDO = "DROP FUNCTION points_deduct_many_v2(jsonb, points_context);\n"


class Migration(migrations.Migration):
    dependencies = [("points", "0016_commits_are_activity")]

    operations = [migrations.RunSQL(read("deduct_many_v2", "grants_v5"), UNDO)]
