"""A receipt with its lines and tenders is stored by one call, however many they are."""

from django.db import migrations

from members.sql import read


class Migration(migrations.Migration):
    dependencies = [("members", "0012_receipts_by_invoice")]

    operations = [
        migrations.RunSQL(read("receipt_v1"), "DROP FUNCTION members_record_receipt_v1(jsonb, timestamptz);")
    ]
