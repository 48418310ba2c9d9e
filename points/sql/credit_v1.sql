-- A credit: pays debt first, the rest becomes a lot with its own expiry.
CREATE FUNCTION points_give_v1(
    a points_account, c points_context, p_kind text, p_points bigint, p_source_type text, p_source_id text,
    p_expires_at timestamptz, p_adjustment bigint DEFAULT NULL, p_pays_debt boolean DEFAULT true
) RETURNS points_posting
LANGUAGE plpgsql AS $$
DECLARE
    pays bigint := CASE WHEN p_pays_debt THEN least(a.debt, p_points) ELSE 0 END;
    answer points_posting;
BEGIN
    answer := points_append_v1(a, c, p_kind, p_points, -pays, p_source_type, p_source_id,
                               p_adjustment => p_adjustment);
    IF p_points > pays THEN
        INSERT INTO points_lot (entry_id, account_id, original, remaining, available_from, expires_at, brand_id)
        VALUES (answer.entry_id, a.id, p_points - pays, p_points - pays, c.now, p_expires_at, c.brand_id);
    END IF;
    RETURN answer;
END $$;

-- The usual case is one INSERT: it reads the member's status after the account lock, and the unique key finds a
-- repeated source. Only when it inserts nothing is there something to look up.
CREATE FUNCTION points_credit_v1(
    p_account bigint, p_kind text, p_points bigint, p_source_type text, p_source_id text,
    p_expires_at timestamptz, p_slide_to timestamptz, c points_context
) RETURNS points_posting
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a points_account;
    answer points_posting;
    pays bigint;
    new_id bigint;
BEGIN
    SELECT * INTO a FROM points_account WHERE id = p_account FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM points_refuse_v1('SK014');
    END IF;
    pays := least(a.debt, p_points);
    IF p_points > 0 AND p_kind IN ('earn', 'bonus', 'import') AND (c.expected_seq = a.seq) IS NOT FALSE THEN
        INSERT INTO points_entry (
            account_id, member_id, seq, kind, points, balance_after, debt_delta, source_type, source_id,
            actor_type, actor_id, reason, note, store_id, explanation, occurred_at, created_at, prev_hash, row_hash
        )
        SELECT a.id, a.member_id, a.seq + 1, p_kind, p_points, a.balance - a.debt + p_points, -pays,
               p_source_type, p_source_id, c.actor_type, c.actor_id, c.reason, c.note, c.store_id, c.explanation,
               c.occurred_at, c.now, a.last_hash,
               points_row_hash_v1(a.last_hash, a.id, p_kind, p_points, p_source_type, p_source_id)
        FROM members_member m WHERE m.id = a.member_id AND m.status = 'active'
        ON CONFLICT (source_type, source_id, kind, account_id) DO NOTHING
        RETURNING id INTO new_id;
    END IF;
    IF new_id IS NULL THEN
        RETURN points_not_credited_v1(a, p_kind, p_points, p_source_type, p_source_id, c);
    END IF;
    IF p_slide_to IS NOT NULL THEN
        PERFORM points_slide_v1(a.id, p_slide_to, c.now);
    END IF;
    INSERT INTO backoffice_outboxmessage (topic, subject_id, created_at) VALUES ('points.entry', new_id, c.now);
    IF p_points > pays THEN
        INSERT INTO points_lot (entry_id, account_id, original, remaining, available_from, expires_at, brand_id)
        VALUES (new_id, a.id, p_points - pays, p_points - pays, c.now, p_expires_at, c.brand_id);
    END IF;
    answer := (new_id, a.seq + 1, p_points, -pays, a.balance + p_points - pays, a.held, a.debt - pays, false);
    RETURN answer;
END $$;

-- Why a credit inserted nothing: the stored posting of a known source, or the refusal.
CREATE FUNCTION points_not_credited_v1(
    a points_account, p_kind text, p_points bigint, p_source_type text, p_source_id text, c points_context
) RETURNS points_posting
LANGUAGE plpgsql AS $$
DECLARE
    known points_posting := points_known_v1(a, p_kind, p_points, p_source_type, p_source_id);
BEGIN
    IF known.entry_id IS NULL THEN
        PERFORM points_check_served_v1(a, c);
        PERFORM points_refuse_v1('SK012', jsonb_build_object('value', p_points));
    END IF;
    RETURN known;
END $$;
