"""Daily totals of the ledger, the function that adds it up, and the auditor's look at them."""

import django.db.models.deletion
from django.db import migrations, models

from points.sql import read

KINDS = [
    ("earn", "Earned"),
    ("bonus", "Bonus"),
    ("spend", "Redeemed"),
    ("expire", "Expired"),
    ("adjust", "Corrected"),
    ("reverse_earn", "Earning undone"),
    ("refund_spend", "Redemption undone"),
    ("transfer", "Transferred"),
    ("import", "Imported"),
]

UNDO = """
DROP TRIGGER settlement_total_append_only ON points_settlementtotal;
DROP TRIGGER day_total_append_only ON points_daytotal;
DROP TRIGGER fold_append_only ON points_fold;
DROP FUNCTION points_fold_v1(bigint, xid8, bigint, timestamptz);
"""

VIEWS = """
CREATE VIEW audit.ledger_fold AS SELECT id, last_entry, entries, at FROM points_fold;
CREATE VIEW audit.day_total AS
    SELECT t.fold_id, t.day, p.code AS program, t.store_id, t.issuer_id, t.kind, t.points, t.debt, t.entries
    FROM points_daytotal t JOIN points_program p ON p.id = t.program_id;
CREATE VIEW audit.settlement_total AS
    SELECT t.fold_id, t.day, p.code AS program, t.issuer_id, t.store_id, t.points
    FROM points_settlementtotal t JOIN points_program p ON p.id = t.program_id;
"""


def key() -> tuple[str, models.Field]:
    return (
        "id",
        models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
    )


def towards(to: str, name: str, *, related: str = "+", **values: object) -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related,
        to=to,
        verbose_name=name,
        **values,
    )


def maybe(to: str, name: str) -> models.ForeignKey:
    return towards(to, name, blank=True, null=True)


class Migration(migrations.Migration):
    dependencies = [("points", "0004_lot_uses_proven_by_trigger"), ("backoffice", "0003_alarms")]

    operations = [
        migrations.CreateModel(
            name="Fold",
            fields=[
                key(),
                ("last_entry", models.BigIntegerField(unique=True, verbose_name="up to entry")),
                ("entries", models.BigIntegerField(verbose_name="entries")),
                ("at", models.DateTimeField(verbose_name="time")),
            ],
            options={
                "verbose_name": "run of the daily totals",
                "verbose_name_plural": "runs of the daily totals",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="DayTotal",
            fields=[
                key(),
                ("day", models.DateField(verbose_name="day")),
                ("kind", models.CharField(choices=KINDS, max_length=15, verbose_name="kind")),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("debt", models.BigIntegerField(verbose_name="debt change")),
                ("entries", models.BigIntegerField(verbose_name="entries")),
                ("fold", towards("points.fold", "run", related="totals")),
                ("issuer", maybe("backoffice.brand", "issuer")),
                ("program", towards("points.program", "points program")),
                ("store", maybe("backoffice.store", "store")),
            ],
            options={"verbose_name": "daily total", "verbose_name_plural": "daily totals"},
        ),
        migrations.CreateModel(
            name="SettlementTotal",
            fields=[
                key(),
                ("day", models.DateField(verbose_name="day")),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("fold", towards("points.fold", "run", related="settlements")),
                ("issuer", maybe("backoffice.brand", "issuer")),
                ("program", towards("points.program", "points program")),
                ("store", maybe("backoffice.store", "redeemed at")),
            ],
            options={"verbose_name": "daily settlement", "verbose_name_plural": "daily settlements"},
        ),
        migrations.AddConstraint(
            model_name="daytotal",
            constraint=models.UniqueConstraint(
                fields=("program", "day", "fold", "kind", "store", "issuer"),
                name="day_total_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementtotal",
            constraint=models.UniqueConstraint(
                fields=("program", "day", "fold", "issuer", "store"),
                name="settlement_total_once",
                nulls_distinct=False,
            ),
        ),
        migrations.RunSQL(read("fold_v1"), UNDO),
        migrations.RunSQL(
            VIEWS, "DROP VIEW audit.settlement_total, audit.day_total, audit.ledger_fold;"
        ),
    ]
