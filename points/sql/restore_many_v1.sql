-- Give many imported deductions back in one call: what is owed is paid first, the rest returns to the lots that it
-- came from, as if nothing had been taken; what has lapsed meanwhile comes back lapsed, in an expiry entry of its
-- own. Each is a correction that the system asks for, known by `import-undone:` and the source of the deduction.
-- `p_rows` is a JSON array of {entry_id, explanation}.
CREATE FUNCTION points_restore_many_v1(p_rows jsonb, c points_context)
RETURNS TABLE (n bigint, entry_id bigint, points bigint, lapsed bigint, replayed boolean, refused text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    r record;
    known record;
    given record;
BEGIN
    PERFORM 1 FROM points_account
    WHERE id IN (SELECT e.account_id FROM points_entry e
                 WHERE e.id IN (SELECT (row ->> 'entry_id')::bigint FROM jsonb_array_elements(p_rows) row))
    ORDER BY id FOR UPDATE;
    FOR r IN
        SELECT o.place, o.explanation, e.id, e.kind, e.points, e.account_id, e.source_id, m.status
        FROM ROWS FROM (jsonb_to_recordset(p_rows) AS (entry_id bigint, explanation jsonb)) WITH ORDINALITY
            AS o(entry_id, explanation, place)
        LEFT JOIN points_entry e ON e.id = o.entry_id
        LEFT JOIN members_member m ON m.id = e.member_id
        ORDER BY o.place DESC
    LOOP
        n := r.place;
        entry_id := NULL;
        points := NULL;
        lapsed := 0;
        replayed := false;
        refused := NULL;
        SELECT e.id, e.points INTO known
        FROM points_adjustment q JOIN points_entry e ON e.adjustment_id = q.id
        WHERE q.key = 'import-undone:' || r.source_id;
        IF FOUND THEN
            entry_id := known.id;
            points := known.points;
            replayed := true;
        ELSIF r.id IS NULL OR r.kind <> 'import' OR r.points > 0 THEN
            refused := 'not_reversible';
        ELSIF r.status IN ('erased', 'merged') THEN
            refused := 'member_not_served';
        ELSE
            c.explanation := r.explanation;
            SELECT * INTO given FROM points_restore_v1(r.id, c);
            entry_id := given.entry_id;
            points := -r.points;
            lapsed := given.lapsed;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- One of them; the caller has locked the account and looked for a known one.
CREATE FUNCTION points_restore_v1(p_entry bigint, c points_context, OUT entry_id bigint, OUT lapsed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    o points_entry;
    a points_account;
    u record;
    request bigint;
    pays bigint;
    left_over bigint;
    back bigint;
    posted points_posting;
    lots bigint[];
    backs bigint[];
    lapsed_lots bigint[];
    lapsed_points bigint[];
BEGIN
    SELECT * INTO o FROM points_entry WHERE id = p_entry;
    SELECT * INTO a FROM points_account WHERE id = o.account_id;
    pays := least(a.debt, -o.points);
    left_over := -o.points - pays;
    lapsed := 0;
    FOR u IN
        SELECT s.lot_id, s.points, l.expires_at FROM points_lotuse s JOIN points_lot l ON l.entry_id = s.lot_id
        WHERE s.entry_id = o.id ORDER BY l.expires_at DESC NULLS FIRST, l.entry_id DESC
    LOOP
        EXIT WHEN left_over = 0;
        back := least(u.points, left_over);
        left_over := left_over - back;
        lots := lots || u.lot_id;
        backs := backs || -back;
        IF u.expires_at <= c.now THEN
            lapsed_lots := lapsed_lots || u.lot_id;
            lapsed_points := lapsed_points || back;
            lapsed := lapsed + back;
        END IF;
    END LOOP;
    INSERT INTO points_adjustment (account_id, points, reason, note, key, status, needs_approval,
                                   created_at, decided_at, applied_at)
    VALUES (a.id, -o.points, 'import_undone', '', 'import-undone:' || o.source_id, 'applied', false,
            c.now, c.now, c.now)
    RETURNING id INTO request;
    posted := points_append_v1(a, c, 'adjust', -o.points, -pays, 'adjustment', request::text, p_adjustment => request);
    PERFORM points_use_lots_v1(posted.entry_id, lots, backs);
    entry_id := posted.entry_id;
    IF lapsed > 0 THEN
        SELECT * INTO a FROM points_account WHERE id = a.id;
        c.explanation := jsonb_build_object('rule', 'came_back_lapsed', 'refund_entry', posted.entry_id);
        posted := points_append_v1(a, c, 'expire', -lapsed, 0, 'lapsed_refund', posted.entry_id::text);
        PERFORM points_use_lots_v1(posted.entry_id, lapsed_lots, lapsed_points);
    END IF;
END $$;
