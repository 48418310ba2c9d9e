"""What was granted or taken back stays as it was stored."""

from django.db import migrations

GUARDS = """
CREATE TRIGGER award_return_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON campaigns_awardreturn
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER award_no_delete BEFORE DELETE OR TRUNCATE ON campaigns_award
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A return reads the award as granted (N2), so the grant is for ever. A waiting award may find its entry, and may
-- move to the account of the member that its owner has become.
CREATE FUNCTION campaigns_guard_award_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'campaigns_award: what was granted is history' USING ERRCODE = 'SK097';
END $$;
CREATE TRIGGER award_guard BEFORE UPDATE ON campaigns_award FOR EACH ROW
    WHEN ((OLD.purchase_id, OLD.program_id, OLD.base, OLD.points, OLD.rule_version, OLD.explanation, OLD.created_at)
        IS DISTINCT FROM
        (NEW.purchase_id, NEW.program_id, NEW.base, NEW.points, NEW.rule_version, NEW.explanation, NEW.created_at)
        OR NEW.returned < OLD.returned
        OR (OLD.entry_id IS NOT NULL AND NEW.entry_id IS DISTINCT FROM OLD.entry_id)
        OR (OLD.status <> 'pending' AND NEW.status IS DISTINCT FROM OLD.status))
    EXECUTE FUNCTION campaigns_guard_award_v1();
"""

UNDO = """
DROP TRIGGER award_guard ON campaigns_award;
DROP FUNCTION campaigns_guard_award_v1();
DROP TRIGGER award_no_delete ON campaigns_award;
DROP TRIGGER award_return_append_only ON campaigns_awardreturn;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_audit_views"),
        ("backoffice", "0002_roles_and_audit_schema"),
    ]

    operations = [
        migrations.RunSQL(GUARDS, UNDO),
    ]
