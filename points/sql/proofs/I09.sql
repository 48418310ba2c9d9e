-- No entry from the future
-- A minute of grace, because several machines never agree on the second. Entries may be booked between the moment
-- that the proof was asked for and its snapshot, hence the later of both.
SELECT concat('entry ', id) AS subject, concat('booked at ', created_at) AS detail
FROM audit.ledger_entry
WHERE created_at > greatest(%(now)s::timestamptz, now()) + interval '1 minute'
