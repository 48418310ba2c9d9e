import backoffice.models.merchant
import django.contrib.auth.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='Brand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=32, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('time_zone', models.CharField(default='Asia/Taipei', max_length=64, validators=[backoffice.models.merchant.validate_time_zone], verbose_name='time zone')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
            ],
            options={
                'verbose_name': 'brand',
                'verbose_name_plural': 'brands',
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64, unique=True, verbose_name='name')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('detail', models.JSONField(blank=True, default=dict, verbose_name='detail')),
            ],
            options={
                'verbose_name': 'heartbeat',
                'verbose_name_plural': 'heartbeats',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('actor_type', models.CharField(choices=[('member', 'Member'), ('staff', 'Staff'), ('pos', 'Till'), ('job', 'Job')], max_length=10, verbose_name='actor kind')),
                ('actor_id', models.CharField(max_length=64, verbose_name='actor')),
                ('actor_name', models.CharField(blank=True, max_length=150, verbose_name='actor name')),
                ('action', models.CharField(max_length=64, verbose_name='action')),
                ('subject_type', models.CharField(max_length=64, verbose_name='object kind')),
                ('subject_id', models.CharField(max_length=64, verbose_name='object')),
                ('changes', models.JSONField(blank=True, default=dict, verbose_name='changes')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('request_id', models.CharField(blank=True, max_length=64, verbose_name='request')),
            ],
            options={
                'verbose_name': 'audit event',
                'verbose_name_plural': 'audit events',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['subject_type', 'subject_id', '-id'], name='audit_by_subject'), models.Index(fields=['actor_type', 'actor_id', '-id'], name='audit_by_actor')],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client', models.CharField(max_length=64, verbose_name='client')),
                ('key', models.CharField(max_length=128, verbose_name='key')),
                ('request_hash', models.CharField(max_length=64, verbose_name='request hash')),
                ('status', models.PositiveSmallIntegerField(verbose_name='status')),
                ('body', models.JSONField(default=dict, verbose_name='body')),
                ('created_at', models.DateTimeField(verbose_name='created')),
            ],
            options={
                'verbose_name': 'idempotency key',
                'verbose_name_plural': 'idempotency keys',
                'constraints': [models.UniqueConstraint(fields=('client', 'key'), name='idempotency_once')],
            },
        ),
        migrations.CreateModel(
            name='OutboxMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('topic', models.CharField(max_length=64, verbose_name='topic')),
                ('subject_id', models.BigIntegerField(verbose_name='subject')),
                ('payload', models.JSONField(db_default={}, default=dict, verbose_name='payload')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='created')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent')),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='attempts')),
                ('retry_at', models.DateTimeField(blank=True, null=True, verbose_name='next attempt')),
            ],
            options={
                'verbose_name': 'outbox message',
                'verbose_name_plural': 'outbox messages',
                'ordering': ['id'],
                'indexes': [models.Index(condition=models.Q(('sent_at__isnull', True)), fields=['id'], name='outbox_unsent')],
                'constraints': [models.UniqueConstraint(fields=('topic', 'subject_id'), name='outbox_once')],
            },
        ),
        migrations.CreateModel(
            name='Store',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=32, verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('county', models.CharField(blank=True, max_length=20, verbose_name='county or city')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='stores', to='backoffice.brand', verbose_name='brand')),
            ],
            options={
                'verbose_name': 'store',
                'verbose_name_plural': 'stores',
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('name', models.CharField(blank=True, max_length=100, verbose_name='full name')),
                ('reach', models.CharField(choices=[('group', 'Whole group'), ('brand', 'One brand'), ('stores', 'Named stores')], default='stores', max_length=10, verbose_name='reach')),
                ('session_epoch', models.PositiveIntegerField(db_default=0, default=0, editable=False, help_text='Counting it up ends all sessions of this person.', verbose_name='session epoch')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                ('brand', models.ForeignKey(blank=True, help_text='Needed when the reach is one brand.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='staff', to='backoffice.brand', verbose_name='brand')),
                ('stores', models.ManyToManyField(blank=True, related_name='staff', to='backoffice.store', verbose_name='stores')),
            ],
            options={
                'verbose_name': 'staff user',
                'verbose_name_plural': 'staff users',
                'ordering': ['username'],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=64, verbose_name='kind')),
                ('key', models.CharField(max_length=128, unique=True, verbose_name='key')),
                ('params', models.JSONField(default=dict, verbose_name='parameters')),
                ('checkpoint', models.JSONField(blank=True, default=dict, verbose_name='checkpoint')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10, verbose_name='state')),
                ('total', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='total')),
                ('done', models.PositiveBigIntegerField(default=0, verbose_name='done')),
                ('result', models.JSONField(blank=True, default=dict, verbose_name='result')),
                ('error', models.TextField(blank=True, verbose_name='error')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('locked_until', models.DateTimeField(blank=True, null=True, verbose_name='locked until')),
                ('run_at', models.DateTimeField(verbose_name='due')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('started_at', models.DateTimeField(blank=True, null=True, verbose_name='started')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='jobs', to=settings.AUTH_USER_MODEL, verbose_name='asked by')),
            ],
            options={
                'verbose_name': 'job',
                'verbose_name_plural': 'jobs',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['run_at', 'id'], name='job_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(('attempts__lte', 3)), name='job_attempts_bounded')],
            },
        ),
        migrations.AddConstraint(
            model_name='store',
            constraint=models.UniqueConstraint(fields=('brand', 'code'), name='store_code_per_brand'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reach', 'brand'), _negated=True), ('brand__isnull', False), _connector='OR'), name='staff_brand_reach_names_brand', violation_error_message='Choose the brand that this person works for.'),
        ),
    ]
