-- Open lots add up to the balance
SELECT concat('account ', coalesce(a.id, l.account_id)) AS subject,
       concat('balance ', a.balance, '; lots have ', coalesce(l.remaining, 0), ' left') AS detail
FROM audit.account a
FULL JOIN (SELECT account_id, sum(remaining) AS remaining FROM audit.lot GROUP BY account_id) l
       ON l.account_id = a.id
WHERE a.balance IS DISTINCT FROM coalesce(l.remaining, 0)
