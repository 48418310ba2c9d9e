-- Count in the current window and answer what is used of it; NULL, and nothing counted, where that would pass the
-- limit. A window that is over is counted from its new beginning.
CREATE FUNCTION backoffice_take_v1(p_bucket text, p_limit bigint, p_start timestamptz, p_cost bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    now_used bigint;
BEGIN
    IF p_cost > p_limit THEN
        RETURN NULL;
    END IF;
    INSERT INTO backoffice_limitcounter AS c (bucket, window_start, used, times)
    VALUES (p_bucket, p_start, p_cost, '{}')
    ON CONFLICT (bucket) DO UPDATE
        SET used = CASE WHEN c.window_start < excluded.window_start THEN p_cost ELSE c.used + p_cost END,
            window_start = greatest(c.window_start, excluded.window_start)
        WHERE c.window_start < excluded.window_start OR c.used + p_cost <= p_limit
    RETURNING used INTO now_used;
    RETURN now_used;
END $$;
