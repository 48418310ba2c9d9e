-- A grant by the key of a person is given by him (I31-I33): never to his own card, and counted on his day, on the
-- receiver's and on his stores' like a correction that no second person has seen. The caller has the member locked.
CREATE FUNCTION points_count_grant_v1(p_user bigint, p_account bigint, p_points bigint, c points_context)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gift points_adjustment;
    l record;
BEGIN
    IF points_own_card_v1(p_user, (SELECT member_id FROM points_account WHERE id = p_account)) THEN
        PERFORM points_refuse_v1('SK021');
    END IF;
    SELECT * INTO l FROM points_limits_v1(p_user);
    IF p_points > l.per_request THEN
        PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'request', 'most', l.per_request));
    END IF;
    gift.account_id := p_account;
    gift.requested_by_id := p_user;
    gift.points := p_points;
    PERFORM points_count_given_v1(gift, l.per_clerk_day, l.per_receiver_day, l.per_store_day, c);
END $$;
