"""The end of a hold leaves a message in the outbox."""

from django.db import migrations

from points.sql import read


class Migration(migrations.Migration):
    dependencies = [("points", "0008_limits_in_the_ledger"), ("backoffice", "0008_webhooks")]

    operations = [
        migrations.RunSQL(
            read("hold_ended_v1"),
            "DROP TRIGGER hold_ended ON points_hold; DROP FUNCTION points_tell_hold_ended_v1();",
        )
    ]
