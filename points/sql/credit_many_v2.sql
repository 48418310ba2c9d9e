-- As v1, and a row may have a reason and a note of its own instead of those of the call: people's files do.
--
-- The rows of a bulk call beside what is known of them. `refused` names why a row has no effect; a row whose
-- source stood in the call before (`first_n`) is a repetition of that one. No temporary table here or below: a
-- function that runs with its owner's rights must not touch what its caller can put in its way.
CREATE FUNCTION points_credit_rows_v2(p_rows jsonb) RETURNS TABLE (
    n bigint, account_id bigint, member_id bigint, kind text, points bigint, source_type text, source_id text,
    expires_at timestamptz, occurred_at timestamptz, store_id bigint, brand_id bigint, explanation jsonb,
    reason text, note text, known_id bigint, first_n bigint, refused text
)
LANGUAGE sql STABLE AS $$
    SELECT x.n, x.account_id, a.member_id, x.kind, x.points, x.source_type, x.source_id, x.expires_at,
           x.occurred_at, x.store_id, x.brand_id, x.explanation, x.reason, x.note, e.id, x.first_n,
           CASE WHEN coalesce(e.points, x.first_points) <> x.points THEN 'key_reused'
                WHEN e.id IS NOT NULL THEN NULL
                WHEN m.status IS DISTINCT FROM 'active' THEN 'member_not_served'
                WHEN (x.points > 0 AND x.kind IN ('earn', 'bonus', 'import')) IS NOT TRUE THEN 'invalid_points' END
    FROM (
        SELECT r.*, first_value(r.n) OVER same AS first_n, first_value(r.points) OVER same AS first_points
        FROM ROWS FROM (jsonb_to_recordset(p_rows) AS (
                 account_id bigint, kind text, points bigint, source_type text, source_id text,
                 expires_at timestamptz, occurred_at timestamptz, store_id bigint, brand_id bigint,
                 explanation jsonb, reason text, note text)) WITH ORDINALITY AS r(
                 account_id, kind, points, source_type, source_id, expires_at, occurred_at, store_id, brand_id,
                 explanation, reason, note, n)
        WINDOW same AS (PARTITION BY r.account_id, r.source_type, r.source_id, r.kind ORDER BY r.n)
    ) x
    LEFT JOIN points_account a ON a.id = x.account_id
    LEFT JOIN members_member m ON m.id = a.member_id
    LEFT JOIN points_entry e ON e.source_type = x.source_type AND e.source_id = x.source_id
                            AND e.kind = x.kind AND e.account_id = x.account_id
$$;

-- Many credits in one call: the same effects, row for row, as points_credit_v1 in the given order. `p_rows` is
-- a JSON array of {account_id, kind, points, source_type, source_id, expires_at, occurred_at, store_id, brand_id,
-- explanation, reason, note}. Answers one line per row. Credits that move the deadlines of those before them (what is
-- earned in sliding programs) are not for this: callers post those one by one.
CREATE FUNCTION points_credit_many_v2(p_rows jsonb, c points_context)
RETURNS TABLE (n bigint, entry_id bigint, points bigint, replayed boolean, refused text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    r record;
    a points_account;
    current_account bigint := -1;
    net bigint;
    new_hash bytea;
    debt_delta bigint;
    ns bigint[] := '{}';
    seqs bigint[] := '{}';
    nets bigint[] := '{}';
    debts bigint[] := '{}';
    befores bytea[] := '{}';
    hashes bytea[] := '{}';
BEGIN
    PERFORM 1 FROM points_account
    WHERE id IN (SELECT (x ->> 'account_id')::bigint FROM jsonb_array_elements(p_rows) x) ORDER BY id FOR UPDATE;
    FOR r IN SELECT b.n, b.account_id, b.kind, b.points, b.source_type, b.source_id
             FROM points_credit_rows_v2(p_rows) b
             WHERE b.known_id IS NULL AND b.refused IS NULL AND b.n = b.first_n ORDER BY b.account_id, b.n
    LOOP
        IF r.account_id <> current_account THEN
            SELECT * INTO a FROM points_account WHERE id = r.account_id;
            current_account := r.account_id;
            net := a.balance - a.debt;
        END IF;
        debt_delta := -least(a.debt, r.points);
        net := net + r.points;
        new_hash := points_row_hash_v1(a.last_hash, r.account_id, r.kind, r.points, r.source_type, r.source_id);
        a.seq := a.seq + 1;
        ns := ns || r.n;
        seqs := seqs || a.seq;
        nets := nets || net;
        debts := debts || debt_delta;
        befores := befores || a.last_hash;
        hashes := hashes || new_hash;
        a.debt := a.debt + debt_delta;
        a.last_hash := new_hash;
    END LOOP;
    RETURN QUERY
    WITH batch AS MATERIALIZED (
        SELECT b.*, u.seq, u.net, u.debt_delta, u.before, u.hash
        FROM points_credit_rows_v2(p_rows) b
        LEFT JOIN unnest(ns, seqs, nets, debts, befores, hashes)
            AS u(chain_n, seq, net, debt_delta, before, hash) ON u.chain_n = b.n
    ), entries AS (
        INSERT INTO points_entry (
            account_id, member_id, seq, kind, points, balance_after, debt_delta, source_type, source_id,
            actor_type, actor_id, reason, note, store_id, explanation, occurred_at, created_at,
            prev_hash, row_hash)
        SELECT b.account_id, b.member_id, b.seq, b.kind, b.points, b.net, b.debt_delta, b.source_type, b.source_id,
               c.actor_type, c.actor_id, coalesce(b.reason, c.reason), coalesce(b.note, c.note), b.store_id,
               b.explanation, b.occurred_at, c.now,
               b.before, b.hash
        FROM batch b WHERE b.seq IS NOT NULL
        ORDER BY b.n
        RETURNING id, account_id, seq, points, debt_delta
    ), placed AS (
        SELECT e.id, b.n, b.expires_at, b.brand_id, e.account_id, e.points, e.debt_delta
        FROM entries e JOIN batch b ON b.account_id = e.account_id AND b.seq = e.seq
    ), lots AS (
        INSERT INTO points_lot (entry_id, account_id, original, remaining, available_from, expires_at, brand_id)
        SELECT p.id, p.account_id, p.points + p.debt_delta, p.points + p.debt_delta, c.now, p.expires_at, p.brand_id
        FROM placed p WHERE p.points + p.debt_delta > 0
    ), messages AS (
        INSERT INTO backoffice_outboxmessage (topic, subject_id, created_at)
        SELECT 'points.entry', p.id, c.now FROM placed p ORDER BY p.id
    )
    SELECT b.n, coalesce(b.known_id, p.id), b.points, b.known_id IS NOT NULL OR b.n <> b.first_n, b.refused
    FROM batch b LEFT JOIN placed p ON p.n = b.first_n AND b.refused IS NULL
    ORDER BY b.n;
END $$;
