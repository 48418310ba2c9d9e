"""The balances of a member as one answer, for a look and for the till that has just booked."""

from django.db import migrations

from points.sql import read


class Migration(migrations.Migration):
    dependencies = [("points", "0017_deductions_at_once")]

    operations = [migrations.RunSQL(read("summaries_v1"), "DROP FUNCTION points_summaries_v1(bigint)")]
