"""Jobs wait for each other where they have the same target, can be paused, and know how long they worked."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0004_sign_in_events")]

    operations = [
        migrations.AddField(
            "job",
            "target",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Jobs with the same target run one after the other, in the order in which they were asked for.",
                max_length=64,
                verbose_name="target",
            ),
        ),
        migrations.AddField(
            "job",
            "busy_ms",
            models.PositiveBigIntegerField(db_default=0, default=0, verbose_name="time worked (ms)"),
        ),
        migrations.AlterField(
            "job",
            "state",
            models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                    ("paused", "Paused"),
                ],
                default="queued",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AddIndex(
            "job",
            models.Index(
                condition=Q(("state__in", ["queued", "running"])) & ~Q(("target", "")),
                fields=["target", "id"],
                name="job_target",
            ),
        ),
        migrations.AddConstraint(
            "job",
            models.UniqueConstraint(
                condition=Q(("state", "running")) & ~Q(("target", "")),
                fields=("target",),
                name="job_one_running_per_target",
            ),
        ),
    ]
