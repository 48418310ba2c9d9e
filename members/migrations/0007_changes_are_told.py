"""A change of a member leaves a message in the outbox, as long as somebody outside wants to hear of it.

Behind the history's own statement triggers, so that a file of a million members costs one look and not a
million messages where no webhook asks for them.
"""

from django.db import migrations

TOLD = """
CREATE FUNCTION members_tell_change_v1() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM backoffice_webhooksubscription
               WHERE ended_at IS NULL AND 'member.changed' = ANY (events)) THEN
        INSERT INTO backoffice_outboxmessage (topic, subject_id, payload, created_at)
        SELECT 'members.changed', pgh_id, jsonb_build_object('member', id, 'status', status), pgh_created_at
        FROM fresh ON CONFLICT (topic, subject_id) DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION members_tell_change_v1() FROM PUBLIC;
CREATE TRIGGER member_change_told AFTER INSERT ON members_memberevent
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION members_tell_change_v1();
"""

UNDO = """
DROP TRIGGER member_change_told ON members_memberevent;
DROP FUNCTION members_tell_change_v1();
"""


class Migration(migrations.Migration):
    dependencies = [("members", "0006_tags"), ("backoffice", "0008_webhooks")]

    operations = [migrations.RunSQL(TOLD, UNDO)]
