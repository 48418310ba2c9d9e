-- Apply a correction that people decided: a gift is a credit, a deduction takes free points or is refused.
CREATE FUNCTION points_adjust_v1(p_adjustment bigint, p_expires_at timestamptz, c points_context)
RETURNS points_posting
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account;
    r points_adjustment;
    known points_posting;
    answer points_posting;
BEGIN
    SELECT * INTO r FROM points_adjustment WHERE id = p_adjustment;
    a := points_lock_v1(r.account_id, c);
    SELECT * INTO r FROM points_adjustment WHERE id = p_adjustment FOR UPDATE;
    known := points_known_v1(a, 'adjust', r.points, 'adjustment', r.id::text);
    IF known.entry_id IS NOT NULL THEN
        RETURN known;
    END IF;
    -- Somebody asked for it, and for a large one (points/policy.py) somebody else said yes, whatever the row claims.
    IF r.status IS DISTINCT FROM 'approved' OR r.requested_by_id IS NULL
       OR ((r.needs_approval OR abs(r.points) > 1000) AND r.approved_by_id IS NULL) THEN
        PERFORM points_refuse_v1('SK015', jsonb_build_object('status', r.status));
    END IF;
    PERFORM points_check_served_v1(a, c);
    IF r.points > 0 THEN
        answer := points_give_v1(a, c, 'adjust', r.points, 'adjustment', r.id::text, p_expires_at, r.id);
    ELSE
        answer := points_take_v1(a, c, 'adjust', -r.points, 'adjustment', r.id::text, r.id);
    END IF;
    UPDATE points_adjustment SET status = 'applied', applied_at = c.now WHERE id = r.id;
    RETURN answer;
END $$;
