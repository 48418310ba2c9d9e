"""An approved import may have to wait for its time, and counts meanwhile as one that is on its way."""

from django.db import migrations, models

STATES = [
    ("uploaded", "Being looked at"), ("understood", "To be checked"), ("checking", "Being checked"),
    ("checked", "To be confirmed"), ("waiting", "Waits for approval"), ("held", "Waits for its time"),
    ("applying", "Being applied"), ("applied", "Brought in"), ("undoing", "Being undone"),
    ("undone", "Undone"), ("dropped", "Dropped"), ("failed", "Refused"),
]  # fmt: skip


NAME = "import_content_applied_once"


def exchange(states: str) -> list[str]:
    """The index with other states, built beside the old one and put in its place: nobody waits for it."""
    return [
        f"CREATE UNIQUE INDEX CONCURRENTLY {NAME}_new ON backoffice_importbatch (kind, content_hash, repetition)"
        f" WHERE state IN ({states})",
        f"DROP INDEX CONCURRENTLY {NAME}",
        f"ALTER INDEX {NAME}_new RENAME TO {NAME}",
    ]


class Migration(migrations.Migration):
    # An index that is built concurrently cannot be built inside a transaction.
    atomic = False
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
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    exchange("'waiting', 'held', 'applying', 'applied'"),
                    exchange("'waiting', 'applying', 'applied'"),
                )
            ],
            state_operations=[
                migrations.RemoveConstraint("importbatch", NAME),
                migrations.AddConstraint(
                    "importbatch",
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["waiting", "held", "applying", "applied"])),
                        fields=("kind", "content_hash", "repetition"),
                        name=NAME,
                    ),
                ),
            ],
        ),
    ]
