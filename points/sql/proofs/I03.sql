-- Every member with entries has an account
SELECT concat('entry ', e.id) AS subject,
       concat('member ', e.member_id, ', account ', e.account_id,
              CASE WHEN a.id IS NULL THEN ' does not exist'
                   WHEN a.member_id <> e.member_id THEN concat(' belongs to member ', a.member_id)
                   ELSE ': no such member' END) AS detail
FROM audit.ledger_entry e
LEFT JOIN audit.account a ON a.id = e.account_id
LEFT JOIN audit.member m ON m.id = e.member_id
WHERE a.id IS NULL OR m.id IS NULL OR a.member_id <> e.member_id
