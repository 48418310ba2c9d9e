"""What tills told stays as it was told."""

from django.db import migrations

GUARDS = """
CREATE TRIGGER till_record_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON campaigns_tillrecord
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER offline_item_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON campaigns_offlineitem
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER points_given_back_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON campaigns_pointsgivenback
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER till_item_no_delete BEFORE DELETE OR TRUNCATE ON campaigns_tillitem
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER reservation_no_delete BEFORE DELETE OR TRUNCATE ON campaigns_reservation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER reserved_points_no_delete BEFORE DELETE OR TRUNCATE ON campaigns_reservedpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An item is decided once, and what the till told is not edited.
CREATE FUNCTION campaigns_guard_till_item_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'campaigns_tillitem: what was told and decided is history' USING ERRCODE = 'SK097';
END $$;
CREATE TRIGGER till_item_guard BEFORE UPDATE ON campaigns_tillitem FOR EACH ROW
    WHEN ((OLD.store_id, OLD.key_id, OLD.kind, OLD.number, OLD.about, OLD.payload, OLD.fingerprint, OLD.occurred_at,
           OLD.received_at)
        IS DISTINCT FROM
        (NEW.store_id, NEW.key_id, NEW.kind, NEW.number, NEW.about, NEW.payload, NEW.fingerprint, NEW.occurred_at,
           NEW.received_at)
        OR OLD.state IN ('settled', 'refused'))
    EXECUTE FUNCTION campaigns_guard_till_item_v1();
"""

UNDO = """
DROP TRIGGER till_item_guard ON campaigns_tillitem;
DROP FUNCTION campaigns_guard_till_item_v1();
DROP TRIGGER reserved_points_no_delete ON campaigns_reservedpoints;
DROP TRIGGER reservation_no_delete ON campaigns_reservation;
DROP TRIGGER till_item_no_delete ON campaigns_tillitem;
DROP TRIGGER points_given_back_append_only ON campaigns_pointsgivenback;
DROP TRIGGER offline_item_append_only ON campaigns_offlineitem;
DROP TRIGGER till_record_append_only ON campaigns_tillrecord;
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0004_tills")]

    operations = [migrations.RunSQL(GUARDS, UNDO)]
