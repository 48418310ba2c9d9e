"""Who confirmed an import and who decided how it is read; none of them approves it."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

# Those that wait just now were confirmed by somebody, too; the trail knows by whom.
WAITING = """
UPDATE backoffice_importbatch b SET confirmer_id = said.user_id
FROM (
    SELECT DISTINCT ON (e.subject_id) e.subject_id::bigint AS batch_id, u.id AS user_id
    FROM backoffice_auditevent e JOIN backoffice_user u ON u.id::text = e.actor_id
    WHERE e.action = 'import.confirm' AND e.subject_type = 'backoffice.importbatch' AND e.actor_type = 'staff'
    ORDER BY e.subject_id, e.id DESC
) said
WHERE b.id = said.batch_id AND b.state = 'waiting'
"""


class Migration(migrations.Migration):
    # The constraint is checked apart from being made, so that nobody waits meanwhile.
    atomic = False
    dependencies = [("backoffice", "0016_notices")]

    operations = [
        migrations.AddField(
            "importbatch",
            "deciders",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                db_default=[],
                default=list,
                size=None,
                verbose_name="decided by",
            ),
        ),
        migrations.AddField(
            "importbatch",
            "confirmer",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="confirmed_imports",
                to=settings.AUTH_USER_MODEL,
                verbose_name="confirmed by",
            ),
        ),
        migrations.RunSQL(WAITING, migrations.RunSQL.noop),
        AddConstraintNotValid(
            "importbatch",
            models.CheckConstraint(
                condition=models.Q(approver=None)
                | (
                    ~models.Q(approver=models.F("confirmer"))
                    & ~models.Q(deciders__contains=[models.F("approver")])
                ),
                name="import_approver_had_no_hand",
            ),
        ),
        ValidateConstraint("importbatch", "import_approver_had_no_hand"),
    ]
