-- A lot is only used by its owner
SELECT concat('lot ', l.id) AS subject,
       concat('of account ', l.account_id, ' was used by entry ', e.id, ' of account ', e.account_id) AS detail
FROM audit.lot_use u
JOIN audit.lot l ON l.id = u.lot_id
JOIN audit.ledger_entry e ON e.id = u.entry_id
WHERE e.account_id <> l.account_id
UNION ALL
SELECT concat('lot ', l.id), concat('of account ', l.account_id, ' was made by an entry of account ', e.account_id)
FROM audit.lot l JOIN audit.ledger_entry e ON e.id = l.entry_id
WHERE e.account_id <> l.account_id
UNION ALL
SELECT concat('lot ', l.id), concat('of account ', l.account_id, ' is named by hold ', h.id, ' of account ',
                                    h.account_id)
FROM audit.hold_lot n JOIN audit.lot l ON l.id = n.lot_id JOIN audit.hold h ON h.id = n.hold_id
WHERE h.account_id <> l.account_id
