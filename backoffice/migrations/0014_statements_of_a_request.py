"""What every write of the API needs, as functions that the server has planned."""

from django.db import migrations

from backoffice.sql import read

UNDO = """
DROP FUNCTION backoffice_take_v1(text, bigint, timestamptz, bigint);
DROP FUNCTION backoffice_answer_v1(bigint, integer, jsonb);
DROP FUNCTION backoffice_claim_v1(text, text, text, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0013_chosen_passwords")]

    operations = [migrations.RunSQL(read("answers_v1", "limits_v1"), UNDO)]
