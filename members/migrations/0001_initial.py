import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import members.functions
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

# The index on names is built over this function. Core PostgreSQL, no extension.
BIGRAMS = """
CREATE FUNCTION members_bigrams(value text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT substr(upper(value), i, 2))
    FROM generate_series(1, greatest(length(value) - 1, 1)) AS i
$$;
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('backoffice', '0002_roles_and_audit_schema'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        migrations.RunSQL(BIGRAMS, 'DROP FUNCTION members_bigrams(text);'),
        migrations.CreateModel(
            name='Member',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('card_no', models.CharField(max_length=16, unique=True, verbose_name='card number')),
                ('phone', models.CharField(blank=True, max_length=16, verbose_name='mobile phone')),
                ('phone_verified_at', models.DateTimeField(blank=True, null=True, verbose_name='phone verified')),
                ('name', models.CharField(blank=True, max_length=60, verbose_name='full name')),
                ('status', models.CharField(choices=[('active', 'Active'), ('frozen', 'Frozen'), ('erased', 'Erased'), ('merged', 'Merged')], default='active', max_length=10, verbose_name='status')),
                ('erased_at', models.DateTimeField(blank=True, null=True, verbose_name='erased')),
                ('source', models.CharField(choices=[('store', 'Store'), ('paper', 'Paper form'), ('app', 'App'), ('line', 'LINE'), ('web', 'Web shop'), ('import', 'Import')], default='store', max_length=10, verbose_name='source')),
                ('joined_at', models.DateTimeField(verbose_name='joined')),
                ('referring_store_locked', models.BooleanField(default=False, verbose_name='referring store locked')),
                ('gender', models.CharField(blank=True, choices=[('female', 'Female'), ('male', 'Male'), ('other', 'Other'), ('', 'Not given')], default='', max_length=8, verbose_name='gender')),
                ('birthday', models.DateField(blank=True, null=True, verbose_name='birthday')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('county', models.CharField(blank=True, max_length=20, verbose_name='county or city')),
                ('district', models.CharField(blank=True, max_length=20, verbose_name='district')),
                ('address', models.CharField(blank=True, max_length=200, verbose_name='address')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('enrol_key', models.CharField(blank=True, db_default='', default='', editable=False, max_length=128, verbose_name='enrolment key')),
                ('external_id', models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='external number')),
                ('brand', models.ForeignKey(blank=True, help_text='Empty: shared by the whole group.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='members', to='backoffice.brand', verbose_name='brand')),
                ('joined_store', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='joined_members', to='backoffice.store', verbose_name='joined at store')),
                ('merged_into', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='absorbed', to='members.member', verbose_name='merged into')),
                ('referring_store', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='referred_members', to='backoffice.store', verbose_name='referring store')),
            ],
            options={
                'verbose_name': 'member',
                'verbose_name_plural': 'members',
                'ordering': ['-id'],
                'constraints': [],
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('terms', 'Terms of membership'), ('marketing_sms', 'Marketing by SMS'), ('marketing_email', 'Marketing by e-mail'), ('marketing_line', 'Marketing by LINE')], max_length=20, verbose_name='purpose')),
                ('given', models.BooleanField(verbose_name='given')),
                ('version', models.CharField(blank=True, max_length=32, verbose_name='version of the text')),
                ('source', models.CharField(choices=[('store', 'Store'), ('paper', 'Paper form'), ('app', 'App'), ('line', 'LINE'), ('web', 'Web shop'), ('import', 'Import')], max_length=10, verbose_name='source')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='consents', to='members.member', verbose_name='member')),
            ],
            options={
                'verbose_name': 'consent',
                'verbose_name_plural': 'consents',
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='MemberEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('card_no', models.CharField(max_length=16, verbose_name='card number')),
                ('phone', models.CharField(blank=True, max_length=16, verbose_name='mobile phone')),
                ('phone_verified_at', models.DateTimeField(blank=True, null=True, verbose_name='phone verified')),
                ('name', models.CharField(blank=True, max_length=60, verbose_name='full name')),
                ('status', models.CharField(choices=[('active', 'Active'), ('frozen', 'Frozen'), ('erased', 'Erased'), ('merged', 'Merged')], default='active', max_length=10, verbose_name='status')),
                ('erased_at', models.DateTimeField(blank=True, null=True, verbose_name='erased')),
                ('source', models.CharField(choices=[('store', 'Store'), ('paper', 'Paper form'), ('app', 'App'), ('line', 'LINE'), ('web', 'Web shop'), ('import', 'Import')], default='store', max_length=10, verbose_name='source')),
                ('joined_at', models.DateTimeField(verbose_name='joined')),
                ('referring_store_locked', models.BooleanField(default=False, verbose_name='referring store locked')),
                ('gender', models.CharField(blank=True, choices=[('female', 'Female'), ('male', 'Male'), ('other', 'Other'), ('', 'Not given')], default='', max_length=8, verbose_name='gender')),
                ('birthday', models.DateField(blank=True, null=True, verbose_name='birthday')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('county', models.CharField(blank=True, max_length=20, verbose_name='county or city')),
                ('district', models.CharField(blank=True, max_length=20, verbose_name='district')),
                ('address', models.CharField(blank=True, max_length=200, verbose_name='address')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('enrol_key', models.CharField(blank=True, db_default='', default='', editable=False, max_length=128, verbose_name='enrolment key')),
                ('external_id', models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='external number')),
                ('brand', models.ForeignKey(blank=True, db_constraint=False, help_text='Empty: shared by the whole group.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='backoffice.brand', verbose_name='brand')),
                ('joined_store', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='backoffice.store', verbose_name='joined at store')),
                ('merged_into', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='members.member', verbose_name='merged into')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='members.member')),
                ('referring_store', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='backoffice.store', verbose_name='referring store')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ProfileFieldRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('field', models.CharField(choices=[('name', 'Full name'), ('gender', 'Gender'), ('birthday', 'Birthday'), ('email', 'E-mail'), ('county', 'County or city'), ('district', 'District'), ('address', 'Address'), ('referring_store', 'Referring store')], max_length=20, verbose_name='field')),
                ('need', models.CharField(choices=[('hidden', 'Hidden'), ('optional', 'Optional'), ('required', 'Required')], max_length=10, verbose_name='need')),
                ('brand', models.ForeignKey(blank=True, help_text='Empty: every brand without a rule of its own.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='profile_rules', to='backoffice.brand', verbose_name='brand')),
            ],
            options={
                'verbose_name': 'profile field rule',
                'verbose_name_plural': 'profile field rules',
                'ordering': ['brand_id', 'field'],
            },
        ),
        migrations.CreateModel(
            name='Purchase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=32, verbose_name='source system')),
                ('receipt_no', models.CharField(max_length=64, verbose_name='receipt number')),
                ('purchased_at', models.DateTimeField(verbose_name='purchased')),
                ('gross', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='before discounts')),
                ('discount', models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name='discounts')),
                ('paid', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='paid')),
                ('item_count', models.PositiveIntegerField(default=0, verbose_name='items')),
                ('channel', models.CharField(choices=[('store', 'Store'), ('paper', 'Paper form'), ('app', 'App'), ('line', 'LINE'), ('web', 'Web shop'), ('import', 'Import')], default='store', max_length=10, verbose_name='channel')),
                ('order_type', models.CharField(choices=[('in_store', 'In store'), ('take_away', 'Take-away'), ('delivery', 'Delivery'), ('online', 'Online')], default='in_store', max_length=10, verbose_name='order type')),
                ('invoice_no', models.CharField(blank=True, max_length=10, verbose_name='invoice number')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('member', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='purchases', to='members.member', verbose_name='member')),
                ('store', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='purchases', to='backoffice.store', verbose_name='store')),
            ],
            options={
                'verbose_name': 'purchase',
                'verbose_name_plural': 'purchases',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='PurchaseLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line_no', models.PositiveSmallIntegerField(verbose_name='line')),
                ('sku', models.CharField(blank=True, max_length=64, verbose_name='product')),
                ('category', models.CharField(blank=True, max_length=64, verbose_name='category')),
                ('quantity', models.DecimalField(decimal_places=3, default=1, max_digits=10, verbose_name='quantity')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='amount')),
                ('purchase', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='members.purchase', verbose_name='purchase')),
            ],
            options={
                'verbose_name': 'purchase line',
                'verbose_name_plural': 'purchase lines',
                'ordering': ['purchase_id', 'line_no'],
            },
        ),
        migrations.CreateModel(
            name='PurchaseReturn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=32, verbose_name='source system')),
                ('return_no', models.CharField(max_length=64, verbose_name='return number')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='amount')),
                ('returned_at', models.DateTimeField(verbose_name='returned')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('purchase', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='members.purchase', verbose_name='purchase')),
            ],
            options={
                'verbose_name': 'return',
                'verbose_name_plural': 'returns',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='PurchaseReturnLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.DecimalField(decimal_places=3, max_digits=10, verbose_name='quantity')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='amount')),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returned', to='members.purchaseline', verbose_name='line')),
                ('purchase_return', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='members.purchasereturn', verbose_name='return')),
            ],
            options={
                'verbose_name': 'return line',
                'verbose_name_plural': 'return lines',
            },
        ),
        migrations.CreateModel(
            name='PurchaseTender',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tender_no', models.PositiveSmallIntegerField(verbose_name='number')),
                ('method', models.CharField(max_length=32, verbose_name='method')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='amount')),
                ('reference', models.CharField(blank=True, max_length=64, verbose_name='reference')),
                ('purchase', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tenders', to='members.purchase', verbose_name='purchase')),
            ],
            options={
                'verbose_name': 'tender',
                'verbose_name_plural': 'tenders',
                'ordering': ['purchase_id', 'tender_no'],
            },
        ),
        migrations.CreateModel(
            name='StaffCard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='staff_cards', to='members.member', verbose_name='member')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='staff_card', to=settings.AUTH_USER_MODEL, verbose_name='staff user')),
            ],
            options={
                'verbose_name': 'staff member card',
                'verbose_name_plural': 'staff member cards',
            },
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Reverse('phone'), 'text_pattern_ops'), name='member_phone_backwards'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(django.contrib.postgres.indexes.OpClass('phone', 'text_pattern_ops'), name='member_phone_prefix'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Reverse('card_no'), 'text_pattern_ops'), name='member_card_backwards'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=django.contrib.postgres.indexes.GinIndex(members.functions.Bigrams('name'), name='member_name_bigrams'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(condition=models.Q(('email', ''), _negated=True), fields=['email'], name='member_email'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ('active', 'frozen')), models.Q(('phone', ''), _negated=True)), fields=('phone',), name='member_phone_of_the_living', violation_error_message='Another member already uses this phone.'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.CheckConstraint(condition=models.Q(('card_no__regex', '^[0-9]{16}$')), name='member_card_no_16_digits'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.CheckConstraint(condition=models.Q(('phone', ''), ('phone__regex', '^\\+[1-9][0-9]{6,14}$'), _connector='OR'), name='member_phone_e164'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('merged_into__isnull', False), ('status', 'merged')), models.Q(models.Q(('status', 'merged'), _negated=True), ('merged_into__isnull', True)), _connector='OR'), name='member_merged_leads_on'),
        ),
        migrations.AddIndex(
            model_name='consent',
            index=models.Index(fields=['member', 'purpose', '-at', '-id'], name='consent_latest'),
        ),
        migrations.AddConstraint(
            model_name='profilefieldrule',
            constraint=models.UniqueConstraint(fields=('brand', 'field'), name='profile_rule_once', nulls_distinct=False),
        ),
        migrations.AddIndex(
            model_name='purchase',
            index=models.Index(fields=['member', '-purchased_at'], name='purchase_of_member'),
        ),
        migrations.AddIndex(
            model_name='purchase',
            index=models.Index(fields=['store', '-purchased_at'], name='purchase_at_store'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.UniqueConstraint(fields=('source', 'receipt_no'), name='purchase_receipt_once'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=models.Q(('paid__gte', 0)), name='purchase_paid_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('gross__gte', 0)), name='purchase_amounts_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='purchaseline',
            constraint=models.UniqueConstraint(fields=('purchase', 'line_no'), name='purchase_line_once'),
        ),
        migrations.AddConstraint(
            model_name='purchasereturn',
            constraint=models.UniqueConstraint(fields=('source', 'return_no'), name='return_once'),
        ),
        migrations.AddConstraint(
            model_name='purchasereturn',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='return_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='purchasereturnline',
            constraint=models.UniqueConstraint(fields=('purchase_return', 'line'), name='return_line_once'),
        ),
        migrations.AddConstraint(
            model_name='purchasetender',
            constraint=models.UniqueConstraint(fields=('purchase', 'tender_no'), name='purchase_tender_once'),
        ),
        migrations.CreateModel(
            name='RetiredCard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('card_no', models.CharField(max_length=16, unique=True, verbose_name='card number')),
                ('retired_at', models.DateTimeField(verbose_name='replaced')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
            ],
            options={
                'verbose_name': 'replaced card',
                'verbose_name_plural': 'replaced cards',
                'ordering': ['-id'],
            },
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(django.contrib.postgres.indexes.OpClass('name', 'text_pattern_ops'), name='member_name_prefix'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='member',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "members_memberevent" ("address", "birthday", "brand_id", "card_no", "county", "created_at", "district", "email", "enrol_key", "erased_at", "external_id", "gender", "id", "joined_at", "joined_store_id", "merged_into_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_verified_at", "referring_store_id", "referring_store_locked", "source", "status", "updated_at") SELECT new_values."address", new_values."birthday", new_values."brand_id", new_values."card_no", new_values."county", new_values."created_at", new_values."district", new_values."email", new_values."enrol_key", new_values."erased_at", new_values."external_id", new_values."gender", new_values."id", new_values."joined_at", new_values."joined_store_id", new_values."merged_into_id", new_values."name", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."phone", new_values."phone_verified_at", new_values."referring_store_id", new_values."referring_store_locked", new_values."source", new_values."status", new_values."updated_at" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='9770d5d93a745988cb9fb60928c1ff5d1ca330d7', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_2df50', referencing='REFERENCING NEW TABLE AS new_values ', table='members_member', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='member',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "members_memberevent" ("address", "birthday", "brand_id", "card_no", "county", "created_at", "district", "email", "enrol_key", "erased_at", "external_id", "gender", "id", "joined_at", "joined_store_id", "merged_into_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_verified_at", "referring_store_id", "referring_store_locked", "source", "status", "updated_at") SELECT new_values."address", new_values."birthday", new_values."brand_id", new_values."card_no", new_values."county", new_values."created_at", new_values."district", new_values."email", new_values."enrol_key", new_values."erased_at", new_values."external_id", new_values."gender", new_values."id", new_values."joined_at", new_values."joined_store_id", new_values."merged_into_id", new_values."name", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."phone", new_values."phone_verified_at", new_values."referring_store_id", new_values."referring_store_locked", new_values."source", new_values."status", new_values."updated_at" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='d195c072d383a56cb29511f31f04ce1c0ca1bce0', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_b1bc1', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='members_member', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('external_id',), name='member_external_id_once', violation_error_message='Another member already has this external number.'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.UniqueConstraint(condition=models.Q(('enrol_key', ''), _negated=True), fields=('enrol_key',), name='member_enrolled_once'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'erased'), _negated=True), models.Q(('address', ''), ('birthday__isnull', True), ('email', ''), ('erased_at__isnull', False), ('external_id', ''), ('name', ''), ('phone', '')), _connector='OR'), name='member_erased_keeps_no_person'),
        ),
        migrations.AddField(
            model_name='retiredcard',
            name='member',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='retired_cards', to='members.member', verbose_name='member'),
        ),
    ]
