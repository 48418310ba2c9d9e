-- What two people have approved for each other since: corrections, and files of points, by what both moved.
CREATE FUNCTION points_approved_for_v1(p_asker bigint, p_approver bigint, p_since timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT (SELECT coalesce(sum(abs(o.points)), 0) FROM points_adjustment o
            WHERE o.requested_by_id = p_asker AND o.approved_by_id = p_approver
              AND o.status = 'applied' AND o.decided_at > p_since)::bigint
         + (SELECT coalesce(sum((b.totals ->> 'moved')::bigint), 0) FROM backoffice_importbatch b
            WHERE b.owner_id = p_asker AND b.approver_id = p_approver AND b.kind = 'points'
              AND b.state IN ('held', 'applying', 'applied', 'undoing', 'undone') AND b.approved_at > p_since)::bigint
$$;

-- Two people do not approve each other's requests when what each owes the other comes to more than the limit, files
-- among them: a correction in return for a file is a favour like one for a correction. The lock of the pair makes
-- two such approvals queue.
CREATE FUNCTION points_check_pair_v1(p_asker bigint, p_approver bigint, p_points bigint, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    l record;
    since timestamptz;
BEGIN
    SELECT * INTO l FROM points_limits_v1(p_approver);
    since := p_now - make_interval(days => l.mutual_days);
    PERFORM pg_advisory_xact_lock(hashtextextended(concat(
        'points.approval:', least(p_asker, p_approver), ':', greatest(p_asker, p_approver)), 0));
    IF points_approved_for_v1(p_asker, p_approver, since) + p_points > l.mutual_above
       AND points_approved_for_v1(p_approver, p_asker, since) > l.mutual_above THEN
        PERFORM points_refuse_v1('SK023', jsonb_build_object('above', l.mutual_above, 'days', l.mutual_days));
    END IF;
END $$;

CREATE OR REPLACE FUNCTION points_check_decision_v1(r points_adjustment, c points_context) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    receiver bigint := (SELECT member_id FROM points_account WHERE id = r.account_id);
BEGIN
    IF points_own_card_v1(r.approved_by_id, receiver) THEN
        PERFORM points_refuse_v1('SK021');
    END IF;
    IF points_own_card_v1(r.requested_by_id, receiver) THEN
        PERFORM points_refuse_v1(CASE WHEN r.approved_by_id IS NULL THEN 'SK021' ELSE 'SK022' END);
    END IF;
    IF r.approved_by_id IS NOT NULL THEN
        PERFORM points_check_pair_v1(r.requested_by_id, r.approved_by_id, abs(r.points), c.now);
    END IF;
END $$;

-- Count what a file gives without approval on the day of whoever brings it in, as his corrections are counted: his
-- own sum, each receiver's (all accounts of a person together), that of his stores. The locks are taken in the same
-- order, the receivers by id. Above a limit everything is taken back by the refusal.
CREATE FUNCTION points_count_file_v1(p_user bigint, p_accounts bigint[], p_points bigint[], c points_context)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today date := (c.now AT TIME ZONE 'Asia/Taipei')::date;
    l record;
    given bigint := (SELECT sum(x) FROM unnest(p_points) x);
    person bigint;
    shop record;
    total bigint;
BEGIN
    SELECT * INTO l FROM points_limits_v1(p_user);
    IF (SELECT max(x) FROM unnest(p_points) x) > l.per_request THEN
        PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'request', 'most', l.per_request));
    END IF;
    INSERT INTO points_staffdaytotal AS t (user_id, day, given) VALUES (p_user, today, given)
    ON CONFLICT (user_id, day) DO UPDATE SET given = t.given + excluded.given RETURNING t.given INTO total;
    IF total > l.per_clerk_day THEN
        PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'clerk', 'most', l.per_clerk_day));
    END IF;
    FOR person IN SELECT DISTINCT a.member_id FROM points_account a WHERE a.id = ANY (p_accounts) ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('points.receiver:' || person, 0));
    END LOOP;
    INSERT INTO points_receiverdaytotal AS t (account_id, day, given)
    SELECT u.account, today, sum(u.points) FROM unnest(p_accounts, p_points) AS u(account, points)
    GROUP BY u.account ORDER BY u.account
    ON CONFLICT (account_id, day) DO UPDATE SET given = t.given + excluded.given;
    WITH RECURSIVE persons AS (
        SELECT DISTINCT a.member_id AS person, a.member_id AS id, 0 AS step
        FROM points_account a WHERE a.id = ANY (p_accounts)
        UNION ALL
        SELECT p.person, m.id, p.step + 1
        FROM persons p JOIN members_member m ON m.merged_into_id = p.id WHERE p.step < 20
    )
    SELECT max(s.given) INTO total FROM (
        SELECT sum(t.given) AS given
        FROM persons p JOIN points_account a ON a.member_id = p.id
        JOIN points_receiverdaytotal t ON t.account_id = a.id AND t.day = today
        GROUP BY p.person) s;
    IF total > l.per_receiver_day THEN
        PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'receiver', 'most', l.per_receiver_day));
    END IF;
    FOR shop IN
        SELECT s.store_id FROM backoffice_user u JOIN backoffice_user_stores s ON s.user_id = u.id
        WHERE u.id = p_user AND u.reach = 'stores'
        UNION ALL
        SELECT NULL FROM backoffice_user u WHERE u.id = p_user AND u.reach <> 'stores'
        ORDER BY 1
    LOOP
        INSERT INTO points_storedaytotal AS t (store_id, day, given) VALUES (shop.store_id, today, given)
        ON CONFLICT (store_id, day) DO UPDATE SET given = t.given + excluded.given RETURNING t.given INTO total;
        IF total > l.per_store_day THEN
            PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'store', 'most', l.per_store_day));
        END IF;
    END LOOP;
END $$;
