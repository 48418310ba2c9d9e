"""Consents and receipts are facts: the database refuses to change them. And the members' part of `audit`."""

from django.db import migrations

APPEND_ONLY = """
CREATE TRIGGER consent_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON members_consent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

VIEWS = """
CREATE VIEW audit.member AS
    SELECT id, brand_id, phone, status, merged_into_id AS merged_into, erased_at, card_no FROM members_member;
CREATE VIEW audit.staff AS
    SELECT u.id, c.member_id, u.username, u.is_active
    FROM backoffice_user u LEFT JOIN members_staffcard c ON c.user_id = u.id;
CREATE VIEW audit.purchase_refund AS
    SELECT id, purchase_id, amount, returned_at FROM members_purchasereturn;
CREATE VIEW audit.consent AS SELECT id, member_id, purpose, given, at FROM members_consent;
"""


class Migration(migrations.Migration):
    dependencies = [("members", "0001_initial"), ("backoffice", "0002_roles_and_audit_schema")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER consent_append_only ON members_consent;"),
        migrations.RunSQL(
            VIEWS, "DROP VIEW audit.consent, audit.purchase_refund, audit.staff, audit.member;"
        ),
    ]
