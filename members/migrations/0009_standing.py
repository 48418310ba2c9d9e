import django.db.models.deletion
from django.db import migrations, models


APPEND_ONLY = """
CREATE TRIGGER step_up_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON members_stepup
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
UNDO = "DROP TRIGGER step_up_append_only ON members_stepup;"


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0008_receipts_are_facts'),
    ]

    operations = [
        migrations.CreateModel(
            name='MembershipTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=32, unique=True, verbose_name='version')),
                ('effective_from', models.DateTimeField(unique=True, verbose_name='in force from')),
                ('url', models.URLField(blank=True, verbose_name='link')),
                ('must_accept', models.BooleanField(default=True, help_text='On: members who agreed to another version spend points only after they agree to this.', verbose_name='agree before spending')),
            ],
            options={
                'verbose_name': 'terms of membership',
                'verbose_name_plural': 'terms of membership',
                'ordering': ['-effective_from'],
            },
        ),
        migrations.CreateModel(
            name='SecurityAnswer',
            fields=[
                ('member', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='security_answer', serialize=False, to='members.member', verbose_name='member')),
                ('question', models.CharField(max_length=60, verbose_name='security question')),
                ('answer_hash', models.CharField(editable=False, max_length=255)),
                ('updated_at', models.DateTimeField(verbose_name='changed')),
            ],
            options={
                'verbose_name': 'security question',
                'verbose_name_plural': 'security questions',
            },
        ),
        migrations.CreateModel(
            name='StepUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='step_ups', to='members.member', verbose_name='member')),
            ],
            options={
                'verbose_name': 'proof before spending',
                'verbose_name_plural': 'proofs before spending',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['member', '-at'], name='step_up_latest')],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, UNDO),
    ]
