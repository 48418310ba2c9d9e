-- As it was; an earlier lapse that was undone is known by its reason, because corrections put points back into lots
-- also when an imported deduction is undone. Arguments and answer stay, and so does the name.
--
-- Take back (a part of) a credit, from the award as it was granted. In this order: what is left of its own lot;
-- what of it has lapsed (the lapse is undone first, or the member would lose the points twice); other free
-- points; and the rest by policy: 'debt' owes it, 'clamp' and 'reduce_refund' leave it.
CREATE OR REPLACE FUNCTION points_reverse_credit_v1(
    p_entry bigint, p_points bigint, p_policy text, p_source_type text, p_source_id text, c points_context
) RETURNS points_posting
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    o points_entry;
    a points_account;
    own points_lot;
    known points_posting;
    answer points_posting;
    reversed bigint;
    lapsed bigint := 0;
    from_own bigint := 0;
    others record;
    short bigint;
BEGIN
    SELECT * INTO o FROM points_entry WHERE id = p_entry;
    IF NOT FOUND THEN
        PERFORM points_refuse_v1('SK011');
    END IF;
    a := points_lock_v1(o.account_id, c);
    -- A policy may have taken less than asked, so what was asked stands in the explanation.
    known := points_known_v1(a, 'reverse_earn', NULL, p_source_type, p_source_id, p_reverses => o.id);
    IF known.entry_id IS NOT NULL THEN
        IF (SELECT (explanation ->> 'asked')::bigint FROM points_entry WHERE id = known.entry_id) <> p_points THEN
            PERFORM points_refuse_v1('SK005', jsonb_build_object('entry_id', known.entry_id));
        END IF;
        RETURN known;
    END IF;
    IF o.kind NOT IN ('earn', 'bonus', 'import') OR o.points < 0 THEN
        PERFORM points_refuse_v1('SK007');
    END IF;
    IF c.expected_seq <> a.seq THEN
        PERFORM points_refuse_v1('SK013', jsonb_build_object('count', a.seq - c.expected_seq));
    END IF;
    c.explanation := c.explanation || jsonb_build_object('asked', p_points);
    SELECT coalesce(-sum(points), 0) INTO reversed FROM points_entry WHERE reverses_id = o.id;
    IF p_points <= 0 OR p_points > o.points - reversed THEN
        PERFORM points_refuse_v1('SK006', jsonb_build_object('left', o.points - reversed));
    END IF;
    SELECT * INTO own FROM points_lot WHERE entry_id = o.id;
    from_own := least(p_points, coalesce(own.remaining - own.held, 0));
    IF from_own < p_points AND own.entry_id IS NOT NULL THEN
        SELECT coalesce(sum(u.points), 0) INTO lapsed
        FROM points_lotuse u JOIN points_entry e ON e.id = u.entry_id
        WHERE u.lot_id = own.entry_id AND e.kind IN ('expire', 'adjust')
          AND (e.kind = 'expire' OR (u.points < 0 AND EXISTS (
                  SELECT FROM points_adjustment q WHERE q.id = e.adjustment_id AND q.reason = 'lapse_undone')))
          -- What staff gave once more by grace is in another lot now.
          AND NOT EXISTS (SELECT FROM points_adjustment g
                          WHERE g.lapse_id = e.id AND g.status = 'applied');
        lapsed := least(p_points - from_own, lapsed);
    END IF;
    IF lapsed > 0 THEN
        PERFORM points_undo_lapse_v1(a, own.entry_id, lapsed, p_source_type || ':' || p_source_id, c);
        SELECT * INTO a FROM points_account WHERE id = a.id;
        c.expected_seq := NULL;
        from_own := from_own + lapsed;
    END IF;
    SELECT * INTO others FROM points_choose_other_lots_v1(a.id, own.entry_id, p_points - from_own, c.now);
    short := p_points - from_own - others.taken;
    IF short > 0 AND p_policy <> 'debt' THEN
        IF short = p_points THEN
            answer := (NULL, a.seq, 0, 0, a.balance, a.held, a.debt, false);
            RETURN answer;
        END IF;
        p_points := p_points - short;
        short := 0;
    END IF;
    answer := points_append_v1(a, c, 'reverse_earn', -p_points, short, p_source_type, p_source_id,
                               p_reverses => o.id);
    IF from_own > 0 THEN
        PERFORM points_use_lots_v1(answer.entry_id, ARRAY[own.entry_id], ARRAY[from_own]);
    END IF;
    PERFORM points_use_lots_v1(answer.entry_id, others.lots, others.takes);
    RETURN answer;
END $$;

-- What of a lapse may still be given once more: what was undone of it since, because the earning itself was, may not.
CREATE OR REPLACE FUNCTION points_lapse_left_v1(p_lapse bigint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT -e.points + (
        SELECT coalesce(sum(back.points), 0)::bigint
        FROM points_lotuse back
        JOIN points_entry b ON b.id = back.entry_id
        JOIN points_adjustment q ON q.id = b.adjustment_id AND q.reason = 'lapse_undone'
        WHERE back.lot_id IN (SELECT lot_id FROM points_lotuse WHERE entry_id = e.id)
          AND back.points < 0 AND b.seq > e.seq
    )
    FROM points_entry e WHERE e.id = p_lapse
$$;
