-- Every lot is within its bounds
SELECT concat('lot ', id) AS subject,
       concat('original ', original, ', remaining ', remaining, ', held ', held) AS detail
FROM audit.lot
WHERE original <= 0 OR remaining < 0 OR remaining > original OR held < 0 OR held > remaining
