"""Alarms, which nobody can rewrite or delete: only the acknowledgement is written, once."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARD = """
CREATE FUNCTION backoffice_guard_alarm_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.acknowledged_at IS NOT NULL
       OR (to_jsonb(NEW) - ARRAY['acknowledged_at', 'acknowledged_by_id', 'note'])
          <> (to_jsonb(OLD) - ARRAY['acknowledged_at', 'acknowledged_by_id', 'note'])
    THEN
        RAISE EXCEPTION 'backoffice_alarm: what was seen never changes' USING ERRCODE = 'SK090';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER alarm_guard BEFORE UPDATE ON backoffice_alarm
    FOR EACH ROW EXECUTE FUNCTION backoffice_guard_alarm_v1();
CREATE TRIGGER alarm_no_delete BEFORE DELETE OR TRUNCATE ON backoffice_alarm
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

UNDO = """
DROP TRIGGER alarm_no_delete ON backoffice_alarm;
DROP TRIGGER alarm_guard ON backoffice_alarm;
DROP FUNCTION backoffice_guard_alarm_v1();
"""
ACTORS = [("member", "Member"), ("staff", "Staff"), ("pos", "Till"), ("job", "Job")]


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0002_roles_and_audit_schema")]

    operations = [
        migrations.CreateModel(
            name="Alarm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=64, verbose_name="kind")),
                ("key", models.CharField(max_length=128, unique=True, verbose_name="key")),
                ("subject", models.CharField(max_length=200, verbose_name="subject")),
                ("facts", models.JSONField(blank=True, default=dict, verbose_name="facts")),
                ("actor_type", models.CharField(choices=ACTORS, max_length=10, verbose_name="actor kind")),
                ("actor_id", models.CharField(max_length=64, verbose_name="actor")),
                ("raised_at", models.DateTimeField(verbose_name="raised")),
                (
                    "acknowledged_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="acknowledged"),
                ),
                ("note", models.CharField(blank=True, max_length=500, verbose_name="note")),
                (
                    "about",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="about",
                    ),
                ),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="acknowledged by",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="backoffice.store",
                        verbose_name="store",
                    ),
                ),
            ],
            options={
                "verbose_name": "alarm",
                "verbose_name_plural": "alarms",
                "ordering": ["-id"],
            },
        ),
        migrations.AddIndex(
            model_name="alarm",
            index=models.Index(
                condition=models.Q(("acknowledged_at__isnull", True)), fields=["store"], name="alarm_open"
            ),
        ),
        migrations.AddIndex(
            model_name="alarm", index=models.Index(fields=["kind"], name="alarm_by_kind")
        ),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("acknowledged_at__isnull", True), ("acknowledged_by__isnull", True), ("note", "")
                    ),
                    models.Q(("acknowledged_at__isnull", False), ("acknowledged_by__isnull", False)),
                    _connector="OR",
                ),
                name="alarm_acknowledged_by_somebody",
            ),
        ),
        migrations.RunSQL(GUARD, UNDO),
    ]
