-- What must hold of a decided request at the moment of booking, whatever its row claims: nobody gives to or takes
-- from his own card, and two people do not approve each other's requests when what each of them owes the other comes
-- to more than the limit: sums, because a large one is easily asked for in pieces (T17, T18). The lock of the pair
-- makes two such approvals queue.
CREATE OR REPLACE FUNCTION points_check_decision_v1(r points_adjustment, c points_context) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    receiver bigint := (SELECT member_id FROM points_account WHERE id = r.account_id);
    l record;
    there bigint;
    back bigint;
BEGIN
    IF points_own_card_v1(r.approved_by_id, receiver) THEN
        PERFORM points_refuse_v1('SK021');
    END IF;
    IF points_own_card_v1(r.requested_by_id, receiver) THEN
        PERFORM points_refuse_v1(CASE WHEN r.approved_by_id IS NULL THEN 'SK021' ELSE 'SK022' END);
    END IF;
    IF r.approved_by_id IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO l FROM points_limits_v1(r.approved_by_id);
    PERFORM pg_advisory_xact_lock(hashtextextended(concat(
        'points.approval:', least(r.requested_by_id, r.approved_by_id), ':',
        greatest(r.requested_by_id, r.approved_by_id)), 0));
    SELECT coalesce(sum(abs(o.points)) FILTER (WHERE o.requested_by_id = r.requested_by_id), 0) + abs(r.points),
           coalesce(sum(abs(o.points)) FILTER (WHERE o.requested_by_id = r.approved_by_id), 0)
    INTO there, back
    FROM points_adjustment o
    WHERE o.requested_by_id IN (r.requested_by_id, r.approved_by_id)
      AND o.approved_by_id IN (r.requested_by_id, r.approved_by_id)
      AND o.status = 'applied' AND o.decided_at > c.now - make_interval(days => l.mutual_days);
    IF there > l.mutual_above AND back > l.mutual_above THEN
        PERFORM points_refuse_v1('SK023', jsonb_build_object('above', l.mutual_above, 'days', l.mutual_days));
    END IF;
END $$;
