-- Undo (a part of) a redemption by the hand of staff, without a second person. It counts on the day of whoever does
-- it, of the member and of the stores like a gift, because to the shop it is one where the goods stayed away.
-- Locks: the key, the day's counters, the account. The lock of the key keeps a double click from counting twice.
CREATE FUNCTION points_undo_spend_v1(
    p_user bigint, p_entry bigint, p_points bigint, p_source_id text, c points_context,
    OUT posting points_posting, OUT lapsed bigint, OUT lapse_entry_id bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    o points_entry;
    gift points_adjustment;
    l record;
    undone record;
BEGIN
    SELECT * INTO o FROM points_entry WHERE id = p_entry;
    IF NOT FOUND THEN
        PERFORM points_refuse_v1('SK011');
    END IF;
    IF points_own_card_v1(p_user, o.member_id) THEN
        PERFORM points_refuse_v1('SK021');
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('points.undo:' || p_source_id, 0));
    IF NOT EXISTS (SELECT FROM points_entry
                   WHERE source_type = 'undo' AND source_id = p_source_id AND kind = 'refund_spend'
                     AND account_id = o.account_id) THEN
        gift.account_id := o.account_id;
        gift.requested_by_id := p_user;
        gift.points := p_points;
        SELECT * INTO l FROM points_limits_v1(p_user);
        PERFORM points_count_given_v1(gift, l.per_clerk_day, l.per_receiver_day, l.per_store_day, c);
    END IF;
    SELECT * INTO undone FROM points_refund_spend_v1(p_entry, p_points, 'undo', p_source_id, c);
    posting := undone.posting;
    lapsed := undone.lapsed;
    lapse_entry_id := undone.lapse_entry_id;
END $$;
