"""A till's receipt opens with its key, and what it books is told with the balances that it leaves."""

from django.db import migrations

from campaigns.sql import read

UNDO = """
DROP FUNCTION campaigns_settle_receipt_v2(
    jsonb, jsonb, jsonb, bigint, text, text, bigint, timestamptz, boolean);
DROP FUNCTION campaigns_open_receipt_v1(text, text, text, timestamptz, bigint, text, bigint, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0008_settlement_in_two_calls"),
        ("points", "0018_balances_in_one_answer"),
    ]

    operations = [migrations.RunSQL(read("settle_v2"), UNDO)]
