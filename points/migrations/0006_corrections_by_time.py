"""Reports about corrections ask for a period, and for what somebody did today."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("points", "0005_daily_totals")]

    operations = [
        AddIndexConcurrently(
            model_name="adjustment",
            index=models.Index(
                condition=models.Q(("status", "applied")), fields=["applied_at"], name="adjustment_applied"
            ),
        )
    ]
