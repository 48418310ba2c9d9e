-- What a receipt meets: its store, whether a till's inbox has its number, whose it is, and the accounts and small
-- change of that member, whom this locks until the end of the transaction. Each statement sees what was committed
-- before it began, so accounts and small change are those of a member whom nobody else settles.
-- `member` stays NULL for somebody who is not there or has become another one: the caller finds out which.
CREATE FUNCTION campaigns_meet_receipt_v1(
    p_store bigint, p_number text, p_member bigint, p_card text,
    OUT store bigint, OUT brand bigint, OUT item bigint, OUT member bigint, OUT card_no text, OUT phone text,
    OUT name text, OUT status text, OUT member_brand bigint, OUT accounts json, OUT programs json
)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    SELECT s.id, s.brand_id INTO store, brand FROM backoffice_store s WHERE s.id = p_store;
    IF p_number IS NOT NULL THEN
        SELECT i.id INTO item FROM campaigns_tillitem i
        WHERE i.store_id = p_store AND i.kind = 'purchase' AND i.number = p_number;
    END IF;
    IF p_card IS NOT NULL THEN
        SELECT m.id, m.card_no, m.phone, m.name, m.status, m.brand_id
        INTO member, card_no, phone, name, status, member_brand
        FROM members_member m WHERE m.card_no = p_card AND m.status <> 'merged' FOR NO KEY UPDATE;
    ELSIF p_member IS NOT NULL THEN
        SELECT m.id, m.card_no, m.phone, m.name, m.status, m.brand_id
        INTO member, card_no, phone, name, status, member_brand
        FROM members_member m WHERE m.id = p_member AND m.status <> 'merged' FOR NO KEY UPDATE;
    END IF;
    IF member IS NOT NULL THEN
        PERFORM FROM campaigns_carry c JOIN points_account a ON a.id = c.account_id
        WHERE a.member_id = campaigns_meet_receipt_v1.member ORDER BY c.account_id FOR UPDATE OF c;
        SELECT json_agg(json_build_array(a.program_id, a.id, c.amount::text)) INTO accounts
        FROM points_account a LEFT JOIN campaigns_carry c ON c.account_id = a.id
        WHERE a.member_id = campaigns_meet_receipt_v1.member;
    END IF;
    SELECT json_agg(json_build_array(p.id, concat(p.xmin, p.ctid)) ORDER BY p.id) INTO programs
    FROM points_program p WHERE p.brand_id IS NULL OR p.brand_id = campaigns_meet_receipt_v1.brand;
END $$;

-- Store a receipt and book what it was judged to give: one round trip, all or nothing. The caller has its member
-- locked. `p_awards` has one object for each program that answers, in its order: program, account (or null: there
-- is none yet), opens (whether one is needed), base, points, version, explanation, expires_at, slide_to, confirm_at,
-- and carry (the small change that waits from now on, absent where none moves).
-- `p_limit` judges the points first: {most} for one receipt, and {bucket, limit, start, cost} as backoffice_take_v1
-- takes them.
-- outcome: 'settled', 'known' (the number is stored: nothing was written), 'limit' (likewise).
CREATE FUNCTION campaigns_settle_receipt_v1(
    p_receipt jsonb, p_awards jsonb, p_limit jsonb, p_till bigint, p_actor_type text, p_actor_id text,
    p_brand bigint, p_now timestamptz,
    OUT outcome text, OUT purchase bigint, OUT booked json, OUT parked boolean
)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    e record;
    c points_context;
    posting points_posting;
    account bigint;
    pending bigint;
    entry bigint;
    award bigint;
    state text;
    found json[] := '{}';
    member bigint := (p_receipt ->> 'member')::bigint;
    store bigint := (p_receipt ->> 'store')::bigint;
    bought_at timestamptz := (p_receipt ->> 'purchased_at')::timestamptz;
BEGIN
    IF p_limit IS NOT NULL THEN
        -- What was counted once is not counted, and not refused, when it is told again.
        IF EXISTS (SELECT FROM members_purchase k
                   WHERE k.source = p_receipt ->> 'source' AND k.receipt_no = p_receipt ->> 'receipt_no') THEN
            outcome := 'known';
            RETURN;
        END IF;
        IF (p_limit ->> 'cost')::bigint > (p_limit ->> 'most')::bigint OR backoffice_take_v1(
            p_limit ->> 'bucket', (p_limit ->> 'limit')::bigint, (p_limit ->> 'start')::timestamptz,
            (p_limit ->> 'cost')::bigint) IS NULL
        THEN
            outcome := 'limit';
            RETURN;
        END IF;
    END IF;
    purchase := members_record_receipt_v1(p_receipt, p_now);
    IF purchase IS NULL THEN
        IF p_limit IS NOT NULL THEN
            -- Told at this very moment for somebody else, too. What was counted goes back with the transaction, and
            -- who tells it again finds it known.
            RAISE EXCEPTION 'campaigns_settle_receipt: the same receipt at the same moment' USING ERRCODE = '40001';
        END IF;
        outcome := 'known';
        RETURN;
    END IF;
    FOR e IN SELECT * FROM jsonb_to_recordset(p_awards) AS j(
        program bigint, account bigint, opens boolean, base numeric, points bigint, version integer,
        explanation jsonb, expires_at timestamptz, slide_to timestamptz, confirm_at timestamptz, carry numeric)
    LOOP
        account := CASE WHEN e.opens THEN coalesce(e.account, points_open_v1(member, e.program, p_now)) END;
        state := 'nothing';
        entry := NULL;
        pending := NULL;
        IF e.carry IS NOT NULL THEN
            INSERT INTO campaigns_carry AS k (account_id, amount) VALUES (account, e.carry)
            ON CONFLICT (account_id) DO UPDATE SET amount = excluded.amount;
        END IF;
        IF e.points > 0 THEN
            c := ROW(p_actor_type, p_actor_id, '', '', store, p_brand, e.explanation, bought_at, p_now, NULL);
            IF e.confirm_at IS NULL THEN
                posting := points_credit_v1(
                    account, 'earn', e.points, 'purchase', purchase::text, e.expires_at, e.slide_to, c);
                entry := posting.entry_id;
                state := 'posted';
            ELSE
                pending := points_pend_v1(account, 'earn', e.points, 'purchase', purchase::text, e.confirm_at, c);
                state := 'pending';
            END IF;
        END IF;
        INSERT INTO campaigns_award (purchase_id, program_id, account_id, base, points, returned, status, entry_id,
                                     pending_id, rule_version, explanation, created_at)
        VALUES (purchase, e.program, account, e.base, e.points, 0, state, entry, pending, e.version, e.explanation,
                p_now)
        RETURNING id INTO award;
        found := found || json_build_array(award, account, state);
    END LOOP;
    IF p_till IS NOT NULL THEN
        INSERT INTO campaigns_tillrecord (key_id, purchase_id, occurred_at, received_at)
        VALUES (p_till, purchase, bought_at, p_now);
        -- Returns that came before their receipt.
        parked := EXISTS (
            SELECT FROM campaigns_tillitem i
            WHERE i.store_id = store AND i.about = p_receipt ->> 'receipt_no' AND i.state = 'parked'
                  AND i.kind = 'return');
    END IF;
    outcome := 'settled';
    booked := array_to_json(found);
END $$;
