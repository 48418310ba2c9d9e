-- May this account's points be spent at all? A member whose phone nobody has verified yet may be anybody (S29b), so
-- he neither spends, holds nor gives points away where the program asks for the proof.
CREATE OR REPLACE FUNCTION points_check_spendable_v1(a points_account) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    p record;
BEGIN
    IF a.spend_blocked THEN
        PERFORM points_refuse_v1('SK002');
    END IF;
    SELECT spendable, spend_needs_verified_phone INTO p FROM points_program WHERE id = a.program_id;
    IF NOT p.spendable THEN
        PERFORM points_refuse_v1('SK003');
    END IF;
    IF p.spend_needs_verified_phone
       AND NOT EXISTS (SELECT FROM members_member WHERE id = a.member_id AND phone_verified_at IS NOT NULL) THEN
        PERFORM points_refuse_v1('SK019');
    END IF;
END $$;

CREATE FUNCTION points_spend_v2(
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
           AND (m.phone_verified_at IS NOT NULL OR NOT p.spend_needs_verified_phone)
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
