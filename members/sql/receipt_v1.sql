-- Store a receipt with its lines and tenders. NULL, and nothing written, where its number is known; another
-- transaction that is storing the same number is waited for.
CREATE FUNCTION members_record_receipt_v1(p jsonb, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    new_id bigint;
BEGIN
    INSERT INTO members_purchase (
        source, receipt_no, member_id, store_id, purchased_at, gross, discount, paid, item_count, channel, order_type,
        invoice_no, cashier, recorded_at
    )
    SELECT r.source, r.receipt_no, r.member, r.store, r.purchased_at, r.gross, r.discount, r.paid, r.item_count,
           r.channel, r.order_type, r.invoice_no, r.cashier, p_now
    FROM jsonb_to_record(p) AS r(
        source text, receipt_no text, member bigint, store bigint, purchased_at timestamptz, gross numeric,
        discount numeric, paid numeric, item_count integer, channel text, order_type text, invoice_no text,
        cashier text
    )
    ON CONFLICT (source, receipt_no) DO NOTHING
    RETURNING id INTO new_id;
    IF new_id IS NULL THEN
        RETURN NULL;
    END IF;
    IF p ? 'lines' THEN
        INSERT INTO members_purchaseline (purchase_id, line_no, sku, category, quantity, amount)
        SELECT new_id, (l ->> 0)::smallint, l ->> 1, l ->> 2, (l ->> 3)::numeric, (l ->> 4)::numeric
        FROM jsonb_array_elements(p -> 'lines') AS l;
    END IF;
    IF p ? 'tenders' THEN
        INSERT INTO members_purchasetender (purchase_id, tender_no, method, amount, reference)
        SELECT new_id, (t ->> 0)::smallint, t ->> 1, (t ->> 2)::numeric, t ->> 3
        FROM jsonb_array_elements(p -> 'tenders') AS t;
    END IF;
    RETURN new_id;
END $$;
