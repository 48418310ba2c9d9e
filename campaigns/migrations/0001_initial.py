import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('members', '0001_initial'),
        ('points', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Carry',
            fields=[
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='carry', serialize=False, to='points.account', verbose_name='account')),
                ('amount', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='amount')),
            ],
            options={
                'verbose_name': 'small change',
                'verbose_name_plural': 'small change',
            },
        ),
        migrations.CreateModel(
            name='Award',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('base', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='base amount')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('returned', models.BigIntegerField(default=0, verbose_name='points taken back')),
                ('status', models.CharField(choices=[('nothing', 'No points'), ('pending', 'Waiting'), ('posted', 'Posted'), ('cancelled', 'Cancelled')], max_length=10, verbose_name='status')),
                ('rule_version', models.PositiveIntegerField(verbose_name='version of the rules')),
                ('explanation', models.JSONField(default=dict, verbose_name='explanation')),
                ('created_at', models.DateTimeField(verbose_name='booked')),
                ('account', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='awards', to='points.account', verbose_name='account')),
                ('entry', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.entry', verbose_name='entry')),
                ('pending', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.pendingcredit', verbose_name='waiting points')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.program', verbose_name='points program')),
                ('purchase', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='awards', to='members.purchase', verbose_name='purchase')),
            ],
            options={
                'verbose_name': 'award',
                'verbose_name_plural': 'awards',
            },
        ),
        migrations.CreateModel(
            name='AwardReturn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('explanation', models.JSONField(default=dict, verbose_name='explanation')),
                ('asked', models.BigIntegerField(verbose_name='points due back')),
                ('award', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='campaigns.award', verbose_name='award')),
                ('entry', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.entry', verbose_name='entry')),
                ('purchase_return', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='award_returns', to='members.purchasereturn', verbose_name='return')),
            ],
            options={
                'verbose_name': 'award taken back',
                'verbose_name_plural': 'awards taken back',
            },
        ),
        migrations.AddConstraint(
            model_name='award',
            constraint=models.UniqueConstraint(fields=('purchase', 'program'), name='award_once'),
        ),
        migrations.AddConstraint(
            model_name='award',
            constraint=models.CheckConstraint(condition=models.Q(('base__gte', 0), ('points__gte', 0), ('returned__gte', 0), ('returned__lte', models.F('points'))), name='award_within_bounds'),
        ),
        migrations.AddConstraint(
            model_name='awardreturn',
            constraint=models.UniqueConstraint(fields=('award', 'purchase_return'), name='award_return_once'),
        ),
        migrations.AddConstraint(
            model_name='awardreturn',
            constraint=models.CheckConstraint(condition=models.Q(('points__gte', 0), ('points__lte', models.F('asked'))), name='award_return_within_bounds'),
        ),
    ]
