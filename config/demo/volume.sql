-- One chunk of accounts. Every draw comes from a hash of account and number: the same data whoever goes first.
CREATE FUNCTION pg_temp.demo_link(before bytea, text) RETURNS bytea LANGUAGE sql STABLE AS
$$ SELECT sha256(convert_to(encode(before, 'hex') || $2, 'UTF8')) $$
-- next
CREATE AGGREGATE pg_temp.demo_chain(text) (
    SFUNC = pg_temp.demo_link, STYPE = bytea,
    INITCOND = '\x0000000000000000000000000000000000000000000000000000000000000000')
-- next
-- k numbers the entries of an account, n is how many it has. Ten neighbours have between a fifth and nine fifths of
-- the average, and make ten times it together.
CREATE TEMP TABLE demo_step ON COMMIT DROP AS
WITH account AS (
    SELECT a.id, a.member_id, a.id - %(origin)s AS place, abs(hashint8extended(a.id, 7)) AS dice,
           abs(hashint8extended(a.id, 8)) %% 20 = 0 AS lapsed
    FROM points_account a WHERE a.id BETWEEN %(first)s AND %(last)s
), sized AS (
    SELECT *, greatest(2, round(%(average)s * (ARRAY[2, 4, 6, 8, 10, 10, 12, 14, 16, 18])[1 + place %% 10] / 10))::int
              AS n
    FROM account
), step AS (
    SELECT s.*, k, abs(hashint8extended(s.id * 1000 + k, 9)) AS draw FROM sized s, generate_series(1, s.n) k
)
SELECT id AS account_id, member_id, k, draw, n, lapsed AND n >= 4 AS lapsed,
       CASE WHEN lapsed AND n >= 4 THEN CASE WHEN k = 3 THEN 'expire' ELSE 'credit' END
            WHEN k %% 3 = 0 THEN 'spend' ELSE 'credit' END AS role,
       5 + (draw %% 196) AS amount,
       (%(stores)s::bigint[])[1 + (draw / 200) %% array_length(%(stores)s::bigint[], 1)] AS store_id,
       CASE WHEN lapsed AND n >= 4 AND k <= 2
            THEN %(start)s::timestamptz + make_interval(hours => k::int, secs => (draw %% 3000)::float8)
            WHEN lapsed AND n >= 4 AND k > 3
            THEN %(now)s::timestamptz - interval '25 days'
                 + interval '24 days' * ((k - 4 + (draw %% 1000) / 1000.0) / (n - 3))
            -- Two or three entries come from the last months: nothing of them may have lapsed.
            WHEN n < 4 THEN %(now)s::timestamptz - interval '200 days'
                 + interval '199 days' * ((k - 1 + (draw %% 1000) / 1000.0) / n)
            ELSE %(start)s::timestamptz
                 + (%(now)s::timestamptz - %(start)s::timestamptz) * ((k - 1 + (draw %% 1000) / 1000.0) / n)
       END AS at
FROM step
-- next
CREATE TEMP TABLE demo_entry ON COMMIT DROP AS
WITH timed AS (
    -- Lots lapse when the month of earning, a year on, is over; the nightly run books it.
    SELECT *, (date_trunc('month', at AT TIME ZONE %(zone)s) + make_interval(months => %(months)s)) AT TIME ZONE %(zone)s
              AS expires_at
    FROM demo_step
), credit AS (
    SELECT *, row_number() OVER (PARTITION BY account_id ORDER BY k) AS lot_no FROM timed WHERE role = 'credit'
), debit AS (
    SELECT d.account_id, d.member_id, d.k, d.draw, d.store_id, 'spend' AS kind, -c.amount AS points, d.at,
           NULL::timestamptz AS expires_at
    FROM timed d JOIN credit c ON c.account_id = d.account_id AND c.lot_no = d.k / 3
    WHERE d.role = 'spend'
    UNION ALL
    SELECT d.account_id, d.member_id, d.k, d.draw, NULL, 'expire', -sum(c.amount),
           max(c.expires_at) + interval '10 minutes', NULL
    FROM timed d JOIN credit c ON c.account_id = d.account_id AND c.k <= 2
    WHERE d.role = 'expire' GROUP BY d.account_id, d.member_id, d.k, d.draw
), movement AS (
    SELECT account_id, member_id, k, draw,
           CASE WHEN at > %(now)s::timestamptz - interval '90 days' THEN store_id END AS store_id,
           CASE WHEN at > %(now)s::timestamptz - interval '90 days' THEN 'earn' ELSE 'import' END AS kind,
           amount AS points, at, expires_at
    FROM credit
    UNION ALL SELECT * FROM debit
), numbered AS (
    SELECT *, nextval(pg_get_serial_sequence('points_entry', 'id')) AS id,
           CASE WHEN kind = 'earn' THEN nextval(pg_get_serial_sequence('members_purchase', 'id')) END AS purchase_id
    FROM (SELECT * FROM movement ORDER BY account_id, k) m
), sourced AS (
    SELECT n.*,
           CASE kind WHEN 'earn' THEN 'purchase' WHEN 'import' THEN 'old_till' WHEN 'spend' THEN 'bill'
                     ELSE 'expiry' END AS source_type,
           CASE kind WHEN 'earn' THEN purchase_id::text ELSE account_id || '-' || k END AS source_id,
           (points * %(unit)s::numeric / %(unit_points)s + draw %% 30)::numeric(12, 2) AS paid
    FROM numbered n
), chained AS (
    SELECT *, sum(points) OVER chain AS running,
           pg_temp.demo_chain(account_id || kind || points || source_type || source_id) OVER chain AS row_hash
    FROM sourced WINDOW chain AS (PARTITION BY account_id ORDER BY k)
)
SELECT *, lag(row_hash, 1, decode(repeat('00', 32), 'hex')) OVER (PARTITION BY account_id ORDER BY k) AS prev_hash
FROM chained
-- next
INSERT INTO members_purchase (id, source, receipt_no, purchased_at, gross, discount, paid, item_count, channel,
    order_type, invoice_no, recorded_at, member_id, store_id)
SELECT purchase_id, 'pos', 'V' || purchase_id, at, paid, 0, paid, 1 + draw %% 4, 'store', 'in_store', '', at, member_id,
       store_id
FROM demo_entry WHERE kind = 'earn' ORDER BY purchase_id
-- next
INSERT INTO points_entry (id, account_id, member_id, seq, kind, points, balance_after, debt_delta, source_type,
    source_id, actor_type, actor_id, reason, note, store_id, explanation, occurred_at, created_at, prev_hash, row_hash)
SELECT id, account_id, member_id, k, kind, points, running, 0, source_type, source_id,
       CASE WHEN kind IN ('earn', 'spend') THEN 'pos' ELSE 'job' END,
       CASE WHEN kind IN ('earn', 'spend') THEN store_id::text ELSE 'seed_demo' END, '', '', store_id,
       CASE kind
           WHEN 'earn' THEN jsonb_build_object(
               'rule', 'base', 'program', %(code)s::text, 'version', %(version)s::int, 'base', paid::text,
               'unit', %(unit)s::numeric::text, 'unit_points', %(unit_points)s::int, 'rounding', %(rounding)s::text,
               'units', points / %(unit_points)s::int, 'points', points)
           WHEN 'spend' THEN jsonb_build_object(
               'rule', 'bill', 'amount', (-2 * points)::text, 'worth', (-points)::text || '.00', 'cash_points', 1,
               'cash_amount', '1.00', 'rule_version', %(version)s::int)
           WHEN 'expire' THEN jsonb_build_object('rule', 'expiry', 'as_of', at)
           ELSE jsonb_build_object('rule', 'import')
       END, at, at, prev_hash, row_hash
FROM demo_entry ORDER BY id
-- next
INSERT INTO points_lot (entry_id, account_id, original, remaining, available_from, expires_at, brand_id)
SELECT id, account_id, points, points, at, expires_at, CASE WHEN kind = 'earn' THEN %(brand)s::bigint END
FROM demo_entry WHERE points > 0 ORDER BY id
-- next
INSERT INTO points_lotuse (entry_id, lot_id, points)
WITH lot AS (
    SELECT account_id, id, points, k, row_number() OVER (PARTITION BY account_id ORDER BY k) AS lot_no
    FROM demo_entry WHERE points > 0
)
SELECT e.id, lot.id, lot.points FROM demo_entry e
JOIN lot ON lot.account_id = e.account_id
        AND CASE e.kind WHEN 'spend' THEN lot.lot_no = e.k / 3 ELSE lot.k <= 2 END
WHERE e.points < 0 ORDER BY e.id
-- next
INSERT INTO campaigns_award (purchase_id, program_id, account_id, base, points, returned, status, entry_id,
    rule_version, explanation, created_at)
SELECT e.purchase_id, %(program)s, e.account_id, e.paid, e.points, 0, 'posted', e.id, %(version)s, p.explanation, e.at
FROM demo_entry e JOIN points_entry p ON p.id = e.id WHERE e.kind = 'earn' ORDER BY e.id
-- next
-- Told long ago: the relay has nothing to send.
INSERT INTO backoffice_outboxmessage (topic, subject_id, created_at, sent_at)
SELECT 'points.entry', id, at, at FROM demo_entry ORDER BY id
-- next
DROP AGGREGATE pg_temp.demo_chain(text)
-- next
DROP FUNCTION pg_temp.demo_link(bytea, text)
-- next
DROP TABLE demo_entry, demo_step
