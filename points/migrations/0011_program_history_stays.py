"""The history of a program's rules says why an award was what it was: nobody rewrites it."""

from django.db import migrations

APPEND_ONLY = """
CREATE TRIGGER program_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON points_programevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("points", "0010_grace_judged_when_booked")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER program_event_append_only ON points_programevent;")
    ]
