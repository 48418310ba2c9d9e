-- As v3, and a request may undo a redemption: then its points go back to the lots that they came from. What a
-- request is about (a lapse, a redemption) stands in columns of its own and no longer in its key.
--
-- Apply a correction that people decided: a gift is a credit, a deduction takes free points or is refused. What
-- nobody approved must keep to the limits of whoever asked. Locks: the request, the day's counters, the account.
CREATE FUNCTION points_adjust_v4(p_adjustment bigint, p_expires_at timestamptz, c points_context)
RETURNS points_posting
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account;
    r points_adjustment;
    l record;
    known points_posting;
    answer points_posting;
    lapse_left bigint;
BEGIN
    SELECT * INTO r FROM points_adjustment WHERE id = p_adjustment FOR UPDATE;
    IF r.status = 'applied' THEN
        a := points_lock_v1(r.account_id, c);
        IF r.undoes_id IS NULL THEN
            known := points_known_v1(a, 'adjust', r.points, 'adjustment', r.id::text);
        ELSE
            known := points_known_v1(a, 'refund_spend', r.points, 'undo_request', r.id::text,
                                     p_reverses => r.undoes_id);
        END IF;
        IF known.entry_id IS NOT NULL THEN
            RETURN known;
        END IF;
    END IF;
    -- Somebody asked for it, and where it was said to need one, somebody else said yes.
    IF r.status IS DISTINCT FROM 'approved' OR r.requested_by_id IS NULL
       OR (r.needs_approval AND r.approved_by_id IS NULL) THEN
        PERFORM points_refuse_v1('SK015', jsonb_build_object('status', r.status));
    END IF;
    PERFORM points_check_decision_v1(r, c);
    IF r.approved_by_id IS NULL THEN
        SELECT * INTO l FROM points_limits_v1(r.requested_by_id);
        IF abs(r.points) > l.per_request THEN
            PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'request', 'most', l.per_request));
        END IF;
        IF r.points > 0 THEN
            PERFORM points_count_given_v1(r, l.per_clerk_day, l.per_receiver_day, l.per_store_day, c);
        END IF;
    END IF;
    a := points_lock_v1(r.account_id, c);
    IF r.undoes_id IS NOT NULL THEN
        PERFORM FROM points_entry WHERE id = r.undoes_id AND account_id = r.account_id;
        IF NOT FOUND THEN
            PERFORM points_refuse_v1('SK011');
        END IF;
        SELECT (f.posting).* INTO answer
        FROM points_refund_spend_v1(r.undoes_id, r.points, 'undo_request', r.id::text, c) f;
    ELSE
        PERFORM points_check_served_v1(a, c);
        IF r.lapse_id IS NOT NULL THEN
            lapse_left := points_lapse_left_v1(r.lapse_id);
            IF r.points > lapse_left THEN
                PERFORM points_refuse_v1('SK025', jsonb_build_object('left', lapse_left));
            END IF;
        END IF;
        IF r.points > 0 THEN
            answer := points_give_v1(a, c, 'adjust', r.points, 'adjustment', r.id::text, p_expires_at, r.id);
        ELSE
            answer := points_take_v1(a, c, 'adjust', -r.points, 'adjustment', r.id::text, r.id);
        END IF;
    END IF;
    UPDATE points_adjustment SET status = 'applied', applied_at = c.now WHERE id = r.id;
    RETURN answer;
END $$;
