-- One way to say no: SQLSTATE names the reason (points/errors.py), the detail carries its numbers as JSON.
CREATE FUNCTION points_refuse_v1(state text, details jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'points: %', state USING ERRCODE = state, DETAIL = details::text;
END $$;
