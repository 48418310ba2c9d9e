-- Asked by the application, whose role may call nothing of the ledger but what is its owner's to answer.
-- The accounts of a member, spendable programs first: each as [version of its program's row, what it holds by deadline
-- (the soonest first: [deadline, points, held of them]), id, program, balance, held, debt, waiting, blocked].
CREATE FUNCTION points_summaries_v1(p_member bigint) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (
        SELECT json_agg(
            json_build_array(
                concat(p.xmin, p.ctid), (
                    SELECT json_agg(json_build_array(l.expires_at, l.points, l.held)) FROM (
                        SELECT expires_at, sum(remaining) AS points, sum(held) AS held FROM points_lot
                        WHERE account_id = a.id AND remaining > 0 GROUP BY expires_at ORDER BY expires_at NULLS LAST
                    ) l
                ), a.id, a.program_id, a.balance, a.held, a.debt, a.pending, a.spend_blocked
            ) ORDER BY p.is_default DESC, p.spendable DESC, p.code
        )
        FROM points_account a JOIN points_program p ON p.id = a.program_id WHERE a.member_id = p_member
    );
END $$;
