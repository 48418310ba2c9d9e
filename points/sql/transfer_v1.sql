-- Move points between two accounts of one program. Each lot moves as a pair of entries that nets to zero and
-- keeps its deadline and issuer; debt moves too when everything does (a merge). Accounts are locked in id order.
CREATE FUNCTION points_transfer_v1(
    p_from bigint, p_to bigint, p_points bigint, p_source_type text, p_source_id text,
    p_whole_account boolean, c points_context
) RETURNS SETOF points_posting
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    giver points_account;
    taker points_account;
    chosen record;
    known record;
    lot points_lot;
    i integer;
    moved bigint;
BEGIN
    PERFORM 1 FROM points_account WHERE id IN (p_from, p_to) ORDER BY id FOR UPDATE;
    SELECT * INTO giver FROM points_account WHERE id = p_from;
    SELECT * INTO taker FROM points_account WHERE id = p_to;
    IF giver.id IS NULL OR taker.id IS NULL OR giver.id = taker.id OR giver.program_id <> taker.program_id THEN
        PERFORM points_refuse_v1('SK014');
    END IF;
    IF p_whole_account IS NULL OR (p_points IS NULL AND NOT p_whole_account)
       OR strpos(p_source_id, '/') > 0 OR length(p_source_id) > 43 THEN
        PERFORM points_refuse_v1('SK012', jsonb_build_object('value', p_points));
    END IF;
    SELECT count(*) AS count, -sum(e.points) AS points INTO known
    FROM points_entry e
    WHERE e.account_id = giver.id AND e.kind = 'transfer'
      AND e.source_type = p_source_type AND starts_with(e.source_id, p_source_id || '/');
    IF known.count > 0 THEN
        IF (NOT p_whole_account AND known.points <> p_points) OR NOT EXISTS (
            SELECT FROM points_entry e WHERE e.account_id = taker.id AND e.kind = 'transfer'
             AND e.source_type = p_source_type AND starts_with(e.source_id, p_source_id || '/'))
        THEN
            PERFORM points_refuse_v1('SK005', jsonb_build_object('points', known.points));
        END IF;
        RETURN QUERY
            SELECT e.id, e.seq, e.points, e.debt_delta, a.balance, a.held, a.debt, true
            FROM points_entry e JOIN points_account a ON a.id = e.account_id
            WHERE e.kind = 'transfer' AND e.source_type = p_source_type
              AND e.account_id IN (giver.id, taker.id) AND starts_with(e.source_id, p_source_id || '/')
            ORDER BY e.id;
        RETURN;
    END IF;
    IF NOT p_whole_account THEN
        PERFORM points_check_served_v1(giver, c);
        PERFORM points_check_spendable_v1(giver);
    END IF;
    c.expected_seq := NULL;
    PERFORM points_check_served_v1(taker, c);
    IF p_whole_account AND giver.held > 0 THEN
        PERFORM points_refuse_v1('SK016', jsonb_build_object('held', giver.held));
    END IF;
    -- Waiting points belong to the purchase that made them; they are confirmed or cancelled first.
    IF p_whole_account AND giver.pending > 0 THEN
        PERFORM points_refuse_v1('SK018', jsonb_build_object('pending', giver.pending));
    END IF;
    moved := CASE WHEN p_whole_account THEN giver.balance ELSE p_points END;
    SELECT * INTO chosen FROM points_choose_transfer_v1(giver.id, moved, c.now, p_whole_account);
    IF chosen.taken < moved OR moved < 0 OR (moved = 0 AND NOT p_whole_account) THEN
        PERFORM points_refuse_v1('SK001', jsonb_build_object('needed', moved, 'available', chosen.taken));
    END IF;
    FOR i IN 1 .. coalesce(array_length(chosen.lots, 1), 0) LOOP
        SELECT * INTO lot FROM points_lot WHERE entry_id = chosen.lots[i];
        RETURN QUERY SELECT * FROM points_move_lot_v1(
            giver.id, taker.id, lot, chosen.takes[i], p_source_type, p_source_id || '/' || lot.entry_id, c);
    END LOOP;
    IF p_whole_account AND giver.debt > 0 THEN
        RETURN QUERY SELECT * FROM points_move_debt_v1(
            giver.id, taker.id, giver.debt, p_source_type, p_source_id || '/debt', c);
    END IF;
END $$;

CREATE FUNCTION points_choose_transfer_v1(
    p_account bigint, p_points bigint, p_now timestamptz, p_whole boolean,
    OUT lots bigint[], OUT takes bigint[], OUT taken bigint
)
LANGUAGE plpgsql AS $$
BEGIN
    IF p_whole THEN
        SELECT array_agg(entry_id ORDER BY expires_at NULLS LAST, entry_id),
               array_agg(remaining ORDER BY expires_at NULLS LAST, entry_id), coalesce(sum(remaining), 0)
        INTO lots, takes, taken FROM points_lot WHERE account_id = p_account AND remaining > 0;
    ELSE
        SELECT * INTO lots, takes, taken
        FROM points_choose_lots_v1(p_account, p_points, p_now, 'expiring_first');
    END IF;
END $$;

CREATE FUNCTION points_move_lot_v1(
    p_from bigint, p_to bigint, lot points_lot, p_points bigint, p_source_type text, p_source_id text,
    c points_context
) RETURNS SETOF points_posting
LANGUAGE plpgsql AS $$
DECLARE
    giver points_account;
    taker points_account;
    gone points_posting;
BEGIN
    SELECT * INTO giver FROM points_account WHERE id = p_from;
    gone := points_append_v1(giver, c, 'transfer', -p_points, 0, p_source_type, p_source_id);
    PERFORM points_use_lots_v1(gone.entry_id, ARRAY[lot.entry_id], ARRAY[p_points]);
    RETURN NEXT gone;
    SELECT * INTO taker FROM points_account WHERE id = p_to;
    c.brand_id := lot.brand_id;
    -- Lapsed points pay nobody's debt; the next expiry run empties them where they are.
    RETURN NEXT points_give_v1(taker, c, 'transfer', p_points, p_source_type, p_source_id, lot.expires_at,
                               p_pays_debt => (lot.expires_at <= c.now) IS NOT TRUE);
END $$;

CREATE FUNCTION points_move_debt_v1(
    p_from bigint, p_to bigint, p_points bigint, p_source_type text, p_source_id text, c points_context
) RETURNS SETOF points_posting
LANGUAGE plpgsql AS $$
DECLARE
    giver points_account;
    taker points_account;
    chosen record;
    taken points_posting;
BEGIN
    SELECT * INTO giver FROM points_account WHERE id = p_from;
    RETURN NEXT points_append_v1(giver, c, 'transfer', p_points, -p_points, p_source_type, p_source_id);
    SELECT * INTO taker FROM points_account WHERE id = p_to;
    SELECT * INTO chosen FROM points_choose_lots_v1(taker.id, p_points, c.now, 'expiring_first');
    taken := points_append_v1(taker, c, 'transfer', -p_points, p_points - chosen.taken, p_source_type, p_source_id);
    PERFORM points_use_lots_v1(taken.entry_id, chosen.lots, chosen.takes);
    RETURN NEXT taken;
END $$;
