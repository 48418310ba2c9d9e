-- A debit out of free points: refused as a whole when they do not reach.
CREATE FUNCTION points_take_v1(
    a points_account, c points_context, p_kind text, p_points bigint, p_source_type text, p_source_id text,
    p_adjustment bigint DEFAULT NULL
) RETURNS points_posting
LANGUAGE plpgsql AS $$
DECLARE
    use_order text := (SELECT order_of_use FROM points_program WHERE id = a.program_id);
    chosen record;
    answer points_posting;
BEGIN
    SELECT * INTO chosen FROM points_choose_lots_v1(
        a.id, p_points, c.now, use_order, points_own_brand_v1(a.program_id, c));
    IF chosen.taken < p_points THEN
        PERFORM points_refuse_v1(
            'SK001', jsonb_build_object('needed', p_points, 'available', chosen.taken));
    END IF;
    answer := points_append_v1(a, c, p_kind, -p_points, 0, p_source_type, p_source_id,
                               p_adjustment => p_adjustment);
    PERFORM points_use_lots_v1(answer.entry_id, chosen.lots, chosen.takes);
    RETURN answer;
END $$;

CREATE FUNCTION points_check_spendable_v1(a points_account) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF a.spend_blocked THEN
        PERFORM points_refuse_v1('SK002');
    END IF;
    IF NOT (SELECT spendable FROM points_program WHERE id = a.program_id) THEN
        PERFORM points_refuse_v1('SK003');
    END IF;
END $$;

CREATE FUNCTION points_spend_v1(
    p_account bigint, p_points bigint, p_source_type text, p_source_id text,
    p_slide_to timestamptz, c points_context
) RETURNS points_posting
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account := points_lock_v1(p_account, c);
    known points_posting := points_known_v1(a, 'spend', -p_points, p_source_type, p_source_id);
    may_spend boolean;
BEGIN
    IF known.entry_id IS NOT NULL THEN
        RETURN known;
    END IF;
    -- One look, after the lock; only when something is wrong the checks say what.
    SELECT m.status = 'active' AND p.spendable AND NOT a.spend_blocked AND (c.expected_seq = a.seq) IS NOT FALSE
    INTO may_spend
    FROM members_member m, points_program p WHERE m.id = a.member_id AND p.id = a.program_id;
    IF may_spend IS NOT TRUE THEN
        PERFORM points_check_served_v1(a, c);
        PERFORM points_check_spendable_v1(a);
    END IF;
    IF p_points <= 0 THEN
        PERFORM points_refuse_v1('SK012', jsonb_build_object('value', p_points));
    END IF;
    IF p_slide_to IS NOT NULL THEN
        PERFORM points_slide_v1(a.id, p_slide_to, c.now);
    END IF;
    RETURN points_take_v1(a, c, 'spend', p_points, p_source_type, p_source_id);
END $$;
