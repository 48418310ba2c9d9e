-- One batch of the expiry run: the next accounts after `p_after` that have lapsed points, one entry each. A lot that
-- is empty is no longer due, so a repeated batch has no effect; points that were freed meanwhile (a hold ended) get
-- an entry of their own, which is why the source names the entry's number beside the run.
-- Programs that promise a notice (N10) never expire a lot whose notice was not sent that many days before; such
-- a lot gets a new deadline instead, so that the member can go on using it.
CREATE FUNCTION points_expire_v1(
    p_after bigint, p_limit integer, p_as_of timestamptz, p_run text, p_dry_run boolean, c points_context,
    OUT last_account bigint, OUT accounts bigint, OUT lots bigint, OUT points bigint,
    OUT unnoticed_lots bigint, OUT unnoticed_points bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    batch bigint[];
BEGIN
    -- A wrong year would cost every member his points: only a dry run may look ahead.
    IF (p_dry_run OR p_as_of <= c.now) IS NOT TRUE THEN
        PERFORM points_refuse_v1('SK017', jsonb_build_object('as_of', p_as_of));
    END IF;
    -- From account to account along the index: a DISTINCT would look at every lapsed lot again in each batch.
    WITH RECURSIVE due AS (
        (SELECT l.account_id FROM points_lot l
         WHERE l.remaining > l.held AND l.remaining > 0 AND l.expires_at <= p_as_of AND l.account_id > p_after
         ORDER BY l.account_id LIMIT 1)
        UNION ALL
        SELECT (SELECT l.account_id FROM points_lot l
                WHERE l.remaining > l.held AND l.remaining > 0 AND l.expires_at <= p_as_of
                  AND l.account_id > due.account_id
                ORDER BY l.account_id LIMIT 1)
        FROM due WHERE due.account_id IS NOT NULL
    )
    SELECT array_agg(account_id ORDER BY account_id) INTO batch
    FROM (SELECT account_id FROM due WHERE account_id IS NOT NULL LIMIT p_limit) next;
    SELECT batch[array_upper(batch, 1)], 0, 0, 0, 0, 0
    INTO last_account, accounts, lots, points, unnoticed_lots, unnoticed_points;
    IF batch IS NULL THEN
        RETURN;
    END IF;
    IF NOT p_dry_run THEN
        PERFORM 1 FROM points_account WHERE id = ANY(batch) ORDER BY id FOR UPDATE;
    END IF;
    SELECT count(*), coalesce(sum(remaining - held), 0) INTO unnoticed_lots, unnoticed_points
    FROM points_unnoticed_v1(batch, p_as_of);
    IF p_dry_run THEN
        SELECT count(DISTINCT l.account_id), count(*), coalesce(sum(l.remaining - l.held), 0)
        INTO accounts, lots, points
        FROM points_lot l
        WHERE l.account_id = ANY(batch) AND l.remaining > l.held AND l.remaining > 0 AND l.expires_at <= p_as_of
          AND NOT EXISTS (SELECT FROM points_unnoticed_v1(ARRAY[l.account_id], p_as_of) u WHERE u.entry_id = l.entry_id);
        RETURN;
    END IF;
    IF unnoticed_lots > 0 THEN
        PERFORM points_postpone_v1(batch, p_as_of, c.now);
        -- Points that may be used again pay what is owed before anything else.
        PERFORM points_pay_debt_v1(id, p_run || ':' || id || ':' || seq, c) FROM points_account
        WHERE id = ANY(batch) AND debt > 0;
    END IF;
    WITH due AS MATERIALIZED (
        SELECT l.entry_id AS lot_id, l.account_id, l.remaining - l.held AS free FROM points_lot l
        WHERE l.account_id = ANY(batch) AND l.remaining > l.held AND l.remaining > 0 AND l.expires_at <= p_as_of
    ), per_account AS (
        SELECT account_id, sum(free)::bigint AS free FROM due GROUP BY account_id
    ), entries AS (
        INSERT INTO points_entry (
            account_id, member_id, seq, kind, points, balance_after, debt_delta, source_type, source_id,
            actor_type, actor_id, reason, note, explanation, occurred_at, created_at, prev_hash, row_hash)
        SELECT a.id, a.member_id, a.seq + 1, 'expire', -p.free, a.balance - a.debt - p.free, 0, 'expiry', p_run || '/' || (a.seq + 1),
               c.actor_type, c.actor_id, '', '', c.explanation, c.occurred_at, c.now, a.last_hash,
               points_row_hash_v1(a.last_hash, a.id, 'expire', -p.free, 'expiry',
                                  p_run || '/' || (a.seq + 1))
        FROM per_account p JOIN points_account a ON a.id = p.account_id
        ORDER BY a.id
        RETURNING id, account_id
    ), messages AS (
        INSERT INTO backoffice_outboxmessage (topic, subject_id, created_at)
        SELECT 'points.entry', id, c.now FROM entries
    ), uses AS (
        INSERT INTO points_lotuse (entry_id, lot_id, points)
        SELECT e.id, d.lot_id, d.free FROM due d JOIN entries e ON e.account_id = d.account_id
        RETURNING points_lotuse.points
    )
    SELECT (SELECT count(*) FROM entries), count(*), coalesce(sum(uses.points), 0)
    INTO accounts, lots, points FROM uses;
END $$;

-- Lapsed lots of these accounts that may not expire yet, because nobody told the member in time.
CREATE FUNCTION points_unnoticed_v1(p_accounts bigint[], p_as_of timestamptz)
RETURNS TABLE (entry_id bigint, remaining bigint, held bigint, expires_at timestamptz, new_deadline timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT l.entry_id, l.remaining, l.held, l.expires_at,
           (date_trunc('day', p_as_of AT TIME ZONE p.time_zone) + make_interval(days => p.notice_days + 1))
               AT TIME ZONE p.time_zone
    FROM points_lot l
    JOIN points_account a ON a.id = l.account_id
    JOIN points_program p ON p.id = a.program_id
    LEFT JOIN points_expirynotice n ON n.lot_id = l.entry_id
    LEFT JOIN backoffice_outboxmessage m ON m.id = n.message_id
    WHERE l.account_id = ANY(p_accounts) AND l.remaining > 0 AND l.remaining > l.held AND l.expires_at <= p_as_of
      AND p.notice_days > 0
      AND (m.sent_at IS NULL OR m.sent_at > p_as_of - make_interval(days => p.notice_days))
$$;

CREATE FUNCTION points_postpone_v1(p_accounts bigint[], p_as_of timestamptz, p_now timestamptz) RETURNS void
LANGUAGE sql AS $$
    WITH late AS (
        SELECT * FROM points_unnoticed_v1(p_accounts, p_as_of)
    ), moved AS (
        UPDATE points_lot l SET expires_at = late.new_deadline FROM late WHERE l.entry_id = late.entry_id
    )
    INSERT INTO points_lotextension (lot_id, expires_from, expires_to, reason, at)
    SELECT entry_id, expires_at, new_deadline, 'no_notice_sent', p_now FROM late;
$$;
