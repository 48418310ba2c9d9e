"""An award that gave nothing because nobody was named may be settled once, when its member is found."""

from django.db import migrations

SAME = """(OLD.purchase_id, OLD.program_id, OLD.base, OLD.points, OLD.rule_version, OLD.explanation, OLD.created_at)
        IS DISTINCT FROM
        (NEW.purchase_id, NEW.program_id, NEW.base, NEW.points, NEW.rule_version, NEW.explanation, NEW.created_at)
        OR NEW.returned < OLD.returned
        OR (OLD.entry_id IS NOT NULL AND NEW.entry_id IS DISTINCT FROM OLD.entry_id)
        OR (OLD.status <> 'pending' AND NEW.status IS DISTINCT FROM OLD.status)"""

FIRST = f"""
DROP TRIGGER award_guard ON campaigns_award;
CREATE TRIGGER award_guard BEFORE UPDATE ON campaigns_award FOR EACH ROW
    WHEN ({SAME})
    EXECUTE FUNCTION campaigns_guard_award_v1();
"""

SECOND = f"""
DROP TRIGGER award_guard ON campaigns_award;
CREATE TRIGGER award_guard BEFORE UPDATE ON campaigns_award FOR EACH ROW
    WHEN (({SAME})
        AND NOT (
            OLD.points = 0 AND OLD.account_id IS NULL AND OLD.entry_id IS NULL AND OLD.pending_id IS NULL
            AND OLD.explanation ->> 'failed' = 'no_member' AND NEW.explanation ? 'claimed'
            AND (OLD.purchase_id, OLD.program_id, OLD.base, OLD.returned, OLD.created_at)
                = (NEW.purchase_id, NEW.program_id, NEW.base, NEW.returned, NEW.created_at)
        ))
    EXECUTE FUNCTION campaigns_guard_award_v1();
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0006_gifts")]

    operations = [migrations.RunSQL(SECOND, FIRST)]
