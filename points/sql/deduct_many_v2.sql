-- As v1, row for row and in the given order, but decided first and written at once: entries, messages and uses of
-- lots are one statement each instead of one for every row.
CREATE FUNCTION points_deduct_many_v2(p_rows jsonb, c points_context)
RETURNS TABLE (n bigint, entry_id bigint, points bigint, replayed boolean, refused text, available bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    r record;
    a points_account;
    current_account bigint := -1;
    current_brand bigint;
    -- Of the current account: its free lots in their order, what each has left, and what was posted so far.
    lots bigint[];
    free bigint[];
    brands bigint[];
    posted_sources text[];
    posted_points bigint[];
    posted_ns bigint[];
    round integer;
    place integer;
    wanted bigint;
    take bigint;
    new_hash bytea;
    x points_context := c;
    -- What is to be written, and what is answered; an answer of an entry that is yet to be names its row.
    ns bigint[] := '{}';
    seqs bigint[] := '{}';
    balances bigint[] := '{}';
    befores bytea[] := '{}';
    hashes bytea[] := '{}';
    use_ns bigint[] := '{}';
    use_lots bigint[] := '{}';
    use_takes bigint[] := '{}';
    use_rounds integer[] := '{}';
    told_ns bigint[] := '{}';
    told_known bigint[] := '{}';
    told_from bigint[] := '{}';
    told_refused text[] := '{}';
    told_available bigint[] := '{}';
    entry_ns bigint[];
    entry_ids bigint[];
BEGIN
    PERFORM 1 FROM points_account
    WHERE id IN (SELECT (row ->> 'account_id')::bigint FROM jsonb_array_elements(p_rows) row) ORDER BY id FOR UPDATE;
    FOR r IN
        SELECT o.*, p.order_of_use, p.id AS program_id, m.status, e.id AS known_id, e.points AS known_points
        FROM ROWS FROM (jsonb_to_recordset(p_rows) AS (
                 account_id bigint, points bigint, source_type text, source_id text, brand_id bigint))
             WITH ORDINALITY AS o(account_id, points, source_type, source_id, brand_id, n)
        LEFT JOIN points_account f ON f.id = o.account_id
        LEFT JOIN points_program p ON p.id = f.program_id
        LEFT JOIN members_member m ON m.id = f.member_id
        LEFT JOIN points_entry e ON e.source_type = o.source_type AND e.source_id = o.source_id
                                AND e.kind = 'import' AND e.account_id = o.account_id
        ORDER BY o.account_id, o.n
    LOOP
        IF r.account_id IS DISTINCT FROM current_account THEN
            current_account := r.account_id;
            SELECT * INTO a FROM points_account WHERE id = r.account_id;
            SELECT array_agg(l.entry_id ORDER BY l.place), array_agg(l.free ORDER BY l.place),
                   array_agg(l.brand_id ORDER BY l.place)
            INTO lots, free, brands
            FROM (
                SELECT l.entry_id, l.remaining - l.held AS free, l.brand_id,
                       row_number() OVER (ORDER BY CASE WHEN r.order_of_use = 'oldest_first' THEN l.entry_id END,
                                          l.expires_at NULLS LAST, l.entry_id) AS place
                FROM points_lot l
                WHERE l.account_id = r.account_id AND l.remaining > 0 AND l.remaining > l.held
                  AND (l.expires_at IS NULL OR l.expires_at > c.now)
            ) l;
            posted_sources := '{}';
            posted_points := '{}';
            posted_ns := '{}';
            round := 0;
        END IF;
        told_ns := told_ns || r.n;
        place := array_position(posted_sources, r.source_type || ' ' || r.source_id);
        IF r.known_id IS NOT NULL OR place IS NOT NULL THEN
            IF coalesce(r.known_points, posted_points[place]) = -r.points THEN
                told_refused := told_refused || NULL::text;
                told_known := told_known || r.known_id;
                told_from := told_from || CASE WHEN r.known_id IS NULL THEN posted_ns[place] END;
            ELSE
                told_refused := told_refused || 'key_reused'::text;
                told_known := told_known || NULL::bigint;
                told_from := told_from || NULL::bigint;
            END IF;
            told_available := told_available || NULL::bigint;
            CONTINUE;
        END IF;
        told_known := told_known || NULL::bigint;
        told_from := told_from || NULL::bigint;
        IF r.status IS DISTINCT FROM 'active' OR (r.points > 0) IS NOT TRUE THEN
            told_refused := told_refused
                || CASE WHEN r.status IS DISTINCT FROM 'active' THEN 'member_not_served' ELSE 'invalid_points' END;
            told_available := told_available || NULL::bigint;
            CONTINUE;
        END IF;
        x.brand_id := r.brand_id;
        current_brand := points_own_brand_v1(r.program_id, x);
        SELECT coalesce(sum(u.free), 0) INTO wanted FROM unnest(free, brands) AS u(free, brand)
        WHERE current_brand IS NULL OR u.brand IS NULL OR u.brand = current_brand;
        told_available := told_available || least(wanted, r.points);
        IF wanted < r.points THEN
            told_refused := told_refused || 'insufficient_points'::text;
            CONTINUE;
        END IF;
        told_refused := told_refused || NULL::text;
        round := round + 1;
        wanted := r.points;
        FOR place IN 1 .. cardinality(lots) LOOP
            EXIT WHEN wanted = 0;
            CONTINUE WHEN free[place] = 0
                OR (current_brand IS NOT NULL AND brands[place] IS NOT NULL AND brands[place] <> current_brand);
            take := least(free[place], wanted);
            free[place] := free[place] - take;
            wanted := wanted - take;
            use_ns := use_ns || r.n;
            use_lots := use_lots || lots[place];
            use_takes := use_takes || take;
            use_rounds := use_rounds || round;
        END LOOP;
        new_hash := points_row_hash_v1(a.last_hash, a.id, 'import', -r.points, r.source_type, r.source_id);
        a.seq := a.seq + 1;
        a.balance := a.balance - r.points;
        ns := ns || r.n;
        seqs := seqs || a.seq;
        balances := balances || (a.balance - a.debt);
        befores := befores || a.last_hash;
        hashes := hashes || new_hash;
        a.last_hash := new_hash;
        posted_sources := posted_sources || (r.source_type || ' ' || r.source_id);
        posted_points := posted_points || -r.points;
        posted_ns := posted_ns || r.n;
    END LOOP;
    WITH batch AS MATERIALIZED (
        SELECT o.*, f.member_id, u.seq, u.balance, u.before, u.hash
        FROM unnest(ns, seqs, balances, befores, hashes) AS u(n, seq, balance, before, hash)
        JOIN ROWS FROM (jsonb_to_recordset(p_rows) AS (
                 account_id bigint, points bigint, source_type text, source_id text, explanation jsonb,
                 reason text, note text))
             WITH ORDINALITY AS o(account_id, points, source_type, source_id, explanation, reason, note, place)
             ON o.place = u.n
        JOIN points_account f ON f.id = o.account_id
    ), entries AS (
        INSERT INTO points_entry (
            account_id, member_id, seq, kind, points, balance_after, debt_delta, source_type, source_id,
            actor_type, actor_id, reason, note, store_id, explanation, occurred_at, created_at, prev_hash, row_hash)
        SELECT b.account_id, b.member_id, b.seq, 'import', -b.points, b.balance, 0, b.source_type, b.source_id,
               c.actor_type, c.actor_id, coalesce(b.reason, c.reason), coalesce(b.note, c.note), c.store_id,
               b.explanation, c.occurred_at, c.now, b.before, b.hash
        FROM batch b ORDER BY b.place
        RETURNING id, account_id, seq
    ), messages AS (
        INSERT INTO backoffice_outboxmessage (topic, subject_id, created_at)
        SELECT 'points.entry', e.id, c.now FROM entries e ORDER BY e.id
    )
    SELECT array_agg(b.place), array_agg(e.id) INTO entry_ns, entry_ids
    FROM entries e JOIN batch b ON b.account_id = e.account_id AND b.seq = e.seq;
    -- A statement uses each lot once at most: the second deduction of an account is of the second round.
    FOR turn IN 1 .. (SELECT coalesce(max(u), 0) FROM unnest(use_rounds) u) LOOP
        INSERT INTO points_lotuse (entry_id, lot_id, points)
        SELECT e.id, u.lot, u.take
        FROM unnest(use_ns, use_lots, use_takes, use_rounds) AS u(n, lot, take, round)
        JOIN unnest(entry_ns, entry_ids) AS e(n, id) ON e.n = u.n
        WHERE u.round = turn ORDER BY e.id, u.lot;
    END LOOP;
    RETURN QUERY
    SELECT t.n, coalesce(t.known, e.id), -(o.row ->> 'points')::bigint, t.known IS NOT NULL OR t.from_n IS NOT NULL,
           t.refused, t.available
    FROM unnest(told_ns, told_known, told_from, told_refused, told_available)
         AS t(n, known, from_n, refused, available)
    JOIN jsonb_array_elements(p_rows) WITH ORDINALITY AS o(row, n) ON o.n = t.n
    LEFT JOIN unnest(entry_ns, entry_ids) AS e(n, id) ON e.n = coalesce(t.from_n, t.n) AND t.refused IS NULL
    ORDER BY t.n;
END $$;
