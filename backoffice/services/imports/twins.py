"""Rows of one and the same person or thing, for batches whose rows come without keys: found once, when all
rows are staged. Only they get their keys, because in an index each costs as much as the rest of its row.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from backoffice.choices import RowOutcome
from backoffice.models import ImportBatch
from backoffice.services.imports.kinds import OneWrite

ROWS = "FROM backoffice_importrow r WHERE r.batch_id = %(batch)s AND r.cells IS NOT NULL"
HASH = "hashtextextended({other}, 0)"
AGAIN = f"SELECT {HASH} AS hash {ROWS} GROUP BY 1 HAVING count(*) > 1"
# The planner knows nothing of these rows; whatever it believes, each table is read once.
READ_ONCE = "SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '32MB'"
AS_BEFORE = "SET LOCAL enable_nestloop = {}; SET LOCAL work_mem = '{}'"
GIVE_KEYS = f"""
UPDATE backoffice_importrow r SET key = {{key}}, other_key = {{other}}
FROM (SELECT r.line {ROWS} AND {HASH} IN (SELECT hash FROM ({AGAIN}) again)) found
WHERE r.batch_id = %(batch)s AND r.line = found.line
"""
MARK = """
WITH told AS MATERIALIZED (
    SELECT line, min(line) OVER same AS first, max(line) OVER same AS last, count(*) OVER same AS many,
           nth_value(line, 2) OVER (
               same ORDER BY line ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
           ) AS second
    FROM backoffice_importrow WHERE batch_id = %(batch)s AND key IS NOT NULL
    WINDOW same AS (PARTITION BY key)
)
UPDATE backoffice_importrow r
SET outcome = %(duplicate)s, done = '', subject_id = NULL, changes = NULL,
    faults = jsonb_build_array(jsonb_build_object('column', '', 'value', '', 'fault', 'twice',
      'details', jsonb_build_object('line', {other_line})))
FROM told
WHERE r.batch_id = %(batch)s AND r.line = told.line AND told.many > 1 AND {out}
"""
# (line of the other one, which of the equals stay out), by the user's choice.
CHOICES = {
    "first": ("told.first", "told.line > told.first"),
    "last": ("told.last", "told.line < told.last"),
    "error": ("CASE WHEN told.line = told.first THEN told.second ELSE told.first END", "true"),
}


def mark(batch: ImportBatch, way: OneWrite) -> None:
    """Of rows that are there twice all but the first, all but the last, or all stay out."""
    other_line, out = CHOICES[batch.policy.get("duplicates", "first")]
    values: dict[str, Any] = {"batch": batch.pk, "duplicate": RowOutcome.DUPLICATE.value}
    names = {"key": way.key, "other": way.other_key}
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('enable_nestloop'), current_setting('work_mem')")
        before = cursor.fetchone()
        cursor.execute(READ_ONCE)
        cursor.execute(f"SELECT EXISTS ({AGAIN.format(**names)})", values)
        if cursor.fetchone()[0]:
            cursor.execute(GIVE_KEYS.format(**names), values)
            cursor.execute(MARK.format(other_line=other_line, out=out), values)
        cursor.execute(AS_BEFORE.format(*before))
