-- The row of a key goes in first: whoever brings the same key meanwhile waits here for the end of this transaction.
-- NULL: the key is known.
CREATE FUNCTION backoffice_claim_v1(p_client text, p_key text, p_hash text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    new_id bigint;
BEGIN
    INSERT INTO backoffice_idempotencykey (client, key, request_hash, status, body, created_at)
    VALUES (p_client, p_key, p_hash, 0, '{}', p_now)
    ON CONFLICT (client, key) DO NOTHING RETURNING id INTO new_id;
    RETURN new_id;
END $$;

CREATE FUNCTION backoffice_answer_v1(p_id bigint, p_status integer, p_body jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE backoffice_idempotencykey SET status = p_status, body = p_body WHERE id = p_id;
END $$;
