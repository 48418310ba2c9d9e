-- Lapsed lots of these accounts that may not expire yet, because nobody told the member in time. A notice counts
-- for the deadline that it told: where activity has moved the deadline since, the member was told another day.
CREATE OR REPLACE FUNCTION points_unnoticed_v1(p_accounts bigint[], p_as_of timestamptz)
RETURNS TABLE (entry_id bigint, remaining bigint, held bigint, expires_at timestamptz, new_deadline timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT l.entry_id, l.remaining, l.held, l.expires_at,
           (date_trunc('day', p_as_of AT TIME ZONE p.time_zone) + make_interval(days => p.notice_days + 1))
               AT TIME ZONE p.time_zone
    FROM points_lot l
    JOIN points_account a ON a.id = l.account_id
    JOIN points_program p ON p.id = a.program_id
    LEFT JOIN points_expirynotice n ON n.lot_id = l.entry_id AND n.expires_at = l.expires_at
    LEFT JOIN backoffice_outboxmessage m ON m.id = n.message_id
    WHERE l.account_id = ANY(p_accounts) AND l.remaining > 0 AND l.remaining > l.held AND l.expires_at <= p_as_of
      AND p.notice_days > 0
      AND (m.sent_at IS NULL OR m.sent_at > p_as_of - make_interval(days => p.notice_days))
$$;
