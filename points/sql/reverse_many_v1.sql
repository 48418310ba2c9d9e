-- Take many imported credits back in one call, each as far as it is not undone yet. `p_rows` is a JSON array of
-- {entry_id, source_type, source_id, explanation}. What of a credit was spent is owed or left, by the program's
-- policy, as points_reverse_credit_v1 does it; `left_over` is what could not be taken. Credits whose lot nobody has
-- touched go first and together, so that none of their points are taken for another's.
CREATE FUNCTION points_reverse_many_v1(p_rows jsonb, c points_context)
RETURNS TABLE (n bigint, entry_id bigint, points bigint, left_over bigint, replayed boolean, refused text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    r record;
    a points_account;
    current_account bigint := -1;
    net bigint;
    new_hash bytea;
    posted points_posting;
    x points_context := c;
    ns bigint[] := '{}';
    seqs bigint[] := '{}';
    nets bigint[] := '{}';
    befores bytea[] := '{}';
    hashes bytea[] := '{}';
BEGIN
    PERFORM 1 FROM points_account
    WHERE id IN (SELECT e.account_id FROM points_entry e
                 WHERE e.id IN (SELECT (row ->> 'entry_id')::bigint FROM jsonb_array_elements(p_rows) row))
    ORDER BY id FOR UPDATE;
    FOR r IN SELECT * FROM points_reverse_rows_v1(p_rows) b WHERE b.untouched ORDER BY b.account_id, b.n LOOP
        IF r.account_id <> current_account THEN
            SELECT * INTO a FROM points_account WHERE id = r.account_id;
            current_account := r.account_id;
            net := a.balance - a.debt;
        END IF;
        net := net - r.points;
        new_hash := points_row_hash_v1(a.last_hash, r.account_id, 'reverse_earn', -r.points, r.source_type, r.source_id);
        a.seq := a.seq + 1;
        ns := ns || r.n;
        seqs := seqs || a.seq;
        nets := nets || net;
        befores := befores || a.last_hash;
        hashes := hashes || new_hash;
        a.last_hash := new_hash;
    END LOOP;
    RETURN QUERY
    WITH batch AS MATERIALIZED (
        SELECT b.*, u.seq, u.net, u.before, u.hash
        FROM unnest(ns, seqs, nets, befores, hashes) AS u(chain_n, seq, net, before, hash)
        JOIN points_reverse_rows_v1(p_rows) b ON b.n = u.chain_n
    ), entries AS (
        INSERT INTO points_entry (
            account_id, member_id, seq, kind, points, balance_after, debt_delta, source_type, source_id, reverses_id,
            actor_type, actor_id, reason, note, explanation, occurred_at, created_at, prev_hash, row_hash)
        SELECT b.account_id, b.member_id, b.seq, 'reverse_earn', -b.points, b.net, 0, b.source_type, b.source_id,
               b.entry_id, c.actor_type, c.actor_id, c.reason, c.note,
               b.explanation || jsonb_build_object('asked', b.points), c.occurred_at, c.now, b.before, b.hash
        FROM batch b ORDER BY b.n
        RETURNING id, reverses_id, points
    ), uses AS (
        INSERT INTO points_lotuse (entry_id, lot_id, points)
        SELECT e.id, e.reverses_id, -e.points FROM entries e
    ), messages AS (
        INSERT INTO backoffice_outboxmessage (topic, subject_id, created_at)
        SELECT 'points.entry', e.id, c.now FROM entries e ORDER BY e.id
    )
    SELECT b.n, e.id, e.points, 0::bigint, false, NULL FROM batch b JOIN entries e ON e.reverses_id = b.entry_id;
    FOR r IN SELECT * FROM points_reverse_rows_v1(p_rows) b WHERE b.n <> ALL (ns) ORDER BY b.n LOOP
        posted := NULL;
        IF r.refused IS NULL AND r.known_id IS NULL THEN
            x.explanation := r.explanation;
            posted := points_reverse_credit_v1(
                r.entry_id, r.left_to_undo, r.debt_policy, r.source_type, r.source_id, x);
        END IF;
        RETURN QUERY SELECT r.n, coalesce(posted.entry_id, r.known_id), posted.points,
                            r.left_to_undo + coalesce(posted.points, 0), r.known_id IS NOT NULL, r.refused;
    END LOOP;
END $$;

-- The rows of such a call beside what is known of them. A row that this source has undone before is a repetition
-- (`known_id`), and `refused` says why another cannot be undone: a member who is gone, a credit that is undone.
CREATE FUNCTION points_reverse_rows_v1(p_rows jsonb) RETURNS TABLE (
    n bigint, entry_id bigint, account_id bigint, member_id bigint, points bigint, source_type text, source_id text,
    explanation jsonb, debt_policy text, left_to_undo bigint, known_id bigint, untouched boolean, refused text
)
LANGUAGE sql STABLE AS $$
    SELECT r.n, o.id, o.account_id, o.member_id, o.points, r.source_type, r.source_id, r.explanation,
           p.debt_policy, o.points - undone.points, k.id,
           k.id IS NULL AND undone.points = 0 AND m.status NOT IN ('erased', 'merged')
               AND l.remaining IS NOT DISTINCT FROM o.points AND l.held = 0,
           CASE WHEN k.id IS NOT NULL THEN NULL
                WHEN o.id IS NULL OR o.kind <> 'import' OR o.points < 0 THEN 'not_reversible'
                WHEN m.status IN ('erased', 'merged') THEN 'member_not_served'
                WHEN undone.points >= o.points THEN 'already_reversed' END
    FROM ROWS FROM (jsonb_to_recordset(p_rows) AS (
             entry_id bigint, source_type text, source_id text, explanation jsonb)) WITH ORDINALITY AS r(
             entry_id, source_type, source_id, explanation, n)
    LEFT JOIN points_entry o ON o.id = r.entry_id
    LEFT JOIN points_account a ON a.id = o.account_id
    LEFT JOIN points_program p ON p.id = a.program_id
    LEFT JOIN members_member m ON m.id = a.member_id
    LEFT JOIN points_lot l ON l.entry_id = o.id
    LEFT JOIN points_entry k ON k.source_type = r.source_type AND k.source_id = r.source_id
                            AND k.kind = 'reverse_earn' AND k.account_id = o.account_id
    CROSS JOIN LATERAL (SELECT coalesce(-sum(u.points), 0)::bigint AS points FROM points_entry u
                        WHERE u.reverses_id = o.id) undone
$$;
