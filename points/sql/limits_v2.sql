-- Count what is given without approval: on the clerk's day, the receiver's, and that of every store that the clerk
-- works for (somebody who works for none counts at the office). Always in this order, stores by id, and under the
-- rows' locks until commit. Above a limit everything is taken back by the refusal itself.
--
-- The receiver is a person, not an account: what all accounts of the member were given counts together, and those
-- of members who were merged into him. His lock makes gifts to two accounts of one member queue; the sum is read
-- after it, by a statement of its own, so that it sees what the one before committed.
CREATE OR REPLACE FUNCTION points_count_given_v1(
    r points_adjustment, p_clerk bigint, p_receiver bigint, p_store bigint, c points_context
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    today date := (c.now AT TIME ZONE 'Asia/Taipei')::date;
    person bigint := (SELECT member_id FROM points_account WHERE id = r.account_id);
    shop record;
    total bigint;
BEGIN
    INSERT INTO points_staffdaytotal AS t (user_id, day, given) VALUES (r.requested_by_id, today, r.points)
    ON CONFLICT (user_id, day) DO UPDATE SET given = t.given + excluded.given RETURNING t.given INTO total;
    IF total > p_clerk THEN
        PERFORM points_refuse_v1('SK020', jsonb_build_object('limit', 'clerk', 'most', p_clerk));
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('points.receiver:' || person, 0));
    INSERT INTO points_receiverdaytotal AS t (account_id, day, given) VALUES (r.account_id, today, r.points)
    ON CONFLICT (account_id, day) DO UPDATE SET given = t.given + excluded.given;
    WITH RECURSIVE persons AS (
        SELECT person AS id, 0 AS step
        UNION ALL
        SELECT m.id, p.step + 1 FROM persons p JOIN members_member m ON m.merged_into_id = p.id WHERE p.step < 20
    )
    SELECT sum(t.given) INTO total
    FROM persons p JOIN points_account a ON a.member_id = p.id
    JOIN points_receiverdaytotal t ON t.account_id = a.id AND t.day = today;
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
