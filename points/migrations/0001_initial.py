import backoffice.models.merchant
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('backoffice', '0001_initial'),
        ('backoffice', '__first__'),
        ('members', '0002_append_only_and_audit_views'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.BigIntegerField(verbose_name='number')),
                ('kind', models.CharField(choices=[('earn', 'Earned'), ('bonus', 'Bonus'), ('spend', 'Redeemed'), ('expire', 'Expired'), ('adjust', 'Corrected'), ('reverse_earn', 'Earning undone'), ('refund_spend', 'Redemption undone'), ('transfer', 'Transferred'), ('import', 'Imported')], max_length=15, verbose_name='kind')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('balance_after', models.BigIntegerField(verbose_name='balance after')),
                ('debt_delta', models.BigIntegerField(default=0, verbose_name='debt change')),
                ('source_type', models.CharField(max_length=32, verbose_name='source kind')),
                ('source_id', models.CharField(max_length=64, verbose_name='source')),
                ('actor_type', models.CharField(choices=[('member', 'Member'), ('staff', 'Staff'), ('pos', 'Till'), ('job', 'Job')], max_length=10, verbose_name='actor kind')),
                ('actor_id', models.CharField(max_length=64, verbose_name='actor')),
                ('reason', models.CharField(blank=True, max_length=32, verbose_name='reason')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('explanation', models.JSONField(default=dict, verbose_name='explanation')),
                ('occurred_at', models.DateTimeField(verbose_name='happened')),
                ('created_at', models.DateTimeField(verbose_name='booked')),
                ('prev_hash', models.BinaryField()),
                ('row_hash', models.BinaryField()),
            ],
            options={
                'verbose_name': 'ledger entry',
                'verbose_name_plural': 'ledger entries',
                'ordering': ['-id'],
                'constraints': [],
            },
        ),
        migrations.CreateModel(
            name='LotExtension',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('expires_from', models.DateTimeField(verbose_name='from')),
                ('expires_to', models.DateTimeField(verbose_name='to')),
                ('reason', models.CharField(max_length=32, verbose_name='reason')),
                ('at', models.DateTimeField(verbose_name='time')),
            ],
            options={
                'verbose_name': 'moved deadline',
                'verbose_name_plural': 'moved deadlines',
            },
        ),
        migrations.CreateModel(
            name='Proof',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('finished_at', models.DateTimeField(verbose_name='finished')),
                ('checks', models.PositiveSmallIntegerField(verbose_name='checks')),
                ('entries', models.BigIntegerField(verbose_name='entries')),
                ('faults', models.PositiveIntegerField(verbose_name='faults')),
                ('findings', models.JSONField(default=list, verbose_name='findings')),
            ],
            options={
                'verbose_name': 'proof of the books',
                'verbose_name_plural': 'proofs of the books',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('balance', models.BigIntegerField(db_default=0, default=0, editable=False, verbose_name='balance')),
                ('held', models.BigIntegerField(db_default=0, default=0, editable=False, verbose_name='held')),
                ('debt', models.BigIntegerField(db_default=0, default=0, editable=False, verbose_name='debt')),
                ('pending', models.BigIntegerField(db_default=0, default=0, editable=False, verbose_name='waiting')),
                ('seq', models.BigIntegerField(db_default=0, default=0, editable=False, verbose_name='entries')),
                ('last_hash', models.BinaryField(db_default=b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00', default=b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00')),
                ('spend_blocked', models.BooleanField(db_default=False, default=False, verbose_name='spending blocked')),
                ('opened_at', models.DateTimeField(verbose_name='opened')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='members.member', verbose_name='member')),
            ],
            options={
                'verbose_name': 'points account',
                'verbose_name_plural': 'points accounts',
            },
        ),
        migrations.CreateModel(
            name='Adjustment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('reason', models.CharField(choices=[('missing_earn', 'Points of a purchase are missing'), ('wrong_earn', 'Wrong points were given'), ('wrong_redemption', 'Redeemed by mistake'), ('goodwill', 'Goodwill'), ('grace', 'Grace for expired points'), ('system_fault', 'System fault'), ('debt_paid', 'Debt paid from a released hold'), ('lapse_undone', 'Expiry undone with its earning'), ('other', 'Other')], max_length=32, verbose_name='reason')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('key', models.CharField(max_length=128, unique=True, verbose_name='key')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('pending', 'Waiting for approval'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('applied', 'Applied')], default='draft', max_length=10, verbose_name='status')),
                ('needs_approval', models.BooleanField(default=False, verbose_name='needs a second person')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='points expire')),
                ('created_at', models.DateTimeField(verbose_name='asked')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('applied_at', models.DateTimeField(blank=True, null=True, verbose_name='applied')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='adjustments', to='points.account', verbose_name='account')),
                ('approved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked by')),
            ],
            options={
                'verbose_name': 'correction',
                'verbose_name_plural': 'corrections',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Lot',
            fields=[
                ('entry', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='lot', serialize=False, to='points.entry', verbose_name='entry')),
                ('original', models.BigIntegerField(verbose_name='points at first')),
                ('remaining', models.BigIntegerField(verbose_name='points left')),
                ('held', models.BigIntegerField(db_default=0, default=0, verbose_name='held')),
                ('available_from', models.DateTimeField(verbose_name='usable from')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires')),
                ('expired_at', models.DateTimeField(blank=True, null=True, verbose_name='expired')),
            ],
            options={
                'verbose_name': 'lot',
                'verbose_name_plural': 'lots',
            },
        ),
        migrations.AddField(
            model_name='entry',
            name='account',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='points.account', verbose_name='account'),
        ),
        migrations.AddField(
            model_name='entry',
            name='adjustment',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='points.adjustment', verbose_name='correction'),
        ),
        migrations.AddField(
            model_name='entry',
            name='member',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='members.member', verbose_name='member'),
        ),
        migrations.AddField(
            model_name='entry',
            name='reverses',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversals', to='points.entry', verbose_name='undoes'),
        ),
        migrations.AddField(
            model_name='entry',
            name='store',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='backoffice.store', verbose_name='store'),
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('captured', models.BigIntegerField(db_default=0, default=0, verbose_name='captured')),
                ('status', models.CharField(choices=[('open', 'Open'), ('captured', 'Captured'), ('voided', 'Released'), ('expired', 'Lapsed')], default='open', max_length=10, verbose_name='status')),
                ('source_type', models.CharField(max_length=32, verbose_name='source kind')),
                ('source_id', models.CharField(max_length=64, verbose_name='source')),
                ('actor_type', models.CharField(choices=[('member', 'Member'), ('staff', 'Staff'), ('pos', 'Till'), ('job', 'Job')], max_length=10, verbose_name='actor kind')),
                ('actor_id', models.CharField(max_length=64, verbose_name='actor')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('expires_at', models.DateTimeField(verbose_name='lapses')),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='points.account', verbose_name='account')),
                ('store', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='backoffice.store', verbose_name='store')),
            ],
            options={
                'verbose_name': 'hold',
                'verbose_name_plural': 'holds',
                'ordering': ['-id'],
            },
        ),
        migrations.AddField(
            model_name='entry',
            name='hold',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='points.hold', verbose_name='hold'),
        ),
        migrations.CreateModel(
            name='PendingCredit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('earn', 'Earned'), ('bonus', 'Bonus'), ('import', 'Imported')], max_length=15, verbose_name='kind')),
                ('original', models.BigIntegerField(verbose_name='points at first')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('status', models.CharField(choices=[('open', 'Waiting'), ('confirmed', 'Confirmed'), ('cancelled', 'Cancelled')], default='open', max_length=10, verbose_name='status')),
                ('source_type', models.CharField(max_length=32, verbose_name='source kind')),
                ('source_id', models.CharField(max_length=64, verbose_name='source')),
                ('confirm_at', models.DateTimeField(verbose_name='confirmed from')),
                ('occurred_at', models.DateTimeField(verbose_name='happened')),
                ('created_at', models.DateTimeField(verbose_name='booked')),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled')),
                ('explanation', models.JSONField(default=dict, verbose_name='explanation')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pending_credits', to='points.account', verbose_name='account')),
                ('brand', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='backoffice.brand', verbose_name='issuer')),
                ('store', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='backoffice.store', verbose_name='store')),
            ],
            options={
                'verbose_name': 'waiting points',
                'verbose_name_plural': 'waiting points',
                'ordering': ['confirm_at'],
            },
        ),
        migrations.CreateModel(
            name='Program',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=32, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('unit', models.CharField(default='點', max_length=20, verbose_name='unit')),
                ('time_zone', models.CharField(default='Asia/Taipei', max_length=64, validators=[backoffice.models.merchant.validate_time_zone], verbose_name='time zone')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('is_default', models.BooleanField(default=False, verbose_name='default program')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='version of the rules')),
                ('spendable', models.BooleanField(default=True, help_text='Off: a growth value that only counts.', verbose_name='spendable')),
                ('circulates', models.BooleanField(default=True, help_text='Points earned at one brand pay at another.', verbose_name='spendable at other brands')),
                ('cash_points', models.PositiveIntegerField(default=1, help_text='This many points …', validators=[django.core.validators.MinValueValidator(1)], verbose_name='points')),
                ('cash_amount', models.DecimalField(decimal_places=2, default=Decimal('1.00'), help_text='… are worth this much.', max_digits=12, validators=[django.core.validators.MinValueValidator(0)], verbose_name='worth NT$')),
                ('spend_step', models.PositiveIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='spent in steps of')),
                ('min_spend', models.PositiveIntegerField(default=0, verbose_name='least points per bill')),
                ('max_spend', models.PositiveIntegerField(blank=True, null=True, verbose_name='most points per bill')),
                ('max_share_percent', models.PositiveSmallIntegerField(default=100, verbose_name='most of a bill, percent')),
                ('order_of_use', models.CharField(choices=[('expiring_first', 'First to expire first'), ('oldest_first', 'Oldest first')], default='expiring_first', max_length=20, verbose_name='order of use')),
                ('earn_amount', models.DecimalField(decimal_places=2, default=Decimal('1.00'), max_digits=12, validators=[django.core.validators.MinValueValidator(Decimal('0.01'))], verbose_name='each full NT$')),
                ('earn_points', models.PositiveIntegerField(default=1, verbose_name='gives points')),
                ('rounding', models.CharField(choices=[('floor', 'Down to whole units'), ('half_up', 'To the nearest unit'), ('ceiling', 'Up to whole units')], default='floor', max_length=10, verbose_name='rounding')),
                ('carry_over', models.BooleanField(default=False, help_text='Spend under one unit counts next time.', verbose_name='carry small change over')),
                ('pending_days', models.PositiveSmallIntegerField(default=0, verbose_name='days until confirmed')),
                ('debt_policy', models.CharField(choices=[('debt', 'Owe the rest; later earnings pay it'), ('clamp', 'Take only what is there'), ('reduce_refund', 'Keep the worth of the rest from the refund')], default='debt', max_length=15, verbose_name='when returned points are spent')),
                ('expiry_policy', models.CharField(choices=[('never', 'Never'), ('days', 'Days after earning'), ('months', 'Months after earning'), ('month_end', 'End of the month, months after earning'), ('year_bucket', 'End of the year, years after earning, plus grace'), ('sliding', 'Months after the last activity')], default='month_end', max_length=15, verbose_name='expiry')),
                ('expiry_value', models.PositiveSmallIntegerField(default=12, verbose_name='days, months or years')),
                ('expiry_grace_days', models.PositiveSmallIntegerField(default=0, verbose_name='grace days')),
                ('notice_days', models.PositiveSmallIntegerField(default=0, help_text='Above 0: nothing expires unless the member was told this many days before.', verbose_name='notice days before expiry')),
                ('max_issue_ratio', models.DecimalField(blank=True, decimal_places=2, help_text='Over 90 days. Empty: no limit.', max_digits=7, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.01'))], verbose_name='most points issued per point redeemed')),
                ('over_ratio', models.CharField(choices=[('warn', 'Warn'), ('stop', 'Stop earning')], default='warn', max_length=10, verbose_name='above that')),
                ('ratio_exceeded_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='limit exceeded since')),
                ('brand', models.ForeignKey(blank=True, help_text='Empty: shared by the whole group.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='programs', to='backoffice.brand', verbose_name='brand')),
            ],
            options={
                'verbose_name': 'points program',
                'verbose_name_plural': 'points programs',
                'ordering': ['code'],
            },
        ),
        migrations.AddField(
            model_name='account',
            name='program',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='points.program', verbose_name='points program'),
        ),
        migrations.CreateModel(
            name='ProgramEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('code', models.SlugField(db_index=False, max_length=32, verbose_name='code')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('unit', models.CharField(default='點', max_length=20, verbose_name='unit')),
                ('time_zone', models.CharField(default='Asia/Taipei', max_length=64, validators=[backoffice.models.merchant.validate_time_zone], verbose_name='time zone')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('is_default', models.BooleanField(default=False, verbose_name='default program')),
                ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='version of the rules')),
                ('spendable', models.BooleanField(default=True, help_text='Off: a growth value that only counts.', verbose_name='spendable')),
                ('circulates', models.BooleanField(default=True, help_text='Points earned at one brand pay at another.', verbose_name='spendable at other brands')),
                ('cash_points', models.PositiveIntegerField(default=1, help_text='This many points …', validators=[django.core.validators.MinValueValidator(1)], verbose_name='points')),
                ('cash_amount', models.DecimalField(decimal_places=2, default=Decimal('1.00'), help_text='… are worth this much.', max_digits=12, validators=[django.core.validators.MinValueValidator(0)], verbose_name='worth NT$')),
                ('spend_step', models.PositiveIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='spent in steps of')),
                ('min_spend', models.PositiveIntegerField(default=0, verbose_name='least points per bill')),
                ('max_spend', models.PositiveIntegerField(blank=True, null=True, verbose_name='most points per bill')),
                ('max_share_percent', models.PositiveSmallIntegerField(default=100, verbose_name='most of a bill, percent')),
                ('order_of_use', models.CharField(choices=[('expiring_first', 'First to expire first'), ('oldest_first', 'Oldest first')], default='expiring_first', max_length=20, verbose_name='order of use')),
                ('earn_amount', models.DecimalField(decimal_places=2, default=Decimal('1.00'), max_digits=12, validators=[django.core.validators.MinValueValidator(Decimal('0.01'))], verbose_name='each full NT$')),
                ('earn_points', models.PositiveIntegerField(default=1, verbose_name='gives points')),
                ('rounding', models.CharField(choices=[('floor', 'Down to whole units'), ('half_up', 'To the nearest unit'), ('ceiling', 'Up to whole units')], default='floor', max_length=10, verbose_name='rounding')),
                ('carry_over', models.BooleanField(default=False, help_text='Spend under one unit counts next time.', verbose_name='carry small change over')),
                ('pending_days', models.PositiveSmallIntegerField(default=0, verbose_name='days until confirmed')),
                ('debt_policy', models.CharField(choices=[('debt', 'Owe the rest; later earnings pay it'), ('clamp', 'Take only what is there'), ('reduce_refund', 'Keep the worth of the rest from the refund')], default='debt', max_length=15, verbose_name='when returned points are spent')),
                ('expiry_policy', models.CharField(choices=[('never', 'Never'), ('days', 'Days after earning'), ('months', 'Months after earning'), ('month_end', 'End of the month, months after earning'), ('year_bucket', 'End of the year, years after earning, plus grace'), ('sliding', 'Months after the last activity')], default='month_end', max_length=15, verbose_name='expiry')),
                ('expiry_value', models.PositiveSmallIntegerField(default=12, verbose_name='days, months or years')),
                ('expiry_grace_days', models.PositiveSmallIntegerField(default=0, verbose_name='grace days')),
                ('notice_days', models.PositiveSmallIntegerField(default=0, help_text='Above 0: nothing expires unless the member was told this many days before.', verbose_name='notice days before expiry')),
                ('max_issue_ratio', models.DecimalField(blank=True, decimal_places=2, help_text='Over 90 days. Empty: no limit.', max_digits=7, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.01'))], verbose_name='most points issued per point redeemed')),
                ('over_ratio', models.CharField(choices=[('warn', 'Warn'), ('stop', 'Stop earning')], default='warn', max_length=10, verbose_name='above that')),
                ('ratio_exceeded_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='limit exceeded since')),
                ('brand', models.ForeignKey(blank=True, db_constraint=False, help_text='Empty: shared by the whole group.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='backoffice.brand', verbose_name='brand')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='points.program')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ProgramTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=32, verbose_name='version')),
                ('effective_from', models.DateTimeField(verbose_name='in force from')),
                ('url', models.URLField(blank=True, verbose_name='link')),
                ('text', models.TextField(blank=True, verbose_name='text')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='points.program', verbose_name='points program')),
            ],
            options={
                'verbose_name': 'program terms',
                'verbose_name_plural': 'program terms',
                'ordering': ['program_id', '-effective_from'],
            },
        ),
        migrations.CreateModel(
            name='StaffDayTotal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('given', models.BigIntegerField(default=0, verbose_name='points given')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='staff user')),
            ],
            options={
                'verbose_name': 'points given per day',
                'verbose_name_plural': 'points given per day',
            },
        ),
        migrations.AddIndex(
            model_name='adjustment',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['created_at'], name='adjustment_waiting'),
        ),
        migrations.AddConstraint(
            model_name='adjustment',
            constraint=models.CheckConstraint(condition=models.Q(('points', 0), _negated=True), name='adjustment_not_zero'),
        ),
        migrations.AddConstraint(
            model_name='adjustment',
            constraint=models.CheckConstraint(condition=models.Q(('needs_approval', False), models.Q(('status', 'applied'), _negated=True), ('approved_by__isnull', False), _connector='OR'), name='adjustment_four_eyes'),
        ),
        migrations.AddConstraint(
            model_name='adjustment',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), ('requested_by__isnull', True), models.Q(('approved_by', models.F('requested_by')), _negated=True), _connector='OR'), name='adjustment_not_by_oneself'),
        ),
        migrations.CreateModel(
            name='ExpiryNotice',
            fields=[
                ('lot', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='notice', serialize=False, to='points.lot', verbose_name='lot')),
                ('expires_at', models.DateTimeField(verbose_name='expiry announced')),
                ('created_at', models.DateTimeField(verbose_name='created')),
            ],
            options={
                'verbose_name': 'expiry notice',
                'verbose_name_plural': 'expiry notices',
            },
        ),
        migrations.AddField(
            model_name='lotextension',
            name='lot',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='extensions', to='points.lot', verbose_name='lot'),
        ),
        migrations.AddField(
            model_name='lot',
            name='account',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='points.account', verbose_name='account'),
        ),
        migrations.AddField(
            model_name='lot',
            name='brand',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='backoffice.brand', verbose_name='issuer'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(condition=models.Q(('status', 'open')), fields=['expires_at'], name='hold_open'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.UniqueConstraint(fields=('source_type', 'source_id'), name='hold_once'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('captured__gte', 0), ('captured__lte', models.F('points')), ('points__gt', 0)), name='hold_within_bounds'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('captured', 0), ('settled_at__isnull', True), ('status', 'open')), models.Q(('captured__gt', 0), ('settled_at__isnull', False), ('status', 'captured')), models.Q(('captured', 0), ('settled_at__isnull', False), ('status__in', ['voided', 'expired'])), _connector='OR'), name='hold_status_fits'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('reverses__isnull', False)), fields=['reverses'], name='entry_reversals'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(fields=('account', 'seq'), name='entry_number_once'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(fields=('source_type', 'source_id', 'kind', 'account'), name='entry_one_effect'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(condition=models.Q(('hold__isnull', False)), fields=('hold',), name='entry_one_per_hold'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(condition=models.Q(('adjustment__isnull', False)), fields=('adjustment',), name='entry_one_per_adjustment'),
        ),
        migrations.AddIndex(
            model_name='pendingcredit',
            index=models.Index(condition=models.Q(('status', 'open')), fields=['confirm_at'], name='pending_due'),
        ),
        migrations.AddConstraint(
            model_name='pendingcredit',
            constraint=models.UniqueConstraint(fields=('source_type', 'source_id', 'kind', 'account'), name='pending_one_effect'),
        ),
        migrations.AddConstraint(
            model_name='pendingcredit',
            constraint=models.CheckConstraint(condition=models.Q(('original__gt', 0), ('points__gte', 0), ('points__lte', models.F('original'))), name='pending_within_bounds'),
        ),
        migrations.AddConstraint(
            model_name='program',
            constraint=models.CheckConstraint(condition=models.Q(('max_share_percent__lte', 100)), name='program_share_at_most_all'),
        ),
        migrations.AddConstraint(
            model_name='program',
            constraint=models.CheckConstraint(condition=models.Q(('cash_points__gte', 1), ('earn_amount__gt', 0), ('spend_step__gte', 1)), name='program_divisors_positive'),
        ),
        migrations.AddConstraint(
            model_name='program',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='program_one_default'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(fields=('member', 'program'), name='account_per_member_and_program'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('balance__gte', 0), ('debt__gte', 0), ('held__gte', 0), ('pending__gte', 0), ('seq__gte', 0)), name='account_nothing_below_zero'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('held__lte', models.F('balance'))), name='account_holds_covered'),
        ),
        migrations.AddConstraint(
            model_name='programterms',
            constraint=models.UniqueConstraint(fields=('program', 'version'), name='terms_version_once'),
        ),
        migrations.AddConstraint(
            model_name='staffdaytotal',
            constraint=models.UniqueConstraint(fields=('user', 'day'), name='staff_day_once'),
        ),
        migrations.AddField(
            model_name='expirynotice',
            name='message',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='backoffice.outboxmessage', verbose_name='message'),
        ),
        migrations.AddConstraint(
            model_name='lotextension',
            constraint=models.CheckConstraint(condition=models.Q(('expires_to__gt', models.F('expires_from'))), name='extension_moves_later'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(condition=models.Q(('remaining__gt', 0)), fields=['account', 'expires_at', 'entry'], name='lot_live'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(condition=models.Q(('expires_at__isnull', False), ('remaining__gt', 0)), fields=['expires_at', 'account'], name='lot_expiring'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('held__gte', 0), ('original__gt', 0), ('remaining__gte', models.F('held')), ('remaining__lte', models.F('original'))), name='lot_within_bounds'),
        ),
        migrations.CreateModel(
            name='LotUse',
            fields=[
                ('pk', models.CompositePrimaryKey('entry_id', 'lot_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('entry', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lot_uses', to='points.entry', verbose_name='entry')),
                ('lot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='points.lot', verbose_name='lot')),
            ],
            options={
                'verbose_name': 'lot use',
                'verbose_name_plural': 'lot uses',
            },
        ),
        migrations.AddConstraint(
            model_name='lotuse',
            constraint=models.CheckConstraint(condition=models.Q(('points', 0), _negated=True), name='lot_use_not_zero'),
        ),
        migrations.CreateModel(
            name='HoldLot',
            fields=[
                ('pk', models.CompositePrimaryKey('hold_id', 'lot_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('hold', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='points.hold', verbose_name='hold')),
                ('lot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='points.lot', verbose_name='lot')),
            ],
            options={
                'verbose_name': 'held lot',
                'verbose_name_plural': 'held lots',
            },
        ),
        migrations.AddConstraint(
            model_name='holdlot',
            constraint=models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='hold_lot_positive'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='program',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "points_programevent" ("brand_id", "carry_over", "cash_amount", "cash_points", "circulates", "code", "debt_policy", "earn_amount", "earn_points", "expiry_grace_days", "expiry_policy", "expiry_value", "id", "is_active", "is_default", "max_issue_ratio", "max_share_percent", "max_spend", "min_spend", "name", "notice_days", "order_of_use", "over_ratio", "pending_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ratio_exceeded_at", "rounding", "spend_step", "spendable", "time_zone", "unit", "version") VALUES (NEW."brand_id", NEW."carry_over", NEW."cash_amount", NEW."cash_points", NEW."circulates", NEW."code", NEW."debt_policy", NEW."earn_amount", NEW."earn_points", NEW."expiry_grace_days", NEW."expiry_policy", NEW."expiry_value", NEW."id", NEW."is_active", NEW."is_default", NEW."max_issue_ratio", NEW."max_share_percent", NEW."max_spend", NEW."min_spend", NEW."name", NEW."notice_days", NEW."order_of_use", NEW."over_ratio", NEW."pending_days", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."ratio_exceeded_at", NEW."rounding", NEW."spend_step", NEW."spendable", NEW."time_zone", NEW."unit", NEW."version"); RETURN NULL;', hash='1145dc6f4b59349c3a28beb275c5c4c0f81ca0c2', operation='INSERT', pgid='pgtrigger_insert_insert_c1de2', table='points_program', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='program',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "points_programevent" ("brand_id", "carry_over", "cash_amount", "cash_points", "circulates", "code", "debt_policy", "earn_amount", "earn_points", "expiry_grace_days", "expiry_policy", "expiry_value", "id", "is_active", "is_default", "max_issue_ratio", "max_share_percent", "max_spend", "min_spend", "name", "notice_days", "order_of_use", "over_ratio", "pending_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ratio_exceeded_at", "rounding", "spend_step", "spendable", "time_zone", "unit", "version") VALUES (NEW."brand_id", NEW."carry_over", NEW."cash_amount", NEW."cash_points", NEW."circulates", NEW."code", NEW."debt_policy", NEW."earn_amount", NEW."earn_points", NEW."expiry_grace_days", NEW."expiry_policy", NEW."expiry_value", NEW."id", NEW."is_active", NEW."is_default", NEW."max_issue_ratio", NEW."max_share_percent", NEW."max_spend", NEW."min_spend", NEW."name", NEW."notice_days", NEW."order_of_use", NEW."over_ratio", NEW."pending_days", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."ratio_exceeded_at", NEW."rounding", NEW."spend_step", NEW."spendable", NEW."time_zone", NEW."unit", NEW."version"); RETURN NULL;', hash='d570e1a4d6664f52b8d85089ff548a747bf5d6a1', operation='UPDATE', pgid='pgtrigger_update_update_2f42e', table='points_program', when='AFTER')),
        ),
    ]
