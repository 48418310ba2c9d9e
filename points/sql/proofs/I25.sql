-- A reversal fits its original: same account, right kind, later, no reversal itself
SELECT concat('entry ', r.id) AS subject,
       concat(r.kind, ' number ', r.seq, ' of account ', r.account_id, ' undoes ',
              CASE WHEN o.id IS NULL THEN 'nothing'
                   ELSE concat(o.kind, ' ', o.id, ' number ', o.seq, ' of account ', o.account_id) END) AS detail
FROM audit.ledger_entry r
LEFT JOIN audit.ledger_entry o ON o.id = r.reverses_id
WHERE (r.reverses_id IS NOT NULL OR r.kind IN ('reverse_earn', 'refund_spend'))
  AND NOT (
    o.id IS NOT NULL
    AND o.account_id = r.account_id AND o.member_id = r.member_id AND o.seq < r.seq AND o.reverses_id IS NULL
    AND ((r.kind = 'reverse_earn' AND o.kind IN ('earn', 'bonus', 'import'))
         OR (r.kind = 'refund_spend' AND o.kind = 'spend'))
  )
