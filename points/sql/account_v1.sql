-- Lock an account as the first act of every posting, and see whether the caller looked at its latest state.
CREATE FUNCTION points_lock_v1(p_account bigint, c points_context) RETURNS points_account
LANGUAGE plpgsql AS $$
DECLARE
    a points_account;
BEGIN
    SELECT * INTO a FROM points_account WHERE id = p_account FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM points_refuse_v1('SK014');
    END IF;
    RETURN a;
END $$;

-- Erased, merged and frozen members neither earn nor spend. Read after the account lock: whoever ends a
-- membership takes the same lock first, so a posting cannot slip in behind him.
CREATE FUNCTION points_check_served_v1(a points_account, c points_context) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    member_status text;
BEGIN
    SELECT status INTO member_status FROM members_member WHERE id = a.member_id;
    IF member_status <> 'active' THEN
        PERFORM points_refuse_v1('SK004', jsonb_build_object('status', member_status));
    END IF;
    IF c.expected_seq <> a.seq THEN
        PERFORM points_refuse_v1('SK013', jsonb_build_object('count', a.seq - c.expected_seq));
    END IF;
END $$;

-- The stored effect of a business event, if it had one. With other points, another original or another hold the
-- key was used for something else. `p_points` NULL: a policy may have changed them, the caller compares.
CREATE FUNCTION points_known_v1(
    a points_account, p_kind text, p_points bigint, p_source_type text, p_source_id text,
    p_reverses bigint DEFAULT NULL, p_hold bigint DEFAULT NULL
) RETURNS points_posting
LANGUAGE plpgsql AS $$
DECLARE
    e record;
    answer points_posting;
BEGIN
    SELECT id, seq, points, debt_delta, reverses_id, hold_id INTO e FROM points_entry
    WHERE source_type = p_source_type AND source_id = p_source_id AND kind = p_kind AND account_id = a.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF e.points <> p_points OR e.reverses_id IS DISTINCT FROM p_reverses OR e.hold_id IS DISTINCT FROM p_hold THEN
        PERFORM points_refuse_v1('SK005', jsonb_build_object('entry_id', e.id, 'points', e.points));
    END IF;
    answer := (e.id, e.seq, e.points, e.debt_delta, a.balance, a.held, a.debt, true);
    RETURN answer;
END $$;

CREATE FUNCTION points_open_v1(p_member bigint, p_program bigint, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found_id bigint;
BEGIN
    SELECT id INTO found_id FROM points_account WHERE member_id = p_member AND program_id = p_program;
    IF NOT FOUND THEN
        INSERT INTO points_account (member_id, program_id, opened_at) VALUES (p_member, p_program, p_now)
        ON CONFLICT (member_id, program_id) DO NOTHING;
        SELECT id INTO found_id FROM points_account WHERE member_id = p_member AND program_id = p_program;
    END IF;
    RETURN found_id;
END $$;
