-- Nothing below zero, holds never exceed the balance
SELECT concat('account ', id) AS subject,
       concat('balance ', balance, ', held ', held, ', debt ', debt, ', waiting ', pending) AS detail
FROM audit.account
WHERE balance < 0 OR held < 0 OR debt < 0 OR pending < 0 OR held > balance
