"""One grace a lapse, whatever the keys of its requests are; built beside the running desk."""

from django.db import migrations, models

INDEX = """
CREATE UNIQUE INDEX CONCURRENTLY one_grace_per_lapse ON points_adjustment (lapse_id)
    WHERE lapse_id IS NOT NULL AND NOT (status = 'rejected');
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("points", "0013_limits_per_person")]

    operations = [
        migrations.RunSQL(
            INDEX,
            "DROP INDEX CONCURRENTLY one_grace_per_lapse;",
            state_operations=[
                migrations.AddConstraint(
                    "adjustment",
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("lapse__isnull", False), models.Q(("status", "rejected"), _negated=True)
                        ),
                        fields=("lapse",),
                        name="one_grace_per_lapse",
                    ),
                )
            ],
        )
    ]
