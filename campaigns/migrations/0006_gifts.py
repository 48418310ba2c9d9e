import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


APPEND_ONLY = """
CREATE TRIGGER gift_taken_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON campaigns_gifttaken
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
UNDO = "DROP TRIGGER gift_taken_append_only ON campaigns_gifttaken;"


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0005_till_guards'),
        ('members', '0009_standing'),
        ('points', '0015_point_files'),
    ]

    operations = [
        migrations.CreateModel(
            name='Gift',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Members read it beside the points.', max_length=60, verbose_name='name')),
                ('occasion', models.CharField(choices=[('welcome', 'First verification of the phone'), ('answer', 'Answer to a question of the profile')], max_length=10, verbose_name='occasion')),
                ('field', models.CharField(blank=True, choices=[('name', 'Full name'), ('gender', 'Gender'), ('birthday', 'Birthday'), ('email', 'E-mail'), ('county', 'County or city'), ('district', 'District'), ('address', 'Address'), ('referring_store', 'Referring store')], help_text='For answers only: which one.', max_length=20, verbose_name='question')),
                ('points', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100000)], verbose_name='points')),
                ('starts_at', models.DateTimeField(verbose_name='given from')),
                ('ends_at', models.DateTimeField(blank=True, help_text='Empty: for good.', null=True, verbose_name='given until')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='gifts', to='points.program', verbose_name='points program')),
            ],
            options={
                'verbose_name': 'gift',
                'verbose_name_plural': 'gifts',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='GiftTaken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('matter', models.CharField(max_length=32, verbose_name='for')),
                ('phone_seal', models.CharField(editable=False, max_length=64, verbose_name='sealed phone')),
                ('points', models.PositiveIntegerField(verbose_name='points')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='gift_taken', to='points.entry', verbose_name='entry')),
                ('gift', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='taken', to='campaigns.gift', verbose_name='gift')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='gifts_taken', to='members.member', verbose_name='member')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.program', verbose_name='points program')),
            ],
            options={
                'verbose_name': 'gift taken',
                'verbose_name_plural': 'gifts taken',
                'ordering': ['-id'],
            },
        ),
        migrations.AddConstraint(
            model_name='gift',
            constraint=models.CheckConstraint(condition=models.Q(('points__gte', 1), ('points__lte', 100000)), name='gift_points_bounded'),
        ),
        migrations.AddConstraint(
            model_name='gift',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('occasion', 'answer'), models.Q(('field', ''), _negated=True)), models.Q(('field', ''), ('occasion', 'welcome')), _connector='OR'), name='gift_answer_names_its_field', violation_error_message='Choose the question for a gift that answers one, and only there.'),
        ),
        migrations.AddConstraint(
            model_name='gift',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at', None), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='gift_ends_after_it_starts', violation_error_message='The end comes after the start.'),
        ),
        migrations.AddConstraint(
            model_name='gifttaken',
            constraint=models.UniqueConstraint(fields=('phone_seal', 'matter', 'program'), name='gift_once_per_phone'),
        ),
        migrations.AddConstraint(
            model_name='gifttaken',
            constraint=models.UniqueConstraint(fields=('member', 'matter', 'program'), name='gift_once_per_member'),
        ),
        migrations.RunSQL(APPEND_ONLY, UNDO),
    ]
