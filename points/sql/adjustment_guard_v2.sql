-- An applied or rejected request is history; what was asked for, and about which entry, never changes.
CREATE OR REPLACE FUNCTION points_guard_adjustment_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status IN ('applied', 'rejected') AND current_user = 'shuke_app' THEN
            RAISE EXCEPTION 'points_adjustment: only the ledger applies a request' USING ERRCODE = 'SK096';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.status IN ('applied', 'rejected')
       OR (OLD.account_id, OLD.points, OLD.requested_by_id, OLD.key, OLD.reason, OLD.note, OLD.expires_at,
           OLD.lapse_id, OLD.undoes_id)
          IS DISTINCT FROM
          (NEW.account_id, NEW.points, NEW.requested_by_id, NEW.key, NEW.reason, NEW.note, NEW.expires_at,
           NEW.lapse_id, NEW.undoes_id)
       OR (OLD.needs_approval AND NOT NEW.needs_approval)
       OR (NEW.status = 'applied' AND current_user = 'shuke_app')
    THEN
        RAISE EXCEPTION 'points_adjustment: a decided request is history' USING ERRCODE = 'SK096';
    END IF;
    RETURN NEW;
END $$;
