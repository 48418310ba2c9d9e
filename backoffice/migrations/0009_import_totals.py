"""What the rows of an import come to: receipts, money, points."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0008_webhooks")]

    operations = [
        migrations.AddField(
            "importbatch",
            "totals",
            models.JSONField(blank=True, db_default={}, default=dict, verbose_name="totals"),
        ),
    ]
