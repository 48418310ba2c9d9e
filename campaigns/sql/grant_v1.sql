-- The program of this code at a brand, active or not; without a code the default one of those that are active. With
-- the version of its row, as `points/remembered.py` knows it.
CREATE FUNCTION campaigns_program_for_v1(p_brand bigint, p_code text, OUT program bigint, OUT version text)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    SELECT p.id, concat(p.xmin, p.ctid) INTO program, version FROM points_program p
    WHERE (p.brand_id IS NULL OR p.brand_id = p_brand)
      AND (p.code = p_code OR (p_code = '' AND p.is_active))
    ORDER BY p.is_default DESC, p.id LIMIT 1;
END $$;

-- A grant in one statement: the request's key, the member, the points, the row of the grant, the day's counter, and the
-- answer with the key. Whatever is not the usual case ends it with SC001 and the caller goes the long way, which finds
-- out why: a card that leads nowhere by itself, a program that has changed, a number that is known. SC002: the key
-- has given its points of the day. What the ledger refuses it refuses here, too. Nothing is left behind by any of them.
-- NULL: the request's key is known, and nothing was looked at.
--
-- `p_told` has {brand, key (of the API), card or member, code, number, points, service, reason, told, expires_at,
-- slide_to, confirm_at, explanation}. `p_client` NULL: the caller has claimed. `p_version` NULL: he has just read the
-- program. `p_answer` is what of the answer is known before.
-- Locks: the request's key, member, account, the number, the day's counter. Nothing is locked after the counter, so
-- that two of one API key never wait for each other in a circle.
CREATE FUNCTION campaigns_grant_v1(
    p_client text, p_key text, p_hash text, p_now timestamptz, p_told jsonb, p_program bigint, p_version text,
    p_occurred_at timestamptz, p_actor_type text, p_actor_id text, p_limit bigint, p_start timestamptz, p_answer jsonb
) RETURNS json
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    t record;
    found_program record;
    c points_context;
    posting points_posting;
    a record;
    claimed bigint;
    the_member bigint;
    the_account bigint;
    the_grant bigint;
    waiting bigint;
    lapsed bigint;
    answer jsonb;
BEGIN
    IF p_client IS NOT NULL THEN
        claimed := backoffice_claim_v1(p_client, p_key, p_hash, p_now);
        IF claimed IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    SELECT * INTO t FROM jsonb_to_record(p_told) AS j(
        brand bigint, key bigint, card text, member bigint, code text, number text, points bigint, service text,
        reason text, told text, expires_at timestamptz, slide_to timestamptz, confirm_at timestamptz,
        explanation jsonb);
    IF p_version IS NOT NULL THEN
        SELECT * INTO found_program FROM campaigns_program_for_v1(t.brand, t.code);
        IF (found_program.program, found_program.version) IS DISTINCT FROM (p_program, p_version) THEN
            RAISE EXCEPTION 'campaigns_grant: another program' USING ERRCODE = 'SC001';
        END IF;
    END IF;
    IF t.card IS NOT NULL THEN
        SELECT m.id INTO the_member FROM members_member m
        WHERE m.card_no = t.card AND m.status IN ('active', 'frozen')
          AND (m.brand_id IS NULL OR m.brand_id = t.brand) FOR NO KEY UPDATE;
    ELSE
        SELECT m.id INTO the_member FROM members_member m
        WHERE m.id = t.member AND m.status IN ('active', 'frozen')
          AND (m.brand_id IS NULL OR m.brand_id = t.brand) FOR NO KEY UPDATE;
    END IF;
    IF the_member IS NULL OR EXISTS (
        SELECT FROM campaigns_grant g WHERE g.number = t.number AND g.brand_id = t.brand)
    THEN
        RAISE EXCEPTION 'campaigns_grant: no new number of a known member' USING ERRCODE = 'SC001';
    END IF;
    the_account := points_open_v1(the_member, p_program, p_now);
    the_grant := nextval('campaigns_grant_id_seq');
    c := ROW(p_actor_type, p_actor_id, '', '', NULL, t.brand, t.explanation, p_occurred_at, p_now, NULL);
    IF t.confirm_at IS NULL THEN
        posting := points_credit_v1(
            the_account, 'bonus', t.points, 'grant', the_grant::text, t.expires_at, t.slide_to, c);
    ELSE
        waiting := points_pend_v1(the_account, 'bonus', t.points, 'grant', the_grant::text, t.confirm_at, c);
    END IF;
    INSERT INTO campaigns_grant (id, brand_id, number, key_id, account_id, points, service, reason, told, occurred_at,
                                 created_at, status, entry_id, pending_id)
    VALUES (the_grant, t.brand, t.number, t.key, the_account, t.points, t.service, t.reason, t.told, p_occurred_at,
            p_now, CASE WHEN waiting IS NULL THEN 'posted' ELSE 'pending' END, posting.entry_id, waiting)
    ON CONFLICT (number, brand_id) DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'campaigns_grant: the same number at the same moment' USING ERRCODE = 'SC001';
    END IF;
    IF backoffice_take_v1('grant-points:' || t.key, p_limit, p_start, t.points) IS NULL THEN
        RAISE EXCEPTION 'campaigns_grant: the day of the key' USING ERRCODE = 'SC002';
    END IF;
    SELECT balance, held INTO a FROM points_account WHERE id = the_account;
    -- Over, but the nightly run has not booked it yet: no longer to be spent.
    SELECT coalesce(sum(l.remaining - l.held), 0) INTO lapsed FROM points_lot l
    WHERE l.account_id = the_account AND l.remaining > 0 AND l.expires_at <= p_now;
    answer := p_answer || jsonb_build_object(
        'balance', a.balance, 'available', greatest(a.balance - a.held - lapsed, 0),
        'debt_paid', coalesce(-posting.debt_delta, 0));
    IF posting.debt_delta = -t.points THEN
        -- All of it paid what was owed: nothing is left that could lapse.
        answer := answer || '{"expires_at": null, "usable_through": null}';
    END IF;
    IF claimed IS NOT NULL THEN
        PERFORM backoffice_answer_v1(claimed, 200, answer);
    END IF;
    RETURN answer;
END $$;
