import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = """
CREATE TRIGGER login_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON backoffice_loginevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('backoffice', '0003_alarms'),
    ]

    operations = [
        migrations.CreateModel(
            name='LoginEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('kind', models.CharField(choices=[('signed_in', 'Signed in'), ('code_awaited', 'Password right, code awaited'), ('wrong_password', 'Wrong name or password'), ('wrong_code', 'Wrong code'), ('locked', 'Locked after too many tries'), ('proved', 'Confirmed own identity again'), ('signed_out', 'Signed out'), ('timed_out', 'Session ran out'), ('factor_added', 'Second factor set up'), ('factor_removed', 'Second factor removed'), ('factor_reset', 'Second factor reset by an administrator'), ('codes_renewed', 'Recovery codes renewed'), ('password_changed', 'Password changed'), ('password_reset', 'Password reset by an administrator')], max_length=20, verbose_name='event')),
                ('method', models.CharField(blank=True, choices=[('password', 'Password'), ('totp', 'Code of the app'), ('recovery_code', 'Recovery code')], max_length=20, verbose_name='proven by')),
                ('address', models.GenericIPAddressField(blank=True, null=True, verbose_name='network address')),
                ('request_id', models.CharField(blank=True, max_length=64, verbose_name='request')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='login_events', to=settings.AUTH_USER_MODEL, verbose_name='staff user')),
            ],
            options={
                'verbose_name': 'sign-in event',
                'verbose_name_plural': 'sign-in events',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['user', '-id'], name='login_event_by_user')],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER login_event_append_only ON backoffice_loginevent;"),
    ]
