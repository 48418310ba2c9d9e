import django.db.models.functions.comparison
import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index that is built concurrently cannot be built inside a transaction.
    atomic = False

    dependencies = [
        ('members', '0009_standing'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='member',
            index=models.Index(django.db.models.functions.comparison.Collate(django.db.models.functions.text.Reverse('name'), 'C'), name='member_name_backwards'),
        ),
    ]
