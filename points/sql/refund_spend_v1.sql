-- Undo (a part of) a redemption: debt is paid first, then the points return to the lots they came from, the
-- last lot that was used first, as if the member had spent less. Deadlines stay; what has lapsed meanwhile comes
-- back lapsed, in an expiry entry of its own (staff may grant grace for it).
CREATE FUNCTION points_refund_spend_v1(
    p_entry bigint, p_points bigint, p_source_type text, p_source_id text, c points_context,
    OUT posting points_posting, OUT lapsed bigint, OUT lapse_entry_id bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    o points_entry;
    a points_account;
    reversed bigint;
    pays bigint;
    left_over bigint;
    lot record;
    back bigint;
    lots bigint[];
    backs bigint[];
    lapsed_lots bigint[];
    lapsed_points bigint[];
    lapse points_posting;
BEGIN
    lapsed := 0;
    SELECT * INTO o FROM points_entry WHERE id = p_entry;
    IF NOT FOUND THEN
        PERFORM points_refuse_v1('SK011');
    END IF;
    a := points_lock_v1(o.account_id, c);
    posting := points_known_v1(a, 'refund_spend', p_points, p_source_type, p_source_id, p_reverses => o.id);
    IF posting.entry_id IS NOT NULL THEN
        SELECT id, -points INTO lapse_entry_id, lapsed FROM points_entry
        WHERE source_type = 'lapsed_refund' AND source_id = posting.entry_id::text
          AND kind = 'expire' AND account_id = a.id;
        lapsed := coalesce(lapsed, 0);
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM members_member WHERE id = a.member_id AND status IN ('erased', 'merged')) THEN
        PERFORM points_refuse_v1('SK004', jsonb_build_object(
            'status', (SELECT status FROM members_member WHERE id = a.member_id)));
    END IF;
    IF o.kind <> 'spend' THEN
        PERFORM points_refuse_v1('SK007');
    END IF;
    IF c.expected_seq <> a.seq THEN
        PERFORM points_refuse_v1('SK013', jsonb_build_object('count', a.seq - c.expected_seq));
    END IF;
    SELECT coalesce(sum(points), 0) INTO reversed FROM points_entry WHERE reverses_id = o.id;
    IF p_points <= 0 OR p_points > -o.points - reversed THEN
        PERFORM points_refuse_v1('SK006', jsonb_build_object('left', -o.points - reversed));
    END IF;
    pays := least(a.debt, p_points);
    left_over := p_points - pays;
    FOR lot IN
        SELECT u.lot_id, sum(u.points) AS used, l.expires_at
        FROM points_lotuse u
        JOIN points_entry e ON e.id = u.entry_id AND (e.id = o.id OR e.reverses_id = o.id)
        JOIN points_lot l ON l.entry_id = u.lot_id
        GROUP BY u.lot_id, l.expires_at, l.entry_id
        HAVING sum(u.points) > 0
        ORDER BY l.expires_at DESC NULLS FIRST, l.entry_id DESC
    LOOP
        EXIT WHEN left_over = 0;
        back := least(lot.used, left_over);
        lots := lots || lot.lot_id;
        backs := backs || -back;
        left_over := left_over - back;
        IF lot.expires_at <= c.now THEN
            lapsed_lots := lapsed_lots || lot.lot_id;
            lapsed_points := lapsed_points || back;
            lapsed := lapsed + back;
        END IF;
    END LOOP;
    posting := points_append_v1(a, c, 'refund_spend', p_points, -pays, p_source_type, p_source_id,
                                p_reverses => o.id);
    PERFORM points_use_lots_v1(posting.entry_id, lots, backs);
    IF lapsed > 0 THEN
        SELECT * INTO a FROM points_account WHERE id = a.id;
        c.explanation := jsonb_build_object('rule', 'came_back_lapsed', 'refund_entry', posting.entry_id);
        lapse := points_append_v1(a, c, 'expire', -lapsed, 0, 'lapsed_refund', posting.entry_id::text);
        PERFORM points_use_lots_v1(lapse.entry_id, lapsed_lots, lapsed_points);
        lapse_entry_id := lapse.entry_id;
        posting.balance := lapse.balance;
        posting.seq := lapse.seq;
    END IF;
END $$;
