"""An approved import may have to wait for its time, and counts meanwhile as one that is on its way."""

from django.db import migrations, models

STATES = [
    ("uploaded", "Being looked at"), ("understood", "To be checked"), ("checking", "Being checked"),
    ("checked", "To be confirmed"), ("waiting", "Waits for approval"), ("held", "Waits for its time"),
    ("applying", "Being applied"), ("applied", "Brought in"), ("undoing", "Being undone"),
    ("undone", "Undone"), ("dropped", "Dropped"), ("failed", "Refused"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0009_import_totals")]

    operations = [
        migrations.AlterField(
            "importbatch",
            "state",
            models.CharField(choices=STATES, default="uploaded", max_length=10, verbose_name="status"),
        ),
        migrations.AddField(
            "importbatch",
            "held_until",
            models.DateTimeField(blank=True, null=True, verbose_name="held until"),
        ),
        migrations.RemoveConstraint("importbatch", "import_content_applied_once"),
        migrations.AddConstraint(
            "importbatch",
            models.UniqueConstraint(
                condition=models.Q(("state__in", ["waiting", "held", "applying", "applied"])),
                fields=("kind", "content_hash", "repetition"),
                name="import_content_applied_once",
            ),
        ),
    ]
