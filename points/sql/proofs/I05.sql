-- The sign fits the kind, and no entry is zero
SELECT concat('entry ', id) AS subject, concat(kind, ' of ', points) AS detail
FROM audit.ledger_entry
WHERE NOT CASE
    WHEN kind IN ('earn', 'bonus', 'refund_spend') THEN points > 0
    WHEN kind IN ('spend', 'expire', 'reverse_earn') THEN points < 0
    WHEN kind IN ('adjust', 'transfer', 'import') THEN points <> 0
    ELSE false
END
