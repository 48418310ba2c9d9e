-- What one person may do without a second one. Of several roles the tightest number counts; a role without a row of
-- its own has those of the row without a role, and a database without rows those of the house (points/policy.py).
CREATE FUNCTION points_limits_v1(
    p_user bigint, OUT per_request bigint, OUT per_receiver_day bigint, OUT per_clerk_day bigint,
    OUT per_store_day bigint, OUT mutual_above bigint, OUT mutual_days integer
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH mine AS (
        SELECT g.name FROM backoffice_user_groups u JOIN auth_group g ON g.id = u.group_id WHERE u.user_id = p_user
    ), allowed AS (
        SELECT l.* FROM points_correctionlimit l
        WHERE l.role IN (SELECT name FROM mine)
           OR (l.role = '' AND (NOT EXISTS (SELECT FROM mine) OR EXISTS (
                   SELECT FROM mine WHERE name NOT IN (SELECT role FROM points_correctionlimit))))
    )
    SELECT coalesce(min(r.per_request), 1000), coalesce(min(r.per_receiver_day), 5000),
           coalesce(min(r.per_clerk_day), 5000), coalesce(min(r.per_store_day), 20000),
           coalesce(min(r.mutual_above), 3000), coalesce(max(r.mutual_days), 30)
    FROM allowed r
$$;

-- Whether the member is the one whose card is linked to this user, or one of the two was merged into the other.
CREATE FUNCTION points_own_card_v1(p_user bigint, p_member bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH RECURSIVE walk AS (
        SELECT 'card' AS side, m.id, m.merged_into_id, 0 AS step
        FROM members_staffcard s JOIN members_member m ON m.id = s.member_id WHERE s.user_id = p_user
        UNION ALL
        SELECT 'member', id, merged_into_id, 0 FROM members_member WHERE id = p_member
        UNION ALL
        SELECT w.side, m.id, m.merged_into_id, w.step + 1
        FROM walk w JOIN members_member m ON m.id = w.merged_into_id WHERE w.step < 20
    )
    SELECT EXISTS (SELECT FROM walk c JOIN walk m ON m.id = c.id WHERE c.side = 'card' AND m.side = 'member')
$$;

-- Count what is given without approval: on the clerk's day, the receiver's, and that of every store that the clerk
-- works for (somebody who works for none counts at the office). Always in this order, stores by id, and under the
-- rows' locks until commit. Above a limit everything is taken back by the refusal itself.
CREATE FUNCTION points_count_given_v1(
    r points_adjustment, p_clerk bigint, p_receiver bigint, p_store bigint, c points_context
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    today date := (c.now AT TIME ZONE 'Asia/Taipei')::date;
    shop record;
    total bigint;
BEGIN
    INSERT INTO points_staffdaytotal AS t (user_id, day, given) VALUES (r.requested_by_id, today, r.points)
    ON CONFLICT (user_id, day) DO UPDATE SET given = t.given + excluded.given RETURNING t.given INTO total;
    IF total > p_clerk THEN
        PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'clerk', 'most', p_clerk));
    END IF;
    INSERT INTO points_receiverdaytotal AS t (account_id, day, given) VALUES (r.account_id, today, r.points)
    ON CONFLICT (account_id, day) DO UPDATE SET given = t.given + excluded.given RETURNING t.given INTO total;
    IF total > p_receiver THEN
        PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'receiver', 'most', p_receiver));
    END IF;
    FOR shop IN
        SELECT s.store_id FROM backoffice_user u JOIN backoffice_user_stores s ON s.user_id = u.id
        WHERE u.id = r.requested_by_id AND u.reach = 'stores'
        UNION ALL
        SELECT NULL FROM backoffice_user u WHERE u.id = r.requested_by_id AND u.reach <> 'stores'
        ORDER BY 1
    LOOP
        INSERT INTO points_storedaytotal AS t (store_id, day, given) VALUES (shop.store_id, today, r.points)
        ON CONFLICT (store_id, day) DO UPDATE SET given = t.given + excluded.given RETURNING t.given INTO total;
        IF total > p_store THEN
            PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'store', 'most', p_store));
        END IF;
    END LOOP;
END $$;

-- What must hold of a decided request at the moment of booking, whatever its row claims: nobody gives to or takes
-- from his own card, and two people do not approve each other's large requests. The lock of the pair makes two
-- such approvals queue.
CREATE FUNCTION points_check_decision_v1(r points_adjustment, c points_context) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    receiver bigint := (SELECT member_id FROM points_account WHERE id = r.account_id);
    l record;
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
    IF abs(r.points) <= l.mutual_above THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(concat(
        'points.approval:', least(r.requested_by_id, r.approved_by_id), ':',
        greatest(r.requested_by_id, r.approved_by_id)), 0));
    IF EXISTS (
        SELECT FROM points_adjustment o
        WHERE o.requested_by_id = r.approved_by_id AND o.approved_by_id = r.requested_by_id AND o.status = 'applied'
          AND abs(o.points) > l.mutual_above AND o.decided_at > c.now - make_interval(days => l.mutual_days)
    ) THEN
        PERFORM points_refuse_v1('SK023', jsonb_build_object('above', l.mutual_above, 'days', l.mutual_days));
    END IF;
END $$;
