"""What two people approve for each other counts together, however small the pieces are."""

from django.db import migrations

from points.sql import read, read_function


class Migration(migrations.Migration):
    dependencies = [("points", "0011_program_history_stays")]

    operations = [
        migrations.RunSQL(read("decision_v2"), read_function("limits_v1", "points_check_decision_v1"))
    ]
