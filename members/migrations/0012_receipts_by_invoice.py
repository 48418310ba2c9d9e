from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index that is built concurrently cannot be built inside a transaction.
    atomic = False

    dependencies = [
        ('backoffice', '0012_counters_count'),
        ('members', '0011_history_goes_with_its_person'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='purchase',
            index=models.Index(condition=models.Q(('invoice_no', ''), _negated=True), fields=['invoice_no'], name='purchase_by_invoice'),
        ),
    ]
