"""What a person gives by his own key counts like what he gives by hand."""

from django.db import migrations

from points.sql import read

UNDO = "DROP FUNCTION points_count_grant_v1(bigint, bigint, bigint, points_context);"


class Migration(migrations.Migration):
    dependencies = [("points", "0019_hands_in_files")]

    operations = [migrations.RunSQL(read("count_grant_v1", "grants_v5"), UNDO)]
