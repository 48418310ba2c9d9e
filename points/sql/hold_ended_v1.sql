-- Whoever waits for the end of a hold hears of it, however it ended: spent, let go by anybody, or lapsed.
CREATE FUNCTION points_tell_hold_ended_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO backoffice_outboxmessage (topic, subject_id, created_at)
    VALUES ('points.hold_ended', NEW.id, NEW.settled_at)
    ON CONFLICT (topic, subject_id) DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER hold_ended AFTER UPDATE OF status ON points_hold FOR EACH ROW
    WHEN (OLD.status = 'open' AND NEW.status <> 'open')
    EXECUTE FUNCTION points_tell_hold_ended_v1();
REVOKE EXECUTE ON FUNCTION points_tell_hold_ended_v1() FROM PUBLIC;
