"""What rows of a member file would do: one statement a span, reading members and writing the staging table
only.
"""

from __future__ import annotations

from django.db import connection

from backoffice.models import ImportBatch
from backoffice.services.imports.kinds import Span
from members.services.imports.fields import (
    CONSENTS,
    LIVING,
    SPAN,
    RowField,
    cell,
    mapped,
    mapped_consents,
    parameters,
    replaces_listed,
    speaks_of_tags,
    wanted,
)
from members.services.imports.tag_sql import tag_change

# LIMIT 1 keeps each a probe of an index: a hash over all members for each span would read the table again
# and again.
FIND = {
    "phone": f"m.phone = {cell('phone')} AND m.phone <> '' AND m.status IN {LIVING}",
    "external_id": f"m.external_id = {cell('external_id')} AND m.external_id <> ''",
    "card_no": f"m.card_no = {cell('card_no')}",
}


def diff(span: Span) -> None:
    """Outcome, member, changes and conflicts of the rows that can be used. With `span.again` also of those
    that the preview promised: what became of another kind meanwhile is a conflict.
    """
    with connection.cursor() as cursor:
        cursor.execute(_statement(span.batch, again=span.again), parameters(span))


def _statement(batch: ImportBatch, *, again: bool) -> str:
    policy = batch.policy
    open_rows = "r.outcome IN ('new', 'changed') AND r.done = ''" if again else "r.outcome = 'new'"
    # The rows are read first and for themselves: what the planner believes of a fresh batch must not lead
    # the searches for other rows of it.
    return f"""
WITH staged AS MATERIALIZED (
    SELECT r.* FROM backoffice_importrow r WHERE {SPAN} AND {open_rows}
), found AS MATERIALIZED (
    SELECT r.batch_id, r.line, r.outcome AS was, r.subject_id AS seen, m.id AS member_id,
           {_conflict(batch)} AS conflict,
           CASE WHEN m.id IS NOT NULL THEN {_changes(batch)} END AS changes
    FROM staged r
    LEFT JOIN LATERAL (SELECT * FROM members_member m WHERE {FIND[policy["key"]]} LIMIT 1) m ON true
    {_probes(batch)}
), decided AS (
    SELECT batch_id, line, member_id, changes, conflict, was, seen,
           CASE
               WHEN conflict = 'twice' THEN 'duplicate'
               WHEN conflict = 'phone_needed' THEN 'error'
               WHEN conflict IS NOT NULL THEN 'conflict'
               WHEN member_id IS NULL THEN {"'left'" if policy["mode"] == "update" else "'new'"}
               WHEN {"true" if policy["mode"] == "create" else "false"} THEN 'left'
               WHEN changes = '{{}}'::jsonb THEN 'same'
               ELSE 'changed'
           END AS outcome
    FROM found
), told AS (
    SELECT batch_id, line, member_id, changes,
           CASE WHEN {_turned(again)} THEN 'conflict' ELSE outcome END AS outcome,
           CASE
               WHEN {_turned(again)} THEN 'meanwhile'
               WHEN outcome = 'left' THEN CASE WHEN member_id IS NULL THEN 'not_there' ELSE 'is_there' END
               ELSE conflict
           END AS fault
    FROM decided
)
UPDATE backoffice_importrow r
SET outcome = told.outcome, subject_id = told.member_id,
    changes = CASE WHEN told.outcome = 'changed' THEN told.changes END,
    faults = CASE WHEN told.fault IS NOT NULL THEN
        jsonb_build_array(jsonb_build_object('column', '', 'value', '', 'fault', told.fault)) END
FROM told
WHERE r.batch_id = told.batch_id AND r.line = told.line AND (told.outcome <> 'new' OR r.outcome <> 'new')
  AND (told.fault IS NOT NULL OR told.outcome <> 'changed' OR r.outcome <> 'changed'
       OR (told.member_id, told.changes) IS DISTINCT FROM (r.subject_id, r.changes))
"""


def _turned(again: bool) -> str:
    """A row that was promised as new and meets a member now, or meets another member than was shown."""
    if not again:
        return "false"
    return (
        "(outcome = 'new' AND was = 'changed')"
        " OR (outcome IN ('changed', 'left') AND seen IS DISTINCT FROM member_id)"
    )


def _probes(batch: ImportBatch) -> str:
    """Whoever else has the phone, the number or the card of the row, and an earlier row with the second
    key.
    """
    key, fields = batch.policy["key"], batch.layout["fields"]
    probes = []
    for name in ("phone", "external_id", "card_no"):
        owner = f"{name}_owner"
        if name == key or name not in fields:
            probes.append(f"CROSS JOIN (SELECT NULL::bigint AS id) {owner}")
        else:
            probes.append(
                f"LEFT JOIN LATERAL (SELECT m.id FROM members_member m WHERE {FIND[name]} LIMIT 1) {owner}"
                f" ON true"
            )
    probes.append(
        """LEFT JOIN LATERAL (
        SELECT e.line FROM backoffice_importrow e
        WHERE e.batch_id = r.batch_id AND e.other_key = r.other_key AND e.line < r.line
          AND e.outcome NOT IN ('duplicate', 'error') AND e.key <> r.key
        LIMIT 1
    ) earlier ON true"""
    )
    for name in mapped_consents(batch):
        probes.append(
            f"""LEFT JOIN LATERAL (
        SELECT c.given, c.at FROM members_consent c WHERE c.member_id = m.id AND c.purpose = '{name}'
        ORDER BY c.at DESC, c.id DESC LIMIT 1
    ) {name} ON true"""
        )
    return "\n    ".join(probes)


def _conflict(batch: ImportBatch) -> str:
    key = batch.policy["key"]
    external, card, phone = cell("external_id"), cell("card_no"), cell("phone")
    known = "m.id IS NOT NULL"
    cases = [
        ("earlier.line IS NOT NULL", "twice"),
        (
            f"{known} AND %(brand)s::bigint IS NOT NULL AND m.brand_id IS NOT NULL AND m.brand_id <>"
            f" %(brand)s",
            "taken",
        ),
        (f"{known} AND m.status NOT IN {LIVING}", "not_living"),
        ("phone_owner.id IS NOT NULL AND phone_owner.id IS DISTINCT FROM m.id", "taken"),
        ("external_id_owner.id IS NOT NULL AND external_id_owner.id IS DISTINCT FROM m.id", "number_taken"),
        ("card_no_owner.id IS NOT NULL AND card_no_owner.id IS DISTINCT FROM m.id", "card_taken"),
        (f"m.id IS NULL AND {phone} IS NULL", "phone_needed"),
        (
            f"m.id IS NULL AND {card} IS NOT NULL AND EXISTS (SELECT FROM members_retiredcard c WHERE"
            f" c.card_no = {card})",
            "card_taken",
        ),
    ]
    if key != "card_no":
        cases.append((f"{known} AND {card} IS NOT NULL AND {card} <> m.card_no", "other_card"))
    if key != "external_id":
        cases.append((f"{known} AND m.external_id <> '' AND {external} <> m.external_id", "other_number"))
    if key != "phone":
        cases.append(
            (f"{known} AND m.phone_verified_at IS NOT NULL AND {phone} <> m.phone", "phone_verified")
        )
    if batch.policy["mode"] == "update":
        # Nobody is enrolled, so nobody needs a phone or a card.
        cases = [case for case in cases if case[1] != "phone_needed"]
    whens = " ".join(f"WHEN {condition} THEN '{word}'" for condition, word in cases)
    return f"CASE {whens} END"


def _changes(batch: ImportBatch) -> str:
    """jsonb of what differs: {"name": [old, new], "marketing_sms": [null, "true"], "tags": {"add": [1]}}."""
    parts = [_field_change(field, batch) for field in mapped(batch)]
    parts += [_consent_change(name) for name in mapped_consents(batch)]
    if speaks_of_tags(batch):
        parts.append(tag_change("m.id", cell("tags"), batch.policy["tags"], listed=replaces_listed(batch)))
    return " || ".join(parts) or "'{}'::jsonb"


def _field_change(field: RowField, batch: ImportBatch) -> str:
    new, old = wanted(field, batch.policy), field.text("m")
    guard = {"referring_store": " AND NOT m.referring_store_locked", "joined_at": _another_day(new)}.get(
        field.column, ""
    )
    return (
        f"CASE WHEN {new} <> {old}{guard} THEN"
        f" jsonb_build_object('{field.column}', jsonb_build_array({old}, {new})) ELSE '{{}}'::jsonb END"
    )


def _another_day(midnight: str) -> str:
    """A file says the day; it must not take the hour away from a member who joined on that very day."""
    day = f"{midnight}::timestamptz"
    return f" AND NOT (m.joined_at >= {day} AND m.joined_at < {day} + interval '24 hours')"


def _consent_change(name: str) -> str:
    """An answer that differs from the latest and is not older than it."""
    assert name in CONSENTS
    new = cell(name)
    at = f"coalesce({cell('consent_date')}::timestamptz, %(now)s)"
    return (
        f"CASE WHEN {new} IS NOT NULL AND ({name}.given IS NULL OR ({name}.given <> {new}::boolean AND"
        f" {at} >= {name}.at))"
        f" THEN jsonb_build_object('{name}', jsonb_build_array({name}.given::text, {new})) ELSE"
        f" '{{}}'::jsonb END"
    )
