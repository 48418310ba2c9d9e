"""Whoever got his password from somebody else chooses another before anything else opens."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0012_counters_count")]

    operations = [
        migrations.AddField(
            "user",
            "must_choose_password",
            models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="Somebody else knows the present one; nothing else opens before it is changed.",
                verbose_name="has to choose a password",
            ),
        )
    ]
