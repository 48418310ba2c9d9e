"""What two people approve for each other counts for everybody who had a hand in a file."""

from django.db import migrations

from points.sql import read, read_function


class Migration(migrations.Migration):
    dependencies = [("points", "0018_balances_in_one_answer"), ("backoffice", "0017_hands_in_imports")]

    operations = [
        migrations.RunSQL(
            read("file_decision_v2"), read_function("file_decision_v1", "points_approved_for_v1")
        )
    ]
