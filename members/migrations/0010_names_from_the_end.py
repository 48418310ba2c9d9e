import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0009_standing'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='member',
            index=models.Index(django.db.models.functions.comparison.Collate(django.db.models.functions.text.Reverse('name'), 'C'), name='member_name_backwards'),
        ),
    ]
