-- Add the next entries up into the daily totals: at most `p_most` after the last run, none beyond `p_last`.
-- Answers up to which entry the totals reach now, and the run; no run when there was nothing to add.
--
-- Ids are drawn before the commit, so an id below `p_last` may still appear. The caller reads `p_last` first and
-- draws `p_horizon` (a transaction number) after it: whoever holds an id up to `p_last` has had his lock on the table
-- since before, and a lower number, or none yet. Only when nobody like that is left are the ids up to `p_last` all
-- there is. A lock is let go after the commit can be seen, so the sums below see what he wrote. `reached` is null when
-- somebody is still posting, or adds up himself: ask again a moment later.
--
-- Every row is found by its index, whatever the planner believes about the size of tables that were filled a moment ago.
CREATE FUNCTION points_fold_v1(
    p_last bigint, p_horizon xid8, p_most bigint, p_now timestamptz, OUT reached bigint, OUT fold bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    first_entry bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('points_fold', 0)) THEN
        RETURN;
    END IF;
    IF EXISTS (
        SELECT FROM pg_locks l
        LEFT JOIN pg_locks x ON x.virtualtransaction = l.virtualtransaction AND x.locktype = 'transactionid'
                            AND x.mode = 'ExclusiveLock' AND x.granted
        WHERE l.locktype = 'relation' AND l.relation = 'points_entry'::regclass AND l.mode = 'RowExclusiveLock'
          AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
          AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
          AND (x.transactionid IS NULL OR age(x.transactionid) > age(p_horizon::xid))
    ) THEN
        RETURN;
    END IF;
    SELECT coalesce(max(f.last_entry), 0) INTO first_entry FROM points_fold f;
    -- Counted in entries, not in ids: rollbacks leave gaps of any width.
    SELECT max(e.id) INTO reached
    FROM (SELECT id FROM points_entry WHERE id > first_entry AND id <= p_last ORDER BY id LIMIT p_most) e;
    IF reached IS NULL THEN
        reached := greatest(first_entry, p_last);
        RETURN;
    END IF;
    INSERT INTO points_fold (last_entry, entries, at)
    SELECT reached, count(*), p_now FROM points_entry e WHERE e.id > first_entry AND e.id <= reached
    RETURNING id INTO fold;
    INSERT INTO points_daytotal (fold_id, day, program_id, store_id, issuer_id, kind, points, debt, entries)
    SELECT fold, (e.created_at AT TIME ZONE 'Asia/Taipei')::date, a.program_id, e.store_id, l.brand_id, e.kind,
           sum(e.points), sum(e.debt_delta), count(*)
    FROM points_entry e
    JOIN points_account a ON a.id = e.account_id
    LEFT JOIN points_lot l ON l.entry_id = CASE e.kind WHEN 'reverse_earn' THEN e.reverses_id ELSE e.id END
    WHERE e.id > first_entry AND e.id <= reached
    GROUP BY 2, 3, 4, 5, 6;
    INSERT INTO points_settlementtotal (fold_id, day, program_id, issuer_id, store_id, points)
    SELECT fold, (e.created_at AT TIME ZONE 'Asia/Taipei')::date, a.program_id, l.brand_id, e.store_id, sum(u.points)
    FROM points_entry e
    JOIN points_account a ON a.id = e.account_id
    JOIN points_lotuse u ON u.entry_id = e.id
    JOIN points_lot l ON l.entry_id = u.lot_id
    WHERE e.id > first_entry AND e.id <= reached AND e.kind IN ('spend', 'refund_spend')
    GROUP BY 2, 3, 4, 5
    HAVING sum(u.points) <> 0;
END $$;

CREATE TRIGGER fold_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON points_fold
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER day_total_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON points_daytotal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_total_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON points_settlementtotal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

REVOKE EXECUTE ON FUNCTION points_fold_v1(bigint, xid8, bigint, timestamptz) FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shuke_app') THEN
        REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON points_fold, points_daytotal, points_settlementtotal
            FROM shuke_app;
        GRANT EXECUTE ON FUNCTION points_fold_v1(bigint, xid8, bigint, timestamptz) TO shuke_app;
    END IF;
END $$;
