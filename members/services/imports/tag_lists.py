"""Tag lists: who carries which tag. Phones, cards or numbers on one side, tags on the other."""

from __future__ import annotations

import json

from django.db import connection

from backoffice.models import ImportBatch
from backoffice.services.imports.kinds import Span
from members.services.imports import tag_placing, tag_sql
from members.services.imports.fields import (
    LIVING,
    SPAN,
    TAG_LIST_COLUMNS,
    cell,
    parameters,
    replaces_listed,
)
from members.services.rows import nobody_leaves

KEYS = ("phone", "card_no", "external_id")


def _found_by(batch: ImportBatch) -> str:
    """How a row leads to its member: rows of a list were staged with him."""
    if "filter" in batch.layout:
        return "m.id = r.subject_id"
    key = batch.policy["key"]
    return tag_placing.match(key, cell(key, TAG_LIST_COLUMNS))


def diff(span: Span) -> None:
    """Which tags each row would add or take away. A member outside of the batch's brand is an unknown one.

    Looked at again to be carried out, each row gets its result in the same stroke: a list has a million rows,
    and each further write of a staged one costs as much as the tag itself.
    """
    policy = span.batch.policy
    if span.again:
        rows = "r.outcome IN ('new', 'changed') AND r.done = ''"
    else:
        rows = "r.outcome IN ('new', 'changed', 'same')" if span.whole else "r.outcome = 'new'"
    # What replacing takes away depends on all rows of a member, so on a file that is staged to its end.
    mode = "add" if policy["tags"] == "replace" and not (span.whole or span.again) else policy["tags"]
    change = tag_sql.tag_change(
        "m.id",
        cell("tags", TAG_LIST_COLUMNS),
        mode,
        listed=replaces_listed(span.batch),
        kept=ALL_OF_MEMBER,
        first=FIRST_OF_MEMBER,
    )
    turned = "seen IS DISTINCT FROM member_id" if span.again else "false"
    done = DONE if span.again else ""
    statement = f"""
WITH staged AS MATERIALIZED (
    SELECT r.* FROM backoffice_importrow r WHERE {SPAN} AND {rows}
), found AS MATERIALIZED (
    SELECT r.batch_id, r.line, r.subject_id AS seen, m.id AS member_id, m.status IN {LIVING} AS living,
           CASE WHEN m.id IS NOT NULL THEN {change} END AS changes
    FROM staged r
    LEFT JOIN LATERAL (
        SELECT m.id, m.status FROM members_member m
        WHERE {_found_by(span.batch)} AND (%(brand)s::bigint IS NULL OR m.brand_id IS NULL OR m.brand_id =
          %(brand)s)
        LIMIT 1
    ) m ON true
), told AS (
    SELECT batch_id, line, member_id, changes,
        CASE WHEN {turned} THEN 'conflict'
             WHEN member_id IS NULL THEN 'conflict' WHEN NOT living THEN 'conflict'
             WHEN changes = '{{}}'::jsonb THEN 'same' ELSE 'changed' END AS outcome,
        CASE WHEN {turned} THEN 'meanwhile'
             WHEN member_id IS NULL THEN 'not_there' WHEN NOT living THEN 'not_living' END AS fault
    FROM found
)
UPDATE backoffice_importrow r
SET outcome = told.outcome, subject_id = told.member_id,
    changes = CASE WHEN told.outcome = 'changed' THEN told.changes END,
    faults = CASE WHEN told.fault IS NOT NULL THEN
        jsonb_build_array(jsonb_build_object('column', '', 'value', '', 'fault', told.fault)) END{done}
FROM told
WHERE r.batch_id = told.batch_id AND r.line = told.line
"""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters(span, made=_made(span)))


def apply(span: Span) -> None:
    """Members are not changed, but an erasure is kept out until the tags are on."""
    values = parameters(span, made=_made(span), tags_at=TAG_LIST_COLUMNS.index("tags") + 1)
    nobody_leaves()
    if tag_placing.one_write(span.batch) and not tag_placing.keep_promises(span):
        return
    with connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        diff(span)
        cursor.execute(tag_sql.TAKE, values)
        cursor.execute(tag_sql.GIVE, values)


def undo(span: Span) -> None:
    """Tags that a row gave go, tags that it took come back. Erased members are left alone, and rows in whose
    tags somebody has had a hand since; what two rows of a member name is the first one's.
    """
    values = parameters(span, made=_made(span))
    with connection.cursor() as cursor:
        cursor.execute(LOCK_APPLIED, values)
        cursor.execute(UNDONE, values)
        cursor.execute(tag_sql.STANDS, values)
        cursor.execute(tag_sql.TAKE_BACK, values)
        cursor.execute(tag_sql.GIVE_BACK, values)


def _made(span: Span) -> str:
    return json.dumps(span.batch.layout.get("tags_made", {}))


LOCK = f"""
SELECT m.id FROM members_member m
WHERE m.id IN (SELECT r.subject_id FROM backoffice_importrow r WHERE {SPAN} AND r.subject_id IS NOT NULL
  AND r.done = '')
ORDER BY m.id FOR NO KEY UPDATE
"""
DONE = """,
    done = CASE WHEN told.outcome = 'changed' THEN 'applied' WHEN told.fault = 'meanwhile' THEN 'refused'
        ELSE r.done END"""
LOCK_APPLIED = LOCK.replace("r.done = ''", "r.done = 'applied'")
TAGS_AT = TAG_LIST_COLUMNS.index("tags") + 1
ALL_OF_MEMBER = f"""
    SELECT {tag_sql.known("word")}
    FROM backoffice_importrow o, unnest(string_to_array(o.cells[{TAGS_AT}], '|')) word
    WHERE o.batch_id = r.batch_id AND o.other_key = r.other_key AND o.cells IS NOT NULL
      AND left(word, 1) NOT IN ('+', '-')
"""
FIRST_OF_MEMBER = """NOT EXISTS (
    SELECT FROM backoffice_importrow e
    WHERE e.batch_id = r.batch_id AND e.other_key = r.other_key AND e.line < r.line
      AND e.cells IS NOT NULL AND e.outcome <> 'duplicate'
)"""
UNDONE = f"""
UPDATE backoffice_importrow r SET done = CASE WHEN m.status IN {LIVING} AND NOT {tag_sql.TOUCHED}
  THEN 'undone' ELSE 'kept' END
FROM members_member m
WHERE {SPAN} AND r.done = 'applied' AND m.id = r.subject_id
"""
