"""Points that services give: grants, what was taken back of them, and the function that gives."""

from decimal import Decimal

import django.db.models.deletion
from django.db import migrations, models

from campaigns.sql import read

GUARDS = """
CREATE TRIGGER grant_cancel_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON campaigns_grantcancel
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER grant_no_delete BEFORE DELETE OR TRUNCATE ON campaigns_grant
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What was given is history. Waiting points may find their entry or their end, and may move to the account of the
-- member that their owner has become.
CREATE FUNCTION campaigns_guard_grant_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'campaigns_grant: what was given is history' USING ERRCODE = 'SK097';
END $$;
CREATE TRIGGER grant_guard BEFORE UPDATE ON campaigns_grant FOR EACH ROW
    WHEN (OLD.status <> 'pending' OR (OLD.id, OLD.brand_id, OLD.number, OLD.key_id, OLD.points, OLD.service, OLD.reason,
            OLD.told, OLD.occurred_at, OLD.created_at)
        IS DISTINCT FROM (NEW.id, NEW.brand_id, NEW.number, NEW.key_id, NEW.points, NEW.service, NEW.reason, NEW.told,
            NEW.occurred_at, NEW.created_at))
    EXECUTE FUNCTION campaigns_guard_grant_v1();
"""

UNDO_GUARDS = """
DROP TRIGGER grant_guard ON campaigns_grant;
DROP FUNCTION campaigns_guard_grant_v1();
DROP TRIGGER grant_no_delete ON campaigns_grant;
DROP TRIGGER grant_cancel_append_only ON campaigns_grantcancel;
"""

UNDO = """
DROP FUNCTION campaigns_grant_v1(
    text, text, text, timestamptz, jsonb, bigint, text, timestamptz, text, text, bigint, timestamptz, jsonb);
DROP FUNCTION campaigns_program_for_v1(bigint, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0018_keys_give_points"),
        ("campaigns", "0009_receipt_opens_with_its_key"),
        ("points", "0020_grants_of_people_count"),
    ]

    operations = [
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.CharField(max_length=64, verbose_name="number")),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("service", models.CharField(max_length=32, verbose_name="service")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                ("told", models.CharField(editable=False, max_length=64)),
                ("occurred_at", models.DateTimeField(verbose_name="happened")),
                ("created_at", models.DateTimeField(verbose_name="booked")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("nothing", "No points"),
                            ("pending", "Waiting"),
                            ("posted", "Posted"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="points.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "brand",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="backoffice.brand",
                        verbose_name="brand",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="points.entry",
                        verbose_name="entry",
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="backoffice.apikey",
                        verbose_name="API key",
                    ),
                ),
                (
                    "pending",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="points.pendingcredit",
                        verbose_name="waiting points",
                    ),
                ),
            ],
            options={
                "verbose_name": "grant of points",
                "verbose_name_plural": "grants of points",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="GrantCancel",
            fields=[
                (
                    "grant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="cancel",
                        serialize=False,
                        to="campaigns.grant",
                        verbose_name="grant of points",
                    ),
                ),
                ("asked", models.BigIntegerField(verbose_name="points due back")),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("debt", models.BigIntegerField(default=0, verbose_name="debt")),
                (
                    "withheld",
                    models.DecimalField(
                        decimal_places=2, default=Decimal("0.00"), max_digits=12, verbose_name="withheld NT$"
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                (
                    "actor_type",
                    models.CharField(
                        choices=[("member", "Member"), ("staff", "Staff"), ("pos", "Till"), ("job", "Job")],
                        max_length=10,
                        verbose_name="actor kind",
                    ),
                ),
                ("actor_id", models.CharField(max_length=64, verbose_name="actor")),
                ("at", models.DateTimeField(verbose_name="time")),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="points.entry",
                        verbose_name="entry",
                    ),
                ),
            ],
            options={
                "verbose_name": "cancelled grant of points",
                "verbose_name_plural": "cancelled grants of points",
            },
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("status", "pending")), fields=["account"], name="grant_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.UniqueConstraint(fields=("number", "brand"), name="grant_once"),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(condition=models.Q(("points__gte", 1)), name="grant_gives"),
        ),
        migrations.AddConstraint(
            model_name="grantcancel",
            constraint=models.CheckConstraint(
                condition=models.Q(("points__gte", 0), ("points__lte", models.F("asked"))),
                name="grant_cancel_within_bounds",
            ),
        ),
        migrations.RunSQL(GUARDS, UNDO_GUARDS),
        migrations.RunSQL(read("grant_v1"), UNDO),
    ]
