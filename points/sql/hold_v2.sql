-- A hold names the lots that it sets aside, so that what was promised stays there until its end, which the program
-- bounds: points that nobody can use for years would be lost to the member.
CREATE FUNCTION points_hold_v2(
    p_account bigint, p_points bigint, p_source_type text, p_source_id text,
    p_expires_at timestamptz, c points_context,
    OUT hold_id bigint, OUT points bigint, OUT status text, OUT balance bigint, OUT held bigint, OUT replayed boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account := points_lock_v1(p_account, c);
    p record;
    known record;
    chosen record;
BEGIN
    SELECT h.id, h.account_id, h.points, h.status INTO known FROM points_hold h
    WHERE h.source_type = p_source_type AND h.source_id = p_source_id;
    IF FOUND THEN
        IF known.account_id <> a.id OR known.points <> p_points THEN
            PERFORM points_refuse_v1('SK005', jsonb_build_object('points', known.points));
        END IF;
        SELECT known.id, known.points, known.status, a.balance, a.held, true
        INTO hold_id, points, status, balance, held, replayed;
        RETURN;
    END IF;
    PERFORM points_check_served_v1(a, c);
    PERFORM points_check_spendable_v1(a);
    SELECT order_of_use, max_hold_days INTO p FROM points_program WHERE id = a.program_id;
    IF p_points <= 0 OR p_expires_at <= c.now THEN
        PERFORM points_refuse_v1('SK012', jsonb_build_object('value', p_points));
    END IF;
    IF p_expires_at > c.now + make_interval(days => p.max_hold_days) THEN
        PERFORM points_refuse_v1('SK024', jsonb_build_object('days', p.max_hold_days));
    END IF;
    SELECT * INTO chosen FROM points_choose_lots_v1(
        a.id, p_points, c.now, p.order_of_use, points_own_brand_v1(a.program_id, c));
    IF chosen.taken < p_points THEN
        PERFORM points_refuse_v1('SK001', jsonb_build_object('needed', p_points, 'available', chosen.taken));
    END IF;
    INSERT INTO points_hold AS h (account_id, points, status, source_type, source_id, actor_type, actor_id,
                                  store_id, created_at, expires_at)
    VALUES (a.id, p_points, 'open', p_source_type, p_source_id, c.actor_type, c.actor_id,
            c.store_id, c.now, p_expires_at)
    ON CONFLICT (source_type, source_id) DO NOTHING
    RETURNING h.id INTO hold_id;
    IF hold_id IS NULL THEN
        -- Another account took the same source this very moment; the lock of ours did not keep it out.
        PERFORM points_refuse_v1('SK005', jsonb_build_object('points', p_points));
    END IF;
    INSERT INTO points_holdlot (hold_id, lot_id, points)
    SELECT points_hold_v2.hold_id, u.lot, u.take FROM unnest(chosen.lots, chosen.takes) AS u(lot, take);
    SELECT p_points, 'open', a.balance, a.held + p_points, false
    INTO points, status, balance, held, replayed;
END $$;
