-- Transfers and merges net to zero
-- All entries of one transfer carry its source; a merge moves several programs, each of which must balance.
SELECT concat('source ', e.source_type, ' ', e.source_id) AS subject,
       concat(count(*), ' entries in program ', a.program, ' add up to ', sum(e.points)) AS detail
FROM audit.ledger_entry e JOIN audit.account a ON a.id = e.account_id
WHERE e.kind = 'transfer'
GROUP BY e.source_type, e.source_id, a.program
HAVING sum(e.points) <> 0
