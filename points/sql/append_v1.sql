-- Append one entry with its outbox message, and answer with the account as the entry leaves it.
-- Internal: callers have locked the account (`a` is what they read) and decided everything.
CREATE FUNCTION points_append_v1(
    a points_account, c points_context, p_kind text, p_points bigint, p_debt_delta bigint,
    p_source_type text, p_source_id text,
    p_reverses bigint DEFAULT NULL, p_hold bigint DEFAULT NULL, p_adjustment bigint DEFAULT NULL
) RETURNS points_posting
LANGUAGE plpgsql AS $$
DECLARE
    new_id bigint;
    answer points_posting;
BEGIN
    INSERT INTO points_entry (
        account_id, member_id, seq, kind, points, balance_after, debt_delta, source_type, source_id,
        reverses_id, hold_id, adjustment_id, actor_type, actor_id, reason, note, store_id, explanation,
        occurred_at, created_at, prev_hash, row_hash
    ) VALUES (
        a.id, a.member_id, a.seq + 1, p_kind, p_points, a.balance - a.debt + p_points, p_debt_delta,
        p_source_type, p_source_id, p_reverses, p_hold, p_adjustment, c.actor_type, c.actor_id,
        c.reason, c.note, c.store_id, c.explanation, c.occurred_at, c.now, a.last_hash,
        points_row_hash_v1(a.last_hash, a.id, p_kind, p_points, p_source_type, p_source_id)
    ) RETURNING id INTO new_id;
    INSERT INTO backoffice_outboxmessage (topic, subject_id, created_at)
    VALUES ('points.entry', new_id, c.now);
    answer := (new_id, a.seq + 1, p_points, p_debt_delta, a.balance + p_points + p_debt_delta, a.held,
               a.debt + p_debt_delta, false);
    RETURN answer;
END $$;

-- Choose free points (not held, not lapsed) in the program's order of use. Takes at most `p_points`.
CREATE FUNCTION points_choose_lots_v1(
    p_account bigint, p_points bigint, p_now timestamptz, p_order text, p_brand bigint DEFAULT NULL,
    OUT lots bigint[], OUT takes bigint[], OUT taken bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    lot record;
    take bigint;
BEGIN
    taken := 0;
    FOR lot IN
        SELECT l.entry_id, l.remaining - l.held AS free FROM points_lot l
        WHERE l.account_id = p_account AND l.remaining > 0 AND l.remaining > l.held
          AND (l.expires_at IS NULL OR l.expires_at > p_now)
          AND (p_brand IS NULL OR l.brand_id IS NULL OR l.brand_id = p_brand)
        ORDER BY CASE WHEN p_order = 'oldest_first' THEN l.entry_id END, l.expires_at NULLS LAST, l.entry_id
    LOOP
        EXIT WHEN taken >= p_points;
        take := least(lot.free, p_points - taken);
        lots := lots || lot.entry_id;
        takes := takes || take;
        taken := taken + take;
    END LOOP;
END $$;

-- The brand whose points alone may pay here, for programs whose points do not circulate (S98); else NULL.
CREATE FUNCTION points_own_brand_v1(p_program bigint, c points_context) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(c.brand_id, (SELECT brand_id FROM backoffice_store WHERE id = c.store_id))
    FROM points_program WHERE id = p_program AND NOT circulates
$$;

CREATE FUNCTION points_use_lots_v1(p_entry bigint, p_lots bigint[], p_takes bigint[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO points_lotuse (entry_id, lot_id, points)
    SELECT p_entry, u.lot, u.take FROM unnest(p_lots, p_takes) AS u(lot, take);
$$;

-- Any activity moves the deadlines of a sliding program; each move leaves its row.
CREATE FUNCTION points_slide_v1(p_account bigint, p_slide_to timestamptz, p_now timestamptz) RETURNS void
LANGUAGE sql AS $$
    WITH moving AS (
        SELECT entry_id, expires_at FROM points_lot
        WHERE account_id = p_account AND remaining > 0 AND expires_at > p_now AND expires_at < p_slide_to
    ), moved AS (
        UPDATE points_lot l SET expires_at = p_slide_to FROM moving m WHERE l.entry_id = m.entry_id
    )
    INSERT INTO points_lotextension (lot_id, expires_from, expires_to, reason, at)
    SELECT entry_id, expires_at, p_slide_to, 'activity', p_now FROM moving;
$$;
