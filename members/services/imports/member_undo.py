"""Taking a member file back: former values return where nobody has changed them since.

A member whom the import made goes again, if nothing hangs on him: no purchase, no points, no note, no answer
of his own. One whose imported consents are on file cannot go without a trace, because answers are never
deleted: he is erased, and the consents are withdrawn.
"""

from __future__ import annotations

import json
import random
from typing import Any

from django.db import connection

from backoffice.services.imports.kinds import Span
from members.cards import SECURE, new_card_no
from members.models import Member, MemberTag
from members.services.erasure import NO_PERSON
from members.services.imports import tag_sql
from members.services.imports.fields import (
    LIVING,
    SPAN,
    RowField,
    cell,
    mapped,
    mapped_consents,
    parameters,
    speaks_of_tags,
)
from members.services.rows import lets_go

LOCK = f"""
SELECT m.id FROM members_member m
WHERE m.id IN (SELECT r.subject_id FROM backoffice_importrow r WHERE {SPAN} AND r.done = 'applied')
ORDER BY m.id FOR UPDATE
"""


def undo(span: Span, rng: random.Random = SECURE) -> None:
    """The span's applied rows: undone, kept because changed since, or stuck on what others took meanwhile."""
    values = parameters(
        span,
        key=f"import:{span.batch.pk}:",
        made=json.dumps(span.batch.layout.get("tags_made", {})),
        actor_type=span.actor.type,
        actor_id=span.actor.id,
        actor_name=span.actor.name,
    )
    lets_go()
    with connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        cursor.execute(_restorable(span), values)
        cursor.execute(_restore(span), values)
        for name in mapped_consents(span.batch):
            cursor.execute(_answer_back(name), values)
        cursor.execute(_removable(), values)
        if mapped_consents(span.batch):
            cursor.execute(_withdraw(), values)
            cursor.execute(f"SELECT count(*) FROM backoffice_importrow r WHERE {ANSWERED}", values)
            values["cards"] = [new_card_no(rng) for _row in range(cursor.fetchone()[0])]
            cursor.execute(_erase(), values)
        cursor.execute(tag_sql.TAKE_BACK, values)
        cursor.execute(tag_sql.GIVE_BACK, values)
        cursor.execute(DELETE, values)
        # Behind them: the database lets the history of somebody who is still there not go.
        cursor.execute(FORGET_HISTORY, values)
        cursor.execute(TRAIL, values)


def _restorable(span: Span) -> str:
    """Say of each changed row whether it can go back."""
    same = " AND ".join(
        [f"m.status IN {LIVING}"]
        + [_still(field) for field in mapped(span.batch)]
        + [_still_answered(name) for name in mapped_consents(span.batch)]
        + ([f"NOT {tag_sql.TOUCHED}"] if speaks_of_tags(span.batch) else [])
    )
    taken = " OR ".join(
        f"(r.changes ? '{name}' AND EXISTS (SELECT FROM members_member o WHERE o.{name} = (r.changes ->"
        f" '{name}' ->> 0)"
        f" AND o.{name} <> '' AND o.id <> m.id{living}))"
        for name, living in (("phone", f" AND o.status IN {LIVING}"), ("external_id", ""))
    )
    return f"""
UPDATE backoffice_importrow r
SET done = CASE WHEN NOT ({same}) THEN 'kept' WHEN {taken} THEN 'stuck' ELSE 'undone' END
FROM members_member m
WHERE {SPAN} AND r.outcome = 'changed' AND r.done = 'applied' AND m.id = r.subject_id
"""


def _still(field: RowField) -> str:
    return f"(NOT r.changes ? '{field.column}' OR {field.text('m')} = (r.changes -> '{field.column}' ->> 1))"


def _latest(name: str) -> str:
    return (
        f"(SELECT c.given::text FROM members_consent c WHERE c.member_id = r.subject_id AND c.purpose ="
        f" '{name}'"
        " ORDER BY c.at DESC, c.id DESC LIMIT 1)"
    )


def _still_answered(name: str) -> str:
    return f"(NOT r.changes ? '{name}' OR {_latest(name)} = (r.changes -> '{name}' ->> 1))"


def _restore(span: Span) -> str:
    fields = mapped(span.batch)
    sets = "".join(
        f"{field.stored} = CASE WHEN r.changes ? '{field.column}'"
        f" THEN {field.value(f'(r.changes -> {field.column!r} ->> 0)')} ELSE m.{field.stored} END, "
        for field in fields
    )
    names = ", ".join(f"'{field.column}'" for field in fields)
    return f"""
UPDATE members_member m SET {sets}updated_at = %(now)s
FROM backoffice_importrow r
WHERE {SPAN} AND r.outcome = 'changed' AND r.done = 'undone' AND m.id = r.subject_id
  AND r.changes ?| ARRAY[{names}]::text[]
"""


def _answer_back(name: str) -> str:
    """The answer before the import, as an answer of now: none before it means that nothing was agreed to."""
    return f"""
INSERT INTO members_consent (member_id, purpose, given, version, source, at)
SELECT r.subject_id, '{name}', coalesce((r.changes -> '{name}' ->> 0)::boolean, false), '', 'import', %(now)s
FROM backoffice_importrow r
WHERE {SPAN} AND r.outcome = 'changed' AND r.done = 'undone' AND r.changes ? '{name}'
"""


def _removable() -> str:
    """Say of each created row whether the member can go: nobody touched him, nothing refers to him."""
    hanging = " OR ".join(
        f'EXISTS (SELECT FROM "{table}" x WHERE x."{column}" = m.id)' for table, column in _references()
    )
    return f"""
UPDATE backoffice_importrow r
SET done = CASE
    WHEN m.status = 'active' AND m.enrol_key = %(key)s || r.line AND m.updated_at = m.created_at
         AND NOT ({hanging})
         AND NOT EXISTS (
             SELECT FROM members_consent c WHERE c.member_id = m.id AND NOT (c.version = '' AND
               ({_of_this_row()}))
         )
         AND NOT EXISTS (
             SELECT FROM members_membertag c WHERE c.member_id = m.id
             AND NOT (c.origin = 'import' AND c.origin_id = %(batch)s)
         )
    THEN 'undone' ELSE 'kept' END
FROM members_member m
WHERE {SPAN} AND r.outcome = 'new' AND r.done = 'applied' AND m.id = r.subject_id
"""


def _of_this_row() -> str:
    """An answer that stands in this very row."""
    at = f"c.at = coalesce({cell('consent_date')}::timestamptz, m.created_at)"
    return " OR ".join(
        f"(c.purpose = '{name}' AND c.given::text = {cell(name)} AND {at})"
        for name in ("marketing_sms", "marketing_email", "marketing_line")
    )


def _references() -> list[tuple[str, Any]]:
    """(table, column) of every foreign key to a member, of whatever floor; tags and consents apart."""
    return sorted(
        (relation.related_model._meta.db_table, relation.field.column)
        for relation in Member._meta.related_objects
        if relation.field.concrete
        and relation.related_model is not MemberTag
        and relation.related_model._meta.model_name not in ("memberevent", "consent")
    )


# Rows whose members stay as erased ones, because their imported answers do.
ANSWERED = (
    f"{SPAN} AND r.outcome = 'new' AND r.done = 'undone'"
    " AND EXISTS (SELECT FROM members_consent c WHERE c.member_id = r.subject_id)"
)


def _withdraw() -> str:
    return f"""
INSERT INTO members_consent (member_id, purpose, given, version, source, at)
SELECT DISTINCT r.subject_id, c.purpose, false, '', 'import', %(now)s::timestamptz
FROM backoffice_importrow r JOIN members_consent c ON c.member_id = r.subject_id AND c.given
WHERE {SPAN} AND r.outcome = 'new' AND r.done = 'undone'
"""


def _erase() -> str:
    blanks = ", ".join(
        f"{name} = {'NULL' if value is None else repr(value)}" for name, value in NO_PERSON.items()
    )
    return f"""
UPDATE members_member m
SET {blanks}, card_no = drawn.no, status = 'erased', erased_at = %(now)s, updated_at = %(now)s
FROM (
    SELECT r.subject_id, row_number() OVER (ORDER BY r.line) AS place FROM backoffice_importrow r WHERE
      {ANSWERED}
) r
JOIN unnest(%(cards)s::text[]) WITH ORDINALITY drawn(no, place) ON drawn.place = r.place
WHERE m.id = r.subject_id
"""


# Whoever was brought in by mistake is forgotten with his history; that and how many they were is in the
# trail.
FORGET_HISTORY = f"""
DELETE FROM members_memberevent e
USING backoffice_importrow r
WHERE {SPAN} AND r.outcome = 'new' AND r.done = 'undone' AND e.pgh_obj_id = r.subject_id
"""
DELETE = f"""
DELETE FROM members_member m
USING backoffice_importrow r
WHERE {SPAN} AND r.outcome = 'new' AND r.done = 'undone' AND m.id = r.subject_id AND m.status = 'active'
"""
TRAIL = f"""
INSERT INTO backoffice_auditevent
    (at, actor_type, actor_id, actor_name, action, subject_type, subject_id, changes, reason, request_id)
SELECT %(now)s, %(actor_type)s, %(actor_id)s, %(actor_name)s, 'member.undo_import', 'members.member',
       r.subject_id::text, jsonb_build_object('import', jsonb_build_array(r.batch_id, NULL)), '', ''
FROM backoffice_importrow r
WHERE {SPAN} AND r.done = 'undone' AND r.outcome IN ('new', 'changed')
"""
