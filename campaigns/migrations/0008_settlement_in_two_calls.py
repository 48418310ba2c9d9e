"""A receipt is settled by two calls: what it meets, and what it gives."""

from django.db import migrations

from campaigns.sql import read

UNDO = """
DROP FUNCTION campaigns_settle_receipt_v1(jsonb, jsonb, jsonb, bigint, text, text, bigint, timestamptz);
DROP FUNCTION campaigns_meet_receipt_v1(bigint, text, bigint, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0007_receipts_find_their_member"),
        ("backoffice", "0014_statements_of_a_request"),
        ("members", "0013_receipt_in_one_call"),
        ("points", "0015_point_files"),
    ]

    operations = [migrations.RunSQL(read("settle_v1"), UNDO)]
