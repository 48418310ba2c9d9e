-- Points that wait (S87): outside the ledger until they are confirmed; then one entry is written.
CREATE FUNCTION points_pend_v1(
    p_account bigint, p_kind text, p_points bigint, p_source_type text, p_source_id text,
    p_confirm_at timestamptz, c points_context
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account := points_lock_v1(p_account, c);
    known points_pendingcredit;
    new_id bigint;
BEGIN
    SELECT * INTO known FROM points_pendingcredit
    WHERE source_type = p_source_type AND source_id = p_source_id AND kind = p_kind AND account_id = a.id;
    IF FOUND THEN
        IF known.original <> p_points THEN
            PERFORM points_refuse_v1('SK005', jsonb_build_object('points', known.original));
        END IF;
        RETURN known.id;
    END IF;
    IF (points_known_v1(a, p_kind, NULL, p_source_type, p_source_id)).entry_id IS NOT NULL THEN
        PERFORM points_refuse_v1('SK005', jsonb_build_object('points', p_points));
    END IF;
    PERFORM points_check_served_v1(a, c);
    IF p_points <= 0 OR p_kind NOT IN ('earn', 'bonus', 'import') THEN
        PERFORM points_refuse_v1('SK012', jsonb_build_object('value', p_points));
    END IF;
    INSERT INTO points_pendingcredit (account_id, kind, original, points, status, source_type, source_id,
                                      confirm_at, occurred_at, created_at, store_id, brand_id, explanation)
    VALUES (a.id, p_kind, p_points, p_points, 'open', p_source_type, p_source_id,
            p_confirm_at, c.occurred_at, c.now, c.store_id, c.brand_id, c.explanation)
    RETURNING id INTO new_id;
    RETURN new_id;
END $$;

-- Take points away while they wait; the last ones cancel the credit. Answers what is left.
CREATE FUNCTION points_reduce_pending_v1(p_pending bigint, p_points bigint, c points_context) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account;
    w points_pendingcredit;
BEGIN
    a := points_lock_v1((SELECT account_id FROM points_pendingcredit WHERE id = p_pending), c);
    SELECT * INTO w FROM points_pendingcredit WHERE id = p_pending FOR UPDATE;
    IF w.status <> 'open' THEN
        PERFORM points_refuse_v1('SK010');
    END IF;
    IF p_points <= 0 OR p_points > w.points THEN
        PERFORM points_refuse_v1('SK006', jsonb_build_object('left', w.points));
    END IF;
    UPDATE points_pendingcredit
    SET points = points - p_points,
        status = CASE WHEN points = p_points THEN 'cancelled' ELSE 'open' END,
        settled_at = CASE WHEN points = p_points THEN c.now END
    WHERE id = w.id;
    RETURN w.points - p_points;
END $$;

CREATE FUNCTION points_confirm_pending_v1(
    p_pending bigint, p_expires_at timestamptz, p_slide_to timestamptz, c points_context
) RETURNS points_posting
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account;
    w points_pendingcredit;
    known points_posting;
BEGIN
    a := points_lock_v1((SELECT account_id FROM points_pendingcredit WHERE id = p_pending), c);
    SELECT * INTO w FROM points_pendingcredit WHERE id = p_pending FOR UPDATE;
    known := points_known_v1(a, w.kind, NULL, w.source_type, w.source_id);
    IF known.entry_id IS NOT NULL THEN
        -- The same event was credited at once by another way: what waits for it has nothing left to do.
        UPDATE points_pendingcredit SET status = 'cancelled', settled_at = c.now WHERE id = w.id AND status = 'open';
        RETURN known;
    END IF;
    IF w.status <> 'open' THEN
        PERFORM points_refuse_v1('SK010');
    END IF;
    c.store_id := w.store_id;
    c.brand_id := w.brand_id;
    c.occurred_at := w.occurred_at;
    c.explanation := w.explanation || jsonb_build_object('confirmed_from_pending', w.id);
    UPDATE points_pendingcredit SET status = 'confirmed', settled_at = c.now WHERE id = w.id;
    RETURN points_credit_v1(a.id, w.kind, w.points, w.source_type, w.source_id, p_expires_at, p_slide_to, c);
END $$;
