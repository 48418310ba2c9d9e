-- Many deductions out of a file in one call: row for row, in the given order, what a correction that takes points
-- does. Free points only (never held or lapsed ones), in the program's order of use, and a row that they do not
-- reach for is refused as a whole. `p_rows` is a JSON array of {account_id, points (what is taken, above 0),
-- source_type, source_id, brand_id, explanation, reason, note}; one line per row is answered.
CREATE FUNCTION points_deduct_many_v1(p_rows jsonb, c points_context)
RETURNS TABLE (n bigint, entry_id bigint, points bigint, replayed boolean, refused text, available bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    r record;
    a points_account;
    known record;
    chosen record;
    posted points_posting;
    member_status text;
    x points_context := c;
BEGIN
    PERFORM 1 FROM points_account
    WHERE id IN (SELECT (row ->> 'account_id')::bigint FROM jsonb_array_elements(p_rows) row) ORDER BY id FOR UPDATE;
    FOR r IN
        SELECT o.*, p.order_of_use, p.id AS program_id
        FROM ROWS FROM (jsonb_to_recordset(p_rows) AS (
                 account_id bigint, points bigint, source_type text, source_id text, brand_id bigint,
                 explanation jsonb, reason text, note text)) WITH ORDINALITY AS o(
                 account_id, points, source_type, source_id, brand_id, explanation, reason, note, place)
        LEFT JOIN points_account f ON f.id = o.account_id
        LEFT JOIN points_program p ON p.id = f.program_id
        ORDER BY o.place
    LOOP
        n := r.place;
        entry_id := NULL;
        points := -r.points;
        replayed := false;
        refused := NULL;
        available := NULL;
        SELECT e.id, e.points INTO known FROM points_entry e
        WHERE e.source_type = r.source_type AND e.source_id = r.source_id AND e.kind = 'import'
          AND e.account_id = r.account_id;
        IF FOUND THEN
            IF known.points = -r.points THEN
                entry_id := known.id;
                replayed := true;
            ELSE
                refused := 'key_reused';
            END IF;
            RETURN NEXT;
            CONTINUE;
        END IF;
        SELECT * INTO a FROM points_account WHERE id = r.account_id;
        SELECT status INTO member_status FROM members_member WHERE id = a.member_id;
        IF member_status IS DISTINCT FROM 'active' THEN
            refused := 'member_not_served';
        ELSIF (r.points > 0) IS NOT TRUE THEN
            refused := 'invalid_points';
        ELSE
            x.brand_id := r.brand_id;
            SELECT * INTO chosen FROM points_choose_lots_v1(
                a.id, r.points, c.now, r.order_of_use, points_own_brand_v1(r.program_id, x));
            available := chosen.taken;
            IF chosen.taken < r.points THEN
                refused := 'insufficient_points';
            ELSE
                x.reason := coalesce(r.reason, c.reason);
                x.note := coalesce(r.note, c.note);
                x.explanation := r.explanation;
                posted := points_append_v1(a, x, 'import', -r.points, 0, r.source_type, r.source_id);
                PERFORM points_use_lots_v1(posted.entry_id, chosen.lots, chosen.takes);
                entry_id := posted.entry_id;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
