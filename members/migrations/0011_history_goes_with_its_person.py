"""What counts looks only counts up, and the history of a member is only blanked or forgotten with the person.

The application's role gets no more than its verbs need; the triggers hold for the owner of the tables, too.
"""

from django.db import migrations

# What of a row says who he was; the other columns of the history never change.
PERSONAL = (
    "card_no,external_id,enrol_key,phone,phone_verified_at,name,gender,birthday,email,county,district,address"
)

GRANTS = f"""
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shuke_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON members_lookcount FROM shuke_app;
        GRANT UPDATE (pages, unmaskings) ON members_lookcount TO shuke_app;
        REVOKE UPDATE, TRUNCATE ON members_memberevent FROM shuke_app;
        GRANT UPDATE ({PERSONAL}) ON members_memberevent TO shuke_app;
        REVOKE UPDATE, TRUNCATE ON members_retiredcard FROM shuke_app;
    END IF;
END $$;
"""

GIVEN_BACK = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shuke_app') THEN
        GRANT UPDATE, DELETE ON members_lookcount, members_memberevent, members_retiredcard TO shuke_app;
    END IF;
END $$;
"""

GUARDS = f"""
CREATE FUNCTION members_guard_look_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.user_id, NEW.hour) IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.hour)
       OR NEW.pages < OLD.pages OR NEW.unmaskings < OLD.unmaskings THEN
        RAISE EXCEPTION 'members_lookcount only counts up' USING ERRCODE = 'SK090';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER look_counts_up BEFORE UPDATE ON members_lookcount
    FOR EACH ROW EXECUTE FUNCTION members_guard_look_v1();
CREATE TRIGGER look_no_delete BEFORE DELETE OR TRUNCATE ON members_lookcount
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An erasure takes the person out of the rows, and puts nothing in his place.
CREATE FUNCTION members_guard_history_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - '{{{PERSONAL}}}'::text[])
       IS DISTINCT FROM
       (to_jsonb(OLD) - '{{{PERSONAL}}}'::text[])
       OR concat(NEW.card_no, NEW.external_id, NEW.enrol_key, NEW.phone, NEW.phone_verified_at, NEW.name,
                 NEW.gender, NEW.birthday, NEW.email, NEW.county, NEW.district, NEW.address) <> ''
       OR NOT EXISTS (SELECT FROM members_member WHERE id = OLD.pgh_obj_id AND erased_at IS NOT NULL) THEN
        RAISE EXCEPTION 'members_memberevent: only an erasure blanks history' USING ERRCODE = 'SK090';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER history_guard BEFORE UPDATE ON members_memberevent
    FOR EACH ROW EXECUTE FUNCTION members_guard_history_v1();

-- Once for the whole statement: an import that is undone takes its people with their history.
CREATE FUNCTION members_guard_forgotten_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone g JOIN members_member m ON m.id = g.pgh_obj_id WHERE m.erased_at IS NULL) THEN
        RAISE EXCEPTION 'members_memberevent: the person is still there' USING ERRCODE = 'SK090';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER history_goes_with_its_person AFTER DELETE ON members_memberevent
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION members_guard_forgotten_v1();
CREATE TRIGGER history_no_truncate BEFORE TRUNCATE ON members_memberevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION members_guard_retired_card_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone g JOIN members_member m ON m.id = g.member_id WHERE m.erased_at IS NULL) THEN
        RAISE EXCEPTION 'members_retiredcard: the person is still there' USING ERRCODE = 'SK090';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER retired_card_append_only BEFORE UPDATE OR TRUNCATE ON members_retiredcard
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retired_card_goes_with_its_person AFTER DELETE ON members_retiredcard
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION members_guard_retired_card_v1();
"""

UNDO = """
DROP TRIGGER retired_card_goes_with_its_person ON members_retiredcard;
DROP TRIGGER retired_card_append_only ON members_retiredcard;
DROP FUNCTION members_guard_retired_card_v1();
DROP TRIGGER history_no_truncate ON members_memberevent;
DROP TRIGGER history_goes_with_its_person ON members_memberevent;
DROP FUNCTION members_guard_forgotten_v1();
DROP TRIGGER history_guard ON members_memberevent;
DROP FUNCTION members_guard_history_v1();
DROP TRIGGER look_no_delete ON members_lookcount;
DROP TRIGGER look_counts_up ON members_lookcount;
DROP FUNCTION members_guard_look_v1();
"""


class Migration(migrations.Migration):
    dependencies = [("members", "0010_names_from_the_end")]

    operations = [migrations.RunSQL(GUARDS + GRANTS, GIVEN_BACK + UNDO)]
