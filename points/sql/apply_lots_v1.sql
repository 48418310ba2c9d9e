-- A lot's remainder is what its uses left, by construction: only this trigger moves it.
CREATE FUNCTION points_apply_lot_uses_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    added_rows bigint;
    applied bigint;
    entries bigint[];
    lots bigint[];
    takes bigint[];
BEGIN
    -- As arrays, because a plan that joins `added` itself is made for the number of rows that it first had, and a
    -- session that began with thousands would read the whole table for each single use after them.
    SELECT count(*), array_agg(entry_id), array_agg(lot_id), array_agg(points)
    INTO added_rows, entries, lots, takes FROM added;
    UPDATE points_lot l
    SET remaining = l.remaining - u.points,
        expired_at = CASE WHEN e.kind = 'expire' THEN e.created_at ELSE l.expired_at END
    FROM unnest(entries, lots, takes) AS u(entry_id, lot_id, points)
    JOIN points_entry e ON e.id = u.entry_id
    WHERE l.entry_id = u.lot_id AND l.account_id = e.account_id;
    GET DIAGNOSTICS applied = ROW_COUNT;
    IF applied <> added_rows THEN
        RAISE EXCEPTION 'points_lotuse: a use names a lot of another account, or one lot twice'
            USING ERRCODE = 'SK092';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER lot_use_apply AFTER INSERT ON points_lotuse
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION points_apply_lot_uses_v1();

-- What holds have named, on the lot and on the account.
CREATE FUNCTION points_apply_hold_lots_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE points_lot l SET held = l.held + h.points
    FROM added h WHERE l.entry_id = h.lot_id;
    UPDATE points_account a SET held = a.held + s.points
    FROM (SELECT hold.account_id, sum(h.points) AS points
          FROM added h JOIN points_hold hold ON hold.id = h.hold_id GROUP BY hold.account_id) s
    WHERE a.id = s.account_id;
    RETURN NULL;
END $$;

CREATE TRIGGER hold_lot_apply AFTER INSERT ON points_holdlot
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION points_apply_hold_lots_v1();

CREATE FUNCTION points_apply_hold_end_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'open' OR NEW.status = 'open' THEN
        RAISE EXCEPTION 'points_hold: a settled hold is settled' USING ERRCODE = 'SK093';
    END IF;
    UPDATE points_lot l SET held = l.held - h.points
    FROM points_holdlot h WHERE h.hold_id = NEW.id AND l.entry_id = h.lot_id;
    UPDATE points_account SET held = held - NEW.points WHERE id = NEW.account_id;
    RETURN NULL;
END $$;

CREATE TRIGGER hold_end_apply AFTER UPDATE ON points_hold
    FOR EACH ROW EXECUTE FUNCTION points_apply_hold_end_v1();

-- Points that wait, summed up on the account.
CREATE FUNCTION points_apply_pending_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    was bigint := CASE WHEN TG_OP = 'UPDATE' AND OLD.status = 'open' THEN OLD.points ELSE 0 END;
    is_now bigint := CASE WHEN NEW.status = 'open' THEN NEW.points ELSE 0 END;
BEGIN
    IF was <> is_now THEN
        UPDATE points_account SET pending = pending + is_now - was WHERE id = NEW.account_id;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER pending_apply AFTER INSERT OR UPDATE ON points_pendingcredit
    FOR EACH ROW EXECUTE FUNCTION points_apply_pending_v1();
