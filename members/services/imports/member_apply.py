"""Carrying out rows of a member file: lock, look again, write; history and trail are of the same
transaction.
"""

from __future__ import annotations

import json
import random

from django.db import connection

from backoffice.services.imports.kinds import Span
from members.cards import SECURE, new_card_no
from members.services.imports import tag_sql
from members.services.imports.fields import (
    FIELDS,
    MEMBER_COLUMNS,
    SPAN,
    cell,
    mapped,
    mapped_consents,
    parameters,
    speaks_of_tags,
)
from members.services.imports.member_diff import diff

LOCK = f"""
SELECT m.id FROM members_member m
WHERE m.id IN (SELECT r.subject_id FROM backoffice_importrow r WHERE {SPAN} AND r.subject_id IS NOT NULL
  AND r.done = '')
ORDER BY m.id FOR NO KEY UPDATE
"""


def apply(span: Span, rng: random.Random = SECURE) -> None:
    """The span's rows, as they stand now. A row that turned into something else meanwhile is refused, the
    others go in; whoever takes a phone at this very moment wins against the file.
    """
    values = parameters(
        span,
        key=f"import:{span.batch.pk}:",
        tags_at=MEMBER_COLUMNS.index("tags") + 1,
        made=json.dumps(span.batch.layout.get("tags_made", {})),
        actor_type=span.actor.type,
        actor_id=span.actor.id,
        actor_name=span.actor.name,
    )
    with connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        diff(span)
        cursor.execute(COUNT_NEW, values)
        values["cards"] = [new_card_no(rng) for _row in range(cursor.fetchone()[0])]
        cursor.execute(_insert(), values)
        if statement := _update(span):
            cursor.execute(statement, values)
        cursor.execute(MARK_CHANGED, values)
        cursor.execute(REFUSE, values)
        for name in mapped_consents(span.batch):
            cursor.execute(_answer(name), values)
        if speaks_of_tags(span.batch):
            cursor.execute(tag_sql.TAKE, values)
            cursor.execute(tag_sql.GIVE, values)
        cursor.execute(TRAIL, values)


def _insert() -> str:
    """New members; the enrolment key ties each to its line, once for ever."""
    columns = [field for field in FIELDS if field.column != "joined_at"]
    names = ", ".join(field.stored for field in columns)
    values = ", ".join(field.value(cell(field.column)) for field in columns)
    return f"""
WITH made AS (
    INSERT INTO members_member (
        {names}, joined_at, card_no, enrol_key, status, source, brand_id, referring_store_locked,
        created_at, updated_at
    )
    SELECT {values}, coalesce({cell("joined_at")}::timestamptz, %(now)s),
           coalesce({cell("card_no")}, drawn.no), %(key)s || r.line, 'active', 'import', %(brand)s, false,
           %(now)s, %(now)s
    FROM (
        SELECT r.*, row_number() OVER (ORDER BY r.line) AS place
        FROM backoffice_importrow r WHERE {SPAN} AND r.outcome = 'new' AND r.done = ''
    ) r
    JOIN unnest(%(cards)s::text[]) WITH ORDINALITY drawn(no, place) ON drawn.place = r.place
    ORDER BY r.line
    ON CONFLICT DO NOTHING
    RETURNING id, enrol_key
)
UPDATE backoffice_importrow r SET subject_id = made.id, done = 'applied'
FROM made
WHERE r.batch_id = split_part(made.enrol_key, ':', 2)::bigint
  AND r.line = split_part(made.enrol_key, ':', 3)::integer
"""


def _update(span: Span) -> str:
    sets = ", ".join(
        f"{field.stored} = CASE WHEN r.changes ? '{field.column}'"
        f" THEN {field.value(f'(r.changes -> {field.column!r} ->> 1)')} ELSE m.{field.stored} END"
        for field in mapped(span.batch)
    )
    if not sets:
        return ""
    return f"""
UPDATE members_member m SET {sets}, updated_at = %(now)s
FROM backoffice_importrow r
WHERE {SPAN} AND r.outcome = 'changed' AND r.done = '' AND m.id = r.subject_id
  AND r.changes ?| ARRAY[{", ".join(f"'{field.column}'" for field in mapped(span.batch))}]
"""


def _answer(name: str) -> str:
    return f"""
INSERT INTO members_consent (member_id, purpose, given, version, source, at)
SELECT r.subject_id, '{name}', {cell(name)}::boolean, '', coalesce({cell("consent_source")}, 'import'),
       coalesce({cell("consent_date")}::timestamptz, %(now)s)
FROM backoffice_importrow r
WHERE {SPAN} AND r.done = 'applied' AND {cell(name)} IS NOT NULL
  AND (r.outcome = 'new' OR r.changes ? '{name}')
"""


COUNT_NEW = f"SELECT count(*) FROM backoffice_importrow r WHERE {SPAN} AND r.outcome = 'new' AND r.done = ''"
MARK_CHANGED = f"""
UPDATE backoffice_importrow r SET done = 'applied'
WHERE {SPAN} AND r.outcome = 'changed' AND r.done = ''
"""
# What was promised and is not so any more, and new rows whose phone somebody took at this very moment.
REFUSE = f"""
UPDATE backoffice_importrow r
SET done = 'refused',
    faults = coalesce(r.faults, '[{{"column": "", "value": "", "fault": "meanwhile"}}]'::jsonb)
WHERE {SPAN} AND r.done = '' AND (r.outcome = 'new' OR (r.outcome IN ('conflict', 'error') AND r.cells IS
  NOT NULL))
"""
# One line in each member's trail: which import, which fields. What the values were is in the history.
TRAIL = f"""
INSERT INTO backoffice_auditevent
    (at, actor_type, actor_id, actor_name, action, subject_type, subject_id, changes, reason, request_id)
SELECT %(now)s, %(actor_type)s, %(actor_id)s, %(actor_name)s, 'member.import', 'members.member',
  r.subject_id::text,
       jsonb_build_object('import', jsonb_build_array(NULL, r.batch_id))
       || CASE WHEN r.changes IS NULL THEN '{{}}'::jsonb ELSE coalesce((
           SELECT jsonb_object_agg(name, '["***", "***"]'::jsonb) FROM jsonb_object_keys(r.changes) name
       ), '{{}}') END,
       '', ''
FROM backoffice_importrow r
WHERE {SPAN} AND r.done = 'applied' AND r.outcome IN ('new', 'changed')
"""
