"""Receipts and returns are facts: the database refuses to change or delete them, whoever asks.

Only whose receipt it is may change: a merge hands it on to the survivor.
"""

from django.db import migrations

WHOLLY = ("purchaseline", "purchasetender", "purchasereturn", "purchasereturnline")

RECEIPT = """
CREATE FUNCTION members_guard_receipt_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'member_id') = (to_jsonb(OLD) - 'member_id') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'members_purchase is append-only: UPDATE refused' USING ERRCODE = 'SK090';
END $$;
CREATE TRIGGER receipt_guard BEFORE UPDATE ON members_purchase
    FOR EACH ROW EXECUTE FUNCTION members_guard_receipt_v1();
CREATE TRIGGER receipt_no_delete BEFORE DELETE OR TRUNCATE ON members_purchase
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
PARTS = "".join(
    f"""
CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON members_{name}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
    for name in WHOLLY
)
UNDO = """
DROP TRIGGER receipt_no_delete ON members_purchase;
DROP TRIGGER receipt_guard ON members_purchase;
DROP FUNCTION members_guard_receipt_v1();
""" + "".join(f"DROP TRIGGER {name}_append_only ON members_{name};\n" for name in WHOLLY)


class Migration(migrations.Migration):
    dependencies = [("members", "0007_changes_are_told")]

    operations = [migrations.RunSQL(RECEIPT + PARTS, UNDO)]
