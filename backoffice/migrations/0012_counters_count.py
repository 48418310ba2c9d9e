"""What was used of a limit is not unsaid: a counter starts again only with a new window."""

from django.db import migrations

GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shuke_app') THEN
        REVOKE UPDATE, TRUNCATE ON backoffice_limitcounter FROM shuke_app;
        GRANT UPDATE (window_start, used, times) ON backoffice_limitcounter TO shuke_app;
    END IF;
END $$;
"""

GIVEN_BACK = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shuke_app') THEN
        GRANT UPDATE ON backoffice_limitcounter TO shuke_app;
    END IF;
END $$;
"""

# The times of a sliding counter may go (a success gives a try back), and of two at once the second may carry
# the earlier time. Counters of old windows are deleted.
GUARD = """
CREATE FUNCTION backoffice_guard_counter_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.bucket) IS DISTINCT FROM (OLD.id, OLD.bucket)
       OR (NEW.window_start < OLD.window_start AND NEW.times = '{}')
       OR (NEW.used < OLD.used AND NEW.window_start <= OLD.window_start) THEN
        RAISE EXCEPTION 'backoffice_limitcounter: a window''s use is not lowered' USING ERRCODE = 'SK090';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER limit_counter_guard BEFORE UPDATE ON backoffice_limitcounter
    FOR EACH ROW EXECUTE FUNCTION backoffice_guard_counter_v1();
"""

UNDO = """
DROP TRIGGER limit_counter_guard ON backoffice_limitcounter;
DROP FUNCTION backoffice_guard_counter_v1();
"""


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0011_exports")]

    operations = [migrations.RunSQL(GUARD + GRANTS, GIVEN_BACK + UNDO)]
