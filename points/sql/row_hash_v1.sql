-- The link of an account's chain: sha256(hex(prev_hash) || account_id || kind || points || source).
-- STABLE, not IMMUTABLE, because convert_to() is: only so can PostgreSQL inline it.
CREATE FUNCTION points_row_hash_v1(
    prev_hash bytea, account_id bigint, kind text, points bigint, source_type text, source_id text
) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(
        encode(prev_hash, 'hex') || account_id::text || kind || points::text || source_type || source_id,
        'UTF8'
    ))
$$;
