"""The short way of tag lists that only add: a row is written once when it is staged, with its outcome and the
result that it will have, and once more only where that turned out otherwise.

What keeps an erasure or a merge out while a chunk of links goes in is one lock for all of them instead of
one for each of a million members (`rows.nobody_leaves`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from backoffice.models import ImportBatch
from backoffice.services.imports.kinds import OneWrite, Span
from members.services.imports.fields import (
    LIVING,
    SPAN,
    TAG_LIST_COLUMNS,
    cell,
    one_way,
    parameters,
)

# What a row that only adds one tag changes, in the notation of `tag_sql.tag_change`.
ADDED = "jsonb_build_object('tags', jsonb_build_object('add', jsonb_build_array({word}), 'remove', NULL))"
# Of the rows of a span: those that were promised a tag and whose promise stands.
PROMISED = f"{SPAN} AND r.outcome = 'changed' AND r.done = 'applied'"
REACHED = "(%(brand)s::bigint IS NULL OR m.brand_id IS NULL OR m.brand_id = %(brand)s)"
TAGS = "SELECT t.id::text AS word, coalesce(t.merged_into_id, t.id) AS id FROM members_tag t"


def one_write(batch: ImportBatch) -> OneWrite | None:
    """Of lists that only add."""
    return _one_write(batch.policy.get("key", "")) if one_way(batch) else None


@cache
def _one_write(key: str) -> OneWrite:
    own, tags = cell(key or "card_no", TAG_LIST_COLUMNS), cell("tags", TAG_LIST_COLUMNS)
    person = f"coalesce({own}, '')"
    return OneWrite(place, key=f"{person} || '|' || coalesce({tags}, '')", other_key=person)


def match(key: str, text: str) -> str:
    """SQL: the member `m` is the one that `text` means."""
    living = f" AND m.phone <> '' AND m.status IN {LIVING}" if key == "phone" else ""
    return f"m.{key} = {text}{living}"


def place(span: Span, lines: Sequence[int], columns: Mapping[str, Sequence[str]]) -> None:
    """Rows of one known tag each, staged with what they will do."""
    key = span.batch.policy["key"]
    known = ", ".join(f"%({name})s::text[]" for name in columns)
    names = ", ".join(columns)
    cells = ", ".join(f"s.{name}" if name in columns else "NULL" for name in TAG_LIST_COLUMNS)
    # LATERAL and LIMIT keep each a probe of an index, whatever the planner believes; of a tag that nobody
    # carries yet not even that is made.
    statement = f"""
WITH tag AS MATERIALIZED (
    SELECT word, id, {ADDED.format(word="word")} AS added,
           (SELECT min(c.tag_id) FROM members_membertag c WHERE c.tag_id >= t.id) = t.id AS is_carried
    FROM ({TAGS}) t WHERE word = ANY(%(words)s)
)
INSERT INTO backoffice_importrow (batch_id, line, outcome, done, subject_id, cells, changes, faults)
SELECT %(batch)s, s.line, told.outcome, CASE WHEN told.outcome = 'changed' THEN 'applied' ELSE '' END, m.id,
       ARRAY[{cells}]::text[], CASE WHEN told.outcome = 'changed' THEN tag.added END,
       CASE WHEN told.outcome = 'conflict' THEN jsonb_build_array(jsonb_build_object('column', '',
         'value', '', 'fault', CASE WHEN m.id IS NULL THEN 'not_there' ELSE 'not_living' END)) END
FROM unnest(%(lines)s::integer[], {known}) s (line, {names})
JOIN tag ON tag.word = s.tags
LEFT JOIN LATERAL (
    SELECT m.id, m.status IN {LIVING} AS living FROM members_member m
    WHERE {match(key, f"s.{key}")} AND {REACHED} LIMIT 1
) m ON true
LEFT JOIN LATERAL (
    SELECT true AS there FROM members_membertag c
    WHERE tag.is_carried AND c.member_id = m.id AND c.tag_id = tag.id LIMIT 1
) carried ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN m.id IS NULL OR NOT m.living THEN 'conflict' WHEN carried.there THEN 'same'
           ELSE 'changed' END AS outcome
) told
"""
    values = parameters(span, lines=_array(lines), words=sorted(set(columns["tags"])))
    values |= {name: _texts(texts) for name, texts in columns.items()}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if cursor.rowcount != len(lines):
            # A tag went between reading and placing: another try finds it gone.
            raise RuntimeError(f"{len(lines) - cursor.rowcount} rows of import {span.batch.pk} were lost")


def _array(numbers: Sequence[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def _texts(texts: Sequence[str]) -> str:
    """An array literal; a driver that adapts value by value takes longer."""
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * (len(texts) - 1):
        joined = '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '{"' + joined + '"}'


def keep_promises(span: Span) -> bool:
    """Give the span's promised tags. What cannot be given as promised is open again, for the long way; the
    answer is whether any row is.

    The caller holds the lock that keeps members from leaving.
    """
    values = parameters(span)
    with connection.cursor() as cursor:
        promised, waiting = _promises(cursor, values)
        if _given(cursor, span, values, promised):
            return waiting > 0
        cursor.execute(_broken(span), values)
        promised, _waiting = _promises(cursor, values)
        if not _given(cursor, span, values, promised):
            # Somebody gave one of them at this very moment.
            cursor.execute(TAKE_BACK_PROMISES, values)
    return True


def _promises(cursor: CursorWrapper, values: dict[str, Any]) -> tuple[int, int]:
    """How many rows of the span are promised a tag, and how many are open."""
    cursor.execute(PROMISES, values)
    promised, waiting = cursor.fetchone()
    return promised, waiting


def _given(cursor: CursorWrapper, span: Span, values: dict[str, Any], promised: int) -> bool:
    """All of them, or nothing is written."""
    try:
        with transaction.atomic():
            if promised:
                cursor.execute(_give(span), values)
                if cursor.rowcount != promised:
                    transaction.set_rollback(True)
                    return False
    except IntegrityError:
        # A link that is there already.
        return False
    return True


def _still(span: Span, row: str) -> str:
    """SQL: the member `m` is still whom the row means, and within reach."""
    found = "true"
    if "filter" not in span.batch.layout:
        key = span.batch.policy["key"]
        found = match(key, cell(key, TAG_LIST_COLUMNS, row))
    return f"m.id = {row}.subject_id AND {found} AND m.status IN {LIVING} AND {REACHED}"


# By what was promised, which an erasure has not blanked without saying so.
WORD = "(r.changes #>> '{tags,add,0}')"
PROMISES = f"""
SELECT count(*) FILTER (WHERE r.outcome = 'changed' AND r.done = 'applied'),
       count(*) FILTER (WHERE r.outcome IN ('new', 'changed') AND r.done = '')
FROM backoffice_importrow r WHERE {SPAN}
"""
TAKE_BACK_PROMISES = f"UPDATE backoffice_importrow r SET done = '' WHERE {PROMISED}"


def _give(span: Span) -> str:
    return f"""
WITH promised AS MATERIALIZED (
    SELECT r.subject_id, r.cells, tag.id AS tag_id
    FROM backoffice_importrow r JOIN ({TAGS}) tag ON tag.word = {WORD} WHERE {PROMISED}
)
INSERT INTO members_membertag (member_id, tag_id, origin, origin_id, at)
SELECT p.subject_id, p.tag_id, 'import', %(batch)s, %(now)s
FROM promised p
CROSS JOIN LATERAL (SELECT m.id FROM members_member m WHERE {_still(span, "p")} LIMIT 1) m
ORDER BY 1, 2
"""


def _broken(span: Span) -> str:
    return f"""
UPDATE backoffice_importrow r SET done = ''
WHERE {PROMISED} AND (
    r.changes IS NULL
    OR NOT EXISTS (SELECT FROM members_member m WHERE {_still(span, "r")})
    OR EXISTS (SELECT FROM members_membertag c JOIN ({TAGS}) tag ON tag.id = c.tag_id
               WHERE c.member_id = r.subject_id AND tag.word = {WORD})
)
"""
