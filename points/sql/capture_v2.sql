-- Capture: the hold ends and its own lots pay, also when they lapsed while it was open. It is an activity of the
-- member as every spend is, so in a sliding program it moves the deadlines of what he still has.
CREATE FUNCTION points_capture_v2(
    p_hold bigint, p_points bigint, p_source_type text, p_source_id text, p_slide_to timestamptz, c points_context
) RETURNS points_posting
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account;
    h points_hold;
    known points_posting;
    answer points_posting;
BEGIN
    a := points_lock_v1((SELECT account_id FROM points_hold WHERE id = p_hold), c);
    SELECT * INTO h FROM points_hold WHERE id = p_hold FOR UPDATE;
    known := points_known_v1(a, 'spend', -p_points, p_source_type, p_source_id, p_hold => p_hold);
    IF known.entry_id IS NOT NULL THEN
        RETURN known;
    END IF;
    PERFORM points_check_served_v1(a, c);
    IF h.status <> 'open' OR h.expires_at <= c.now THEN
        PERFORM points_refuse_v1('SK008', jsonb_build_object(
            'status', CASE WHEN h.status = 'open' THEN 'expired' ELSE h.status END));
    END IF;
    IF p_points <= 0 OR p_points > h.points THEN
        PERFORM points_refuse_v1('SK009', jsonb_build_object('held', h.points, 'needed', p_points));
    END IF;
    UPDATE points_hold SET status = 'captured', captured = p_points, settled_at = c.now WHERE id = h.id;
    a.held := a.held - h.points;
    answer := points_append_v1(a, c, 'spend', -p_points, 0, p_source_type, p_source_id, p_hold => h.id);
    INSERT INTO points_lotuse (entry_id, lot_id, points)
    SELECT answer.entry_id, lot_id, least(points, p_points - before)
    FROM (SELECT hl.lot_id, hl.points,
                 coalesce(sum(hl.points) OVER (ORDER BY l.expires_at NULLS LAST, l.entry_id
                                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
          FROM points_holdlot hl JOIN points_lot l ON l.entry_id = hl.lot_id
          WHERE hl.hold_id = h.id) named
    WHERE before < p_points;
    IF p_slide_to IS NOT NULL THEN
        PERFORM points_slide_v1(a.id, p_slide_to, c.now);
    END IF;
    PERFORM points_pay_debt_v1(a.id, 'hold:' || h.id, c);
    SELECT seq, balance, held, debt INTO answer.seq, answer.balance, answer.held, answer.debt
    FROM points_account WHERE id = a.id;
    RETURN answer;
END $$;
