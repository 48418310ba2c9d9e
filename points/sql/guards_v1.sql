-- What nobody may do, whoever he is. `pg_trigger_depth() < 2` means: not from one of the triggers that keep sums.
CREATE FUNCTION points_guard_account_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- Compared here and not in a WHEN, whose text would be parsed again for each statement.
        IF pg_trigger_depth() >= 2
           OR (OLD.balance, OLD.held, OLD.debt, OLD.pending, OLD.seq, OLD.last_hash, OLD.member_id, OLD.program_id)
              IS NOT DISTINCT FROM
              (NEW.balance, NEW.held, NEW.debt, NEW.pending, NEW.seq, NEW.last_hash, NEW.member_id, NEW.program_id)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    IF TG_OP <> 'INSERT' OR pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'points_account: balances come from the ledger, not from %', TG_OP USING ERRCODE = 'SK094';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER account_guard_update BEFORE UPDATE ON points_account FOR EACH ROW
    EXECUTE FUNCTION points_guard_account_v1();
CREATE TRIGGER account_guard_insert BEFORE INSERT ON points_account FOR EACH ROW
    WHEN (NEW.balance <> 0 OR NEW.held <> 0 OR NEW.debt <> 0 OR NEW.pending <> 0 OR NEW.seq <> 0)
    EXECUTE FUNCTION points_guard_account_v1();
CREATE TRIGGER account_guard_delete BEFORE DELETE ON points_account FOR EACH ROW
    EXECUTE FUNCTION points_guard_account_v1();

CREATE FUNCTION points_guard_lot_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.entry_id, OLD.account_id, OLD.original, OLD.available_from)
       IS DISTINCT FROM (NEW.entry_id, NEW.account_id, NEW.original, NEW.available_from)
       OR NEW.expires_at < OLD.expires_at
       OR (OLD.expires_at IS NULL AND NEW.expires_at IS NOT NULL)
       OR (pg_trigger_depth() < 2
           AND (OLD.remaining, OLD.held, OLD.expired_at) IS DISTINCT FROM (NEW.remaining, NEW.held, NEW.expired_at))
    THEN
        RAISE EXCEPTION 'points_lot: lots change by their uses only, deadlines only move later'
            USING ERRCODE = 'SK095';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER lot_guard BEFORE UPDATE ON points_lot FOR EACH ROW EXECUTE FUNCTION points_guard_lot_v1();

-- A lot is born full, and never larger than the credit that made it.
CREATE FUNCTION points_guard_new_lot_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM points_entry e
    WHERE e.id = NEW.entry_id AND e.account_id = NEW.account_id AND e.points >= NEW.original;
    IF NOT FOUND OR NEW.remaining <> NEW.original OR NEW.held <> 0 THEN
        RAISE EXCEPTION 'points_lot: a lot comes from its credit' USING ERRCODE = 'SK095';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER lot_guard_insert AFTER INSERT ON points_lot
    FOR EACH ROW EXECUTE FUNCTION points_guard_new_lot_v1();

-- An applied or rejected request is history; what was asked for never changes.
CREATE FUNCTION points_guard_adjustment_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status IN ('applied', 'rejected') AND current_user = 'shuke_app' THEN
            RAISE EXCEPTION 'points_adjustment: only the ledger applies a request' USING ERRCODE = 'SK096';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.status IN ('applied', 'rejected')
       OR (OLD.account_id, OLD.points, OLD.requested_by_id, OLD.key, OLD.reason, OLD.note, OLD.expires_at)
          IS DISTINCT FROM
          (NEW.account_id, NEW.points, NEW.requested_by_id, NEW.key, NEW.reason, NEW.note, NEW.expires_at)
       OR (OLD.needs_approval AND NOT NEW.needs_approval)
       OR (NEW.status = 'applied' AND current_user = 'shuke_app')
    THEN
        RAISE EXCEPTION 'points_adjustment: a decided request is history' USING ERRCODE = 'SK096';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER adjustment_guard BEFORE INSERT OR UPDATE OR DELETE ON points_adjustment
    FOR EACH ROW EXECUTE FUNCTION points_guard_adjustment_v1();

CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON points_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lot_use_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON points_lotuse
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER hold_lot_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON points_holdlot
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lot_extension_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON points_lotextension
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lot_no_delete BEFORE DELETE OR TRUNCATE ON points_lot
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER hold_no_delete BEFORE DELETE OR TRUNCATE ON points_hold
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER pending_no_delete BEFORE DELETE OR TRUNCATE ON points_pendingcredit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_no_truncate BEFORE TRUNCATE ON points_account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
