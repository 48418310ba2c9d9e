"""A key may give points."""

import django.contrib.postgres.fields
from django.db import migrations, models

SCOPES = [
    ("members.read", "Look members up"), ("members.write", "Sign members up"),
    ("purchases.write", "Post purchases and returns"), ("points.spend", "Quote, hold and spend points"), ("points.grant", "Give points"),
    ("corrections.ask", "Ask for corrections"), ("reports.read", "Read day reports"),
    ("imports.write", "Bring files in"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0017_hands_in_imports")]

    operations = [
        migrations.AlterField(
            "apikey",
            "scopes",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(choices=SCOPES, max_length=32),
                default=list,
                size=None,
                verbose_name="may",
            ),
        ),
    ]
