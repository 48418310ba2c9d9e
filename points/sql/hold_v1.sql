-- A hold names the lots that it sets aside, so that what was promised stays there until its end.
CREATE FUNCTION points_hold_v1(
    p_account bigint, p_points bigint, p_source_type text, p_source_id text,
    p_expires_at timestamptz, c points_context,
    OUT hold_id bigint, OUT points bigint, OUT status text, OUT balance bigint, OUT held bigint, OUT replayed boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account := points_lock_v1(p_account, c);
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
    IF p_points <= 0 OR p_expires_at <= c.now THEN
        PERFORM points_refuse_v1('SK012', jsonb_build_object('value', p_points));
    END IF;
    SELECT * INTO chosen FROM points_choose_lots_v1(
        a.id, p_points, c.now, (SELECT order_of_use FROM points_program WHERE id = a.program_id),
        points_own_brand_v1(a.program_id, c));
    IF chosen.taken < p_points THEN
        PERFORM points_refuse_v1('SK001', jsonb_build_object('needed', p_points, 'available', chosen.taken));
    END IF;
    INSERT INTO points_hold (account_id, points, status, source_type, source_id, actor_type, actor_id,
                             store_id, created_at, expires_at)
    VALUES (a.id, p_points, 'open', p_source_type, p_source_id, c.actor_type, c.actor_id,
            c.store_id, c.now, p_expires_at)
    RETURNING id INTO hold_id;
    INSERT INTO points_holdlot (hold_id, lot_id, points)
    SELECT points_hold_v1.hold_id, u.lot, u.take FROM unnest(chosen.lots, chosen.takes) AS u(lot, take);
    SELECT p_points, 'open', a.balance, a.held + p_points, false
    INTO points, status, balance, held, replayed;
END $$;

-- Capture: the hold ends and its own lots pay, also when they lapsed while it was open.
CREATE FUNCTION points_capture_v1(
    p_hold bigint, p_points bigint, p_source_type text, p_source_id text, c points_context
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
    PERFORM points_pay_debt_v1(a.id, 'hold:' || h.id, c);
    SELECT seq, balance, held, debt INTO answer.seq, answer.balance, answer.held, answer.debt
    FROM points_account WHERE id = a.id;
    RETURN answer;
END $$;

-- Release: by hand ('voided') or because its time is over ('expired'). Freed points pay debt at once.
CREATE FUNCTION points_release_v1(p_hold bigint, p_status text, c points_context) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account;
    h points_hold;
BEGIN
    a := points_lock_v1((SELECT account_id FROM points_hold WHERE id = p_hold), c);
    SELECT * INTO h FROM points_hold WHERE id = p_hold FOR UPDATE;
    IF h.status = p_status THEN
        RETURN false;
    END IF;
    IF h.status <> 'open' OR p_status NOT IN ('voided', 'expired') OR (p_status = 'expired' AND h.expires_at > c.now)
    THEN
        PERFORM points_refuse_v1('SK008', jsonb_build_object('status', h.status));
    END IF;
    UPDATE points_hold SET status = p_status, settled_at = c.now WHERE id = h.id;
    PERFORM points_pay_debt_v1(a.id, 'hold:' || h.id, c);
    RETURN true;
END $$;

-- Debt and free points never stand side by side. Where a hold kept points from paying, its end settles it by
-- two corrections that the system asks for: one takes the points, the other takes the debt away.
CREATE FUNCTION points_pay_debt_v1(p_account bigint, p_cause text, c points_context) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    a points_account;
    chosen record;
    posted points_posting;
    request bigint;
BEGIN
    SELECT * INTO a FROM points_account WHERE id = p_account;
    IF a.debt = 0 THEN
        RETURN;
    END IF;
    SELECT * INTO chosen FROM points_choose_lots_v1(a.id, a.debt, c.now, 'expiring_first');
    IF chosen.taken = 0 THEN
        RETURN;
    END IF;
    c.expected_seq := NULL;
    c.explanation := jsonb_build_object('rule', 'debt_paid_from_released_hold', 'cause', p_cause);
    INSERT INTO points_adjustment (account_id, points, reason, note, key, status, needs_approval,
                                   created_at, decided_at, applied_at)
    VALUES (a.id, -chosen.taken, 'debt_paid', p_cause, 'debt-out:' || p_cause, 'applied', false,
            c.now, c.now, c.now)
    RETURNING id INTO request;
    posted := points_append_v1(a, c, 'adjust', -chosen.taken, 0, 'adjustment', request::text,
                               p_adjustment => request);
    PERFORM points_use_lots_v1(posted.entry_id, chosen.lots, chosen.takes);
    SELECT * INTO a FROM points_account WHERE id = p_account;
    INSERT INTO points_adjustment (account_id, points, reason, note, key, status, needs_approval,
                                   created_at, decided_at, applied_at)
    VALUES (a.id, chosen.taken, 'debt_paid', p_cause, 'debt-in:' || p_cause, 'applied', false,
            c.now, c.now, c.now)
    RETURNING id INTO request;
    PERFORM points_append_v1(a, c, 'adjust', chosen.taken, -chosen.taken, 'adjustment', request::text,
                             p_adjustment => request);
END $$;
