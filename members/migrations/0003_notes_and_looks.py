"""Staff notes, which only an erasure may blank, and the counter of looks at members."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = """
CREATE FUNCTION members_note_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An erasure takes the words out; who wrote when, and what was struck, stays.
    IF TG_OP = 'UPDATE' AND NEW.text = '' AND (to_jsonb(NEW) - 'text') = (to_jsonb(OLD) - 'text') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'members_membernote is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER note_append_only BEFORE UPDATE OR DELETE ON members_membernote
    FOR EACH ROW EXECUTE FUNCTION members_note_guard();
CREATE TRIGGER note_no_truncate BEFORE TRUNCATE ON members_membernote
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
TAKE_BACK = """
DROP TRIGGER note_no_truncate ON members_membernote;
DROP TRIGGER note_append_only ON members_membernote;
DROP FUNCTION members_note_guard();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0002_append_only_and_audit_views"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LookCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.DateTimeField(verbose_name="hour")),
                ("pages", models.PositiveIntegerField(db_default=0, default=0, verbose_name="member pages")),
                ("unmaskings", models.PositiveIntegerField(db_default=0, default=0, verbose_name="unmaskings")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="staff user")),
            ],
            options={
                "verbose_name": "looks per hour",
                "verbose_name_plural": "looks per hour",
                "constraints": [models.UniqueConstraint(fields=("user", "hour"), name="look_count_once")],
            },
        ),
        migrations.CreateModel(
            name="MemberNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("general", "General"), ("request", "Request"), ("complaint", "Complaint"), ("care", "Please note"), ("struck", "Note struck out")], default="general", max_length=10, verbose_name="kind")),
                ("text", models.CharField(blank=True, max_length=1000, verbose_name="text")),
                ("at", models.DateTimeField(verbose_name="time")),
                ("author", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="author")),
                ("member", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="members.member", verbose_name="member")),
                ("strikes", models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="struck_by", to="members.membernote", verbose_name="strikes out")),
            ],
            options={
                "verbose_name": "staff note",
                "verbose_name_plural": "staff notes",
                "ordering": ["-at", "-id"],
                "indexes": [models.Index(fields=["member", "-at", "-id"], name="note_of_member")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "struck"), ("strikes__isnull", False)),
                            models.Q(models.Q(("kind", "struck"), _negated=True), ("strikes__isnull", True)),
                            _connector="OR",
                        ),
                        name="note_struck_names_its_note",
                    )
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, TAKE_BACK),
    ]
