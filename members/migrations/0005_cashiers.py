"""Who stood at the till, and the indexes by which reports find a period."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("members", "0004_sign_in_and_belongings")]

    operations = [
        migrations.AddField(
            model_name="purchase",
            name="cashier",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The code of the person at the till, as the till tells it.",
                max_length=32,
                verbose_name="cashier",
            ),
        ),
        AddIndexConcurrently(
            model_name="purchase",
            index=BrinIndex(autosummarize=True, fields=["purchased_at"], name="purchase_by_time"),
        ),
        AddIndexConcurrently(
            model_name="member", index=models.Index(fields=["joined_at"], name="member_joined")
        ),
    ]
