-- The first call of a till's receipt: the request's key goes in, then the receipt meets what it meets. `claimed` NULL:
-- the key is known, and nothing was looked at. The key's row comes before the member's lock.
CREATE FUNCTION campaigns_open_receipt_v1(
    p_client text, p_key text, p_hash text, p_now timestamptz,
    p_store bigint, p_number text, p_member bigint, p_card text,
    OUT claimed bigint, OUT store bigint, OUT brand bigint, OUT item bigint, OUT member bigint, OUT card_no text,
    OUT phone text, OUT name text, OUT status text, OUT member_brand bigint, OUT accounts json, OUT programs json
)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    claimed := backoffice_claim_v1(p_client, p_key, p_hash, p_now);
    IF claimed IS NULL THEN
        RETURN;
    END IF;
    SELECT met.* INTO store, brand, item, member, card_no, phone, name, status, member_brand, accounts, programs
    FROM campaigns_meet_receipt_v1(p_store, p_number, p_member, p_card) AS met;
END $$;

-- Store a receipt and book what it was judged to give: one round trip, all or nothing. The caller has its member
-- locked. `p_awards` has one object for each program that answers, in its order: program, account (or null: there
-- is none yet), opens (whether one is needed), base, points, version, explanation, expires_at, slide_to, confirm_at,
-- and carry (the small change that waits from now on, absent where none moves).
-- `p_limit` judges the points first: {most} for one receipt, and {bucket, limit, start, cost} as backoffice_take_v1
-- takes them.
-- outcome: 'settled', 'known' (the number is stored: nothing was written), 'limit' (likewise).
-- `balances` are those of the member afterwards, where they are asked for (`p_tell`): as points_summaries_v1 tells them.
CREATE FUNCTION campaigns_settle_receipt_v2(
    p_receipt jsonb, p_awards jsonb, p_limit jsonb, p_till bigint, p_actor_type text, p_actor_id text,
    p_brand bigint, p_now timestamptz, p_tell boolean,
    OUT outcome text, OUT purchase bigint, OUT booked json, OUT parked boolean, OUT balances json
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
    IF p_tell AND member IS NOT NULL THEN
        balances := points_summaries_v1(member);
    END IF;
END $$;
