"""What staged rows of receipts would do: who bought, what is stored already, how many points it gives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from django.db import connection

from backoffice.choices import RowOutcome
from backoffice.services.imports.kinds import Span
from campaigns.services.bulk_settlement import preview_many
from campaigns.services.importing import purchase_of
from campaigns.services.imports import people
from campaigns.services.imports.gathering import Told, gather
from campaigns.services.imports.reading import by_line, source_of
from members.choices import MemberStatus
from members.errors import InvalidReceipt
from members.models import StaffCard

LIVING = (MemberStatus.ACTIVE.value, MemberStatus.FROZEN.value)

# Stored field -> the column that tells it, where they have other names.
STORED_AS = {
    "store_id": "store_code", "paid": "amount", "gross": "discount", "item_count": "items",
    "member": "member_no", "lines": "line_no", "tenders": "tender",
}  # fmt: skip


def diff(span: Span) -> None:
    """Say of each receipt of the span whether it is new, known, or why it stays out. Writes staged rows only.

    Receipts in long form wait for the second look, when their last line is staged as well.
    """
    if by_line(span.batch.policy) and not span.whole:
        return
    told = gather(span)
    name_buyers(told, span)
    open_ = [one for one in told if one.data is not None]
    preview = preview_many([one.data for one in open_ if one.data is not None])
    for one in open_:
        assert one.data is not None, "those with faults were left out"
        key = one.data.key
        if key in preview.differing:
            refuse_difference(one, preview.differing[key])
        elif key in preview.new:
            one.changes |= {"points": preview.new[key]}
        else:
            one.outcome, one.changes = RowOutcome.SAME.value, {}
    write(told, span)


def name_buyers(told: Sequence[Told], span: Span) -> None:
    """Fill in `data` of the receipts whose buyer is known, or the fault of the others.

    After a preview (`span.again`) the buyer has to be who he was in it, with the same standing (C60).
    """
    found = people.find(
        ((column, value) for one in told for column, value in one.persons.items()), span.batch.brand_id
    )
    own = _own_cards(span)
    policy = span.batch.policy
    for one in told:
        if one.fault is not None:
            continue
        person = _person(one, found, policy, own)
        buyer = [person.member_id, person.status] if person else None
        turned = span.again and (one.outcome != RowOutcome.NEW.value or buyer != one.seen)
        if turned and not (one.fault and one.fault["fault"] == "own_card"):
            one.refuse("meanwhile")
        if one.outcome != RowOutcome.NEW.value:
            continue
        one.changes = {"buyer": buyer}
        store_id = int(one.row.store_code)
        try:
            one.data = purchase_of(
                one.row, source_of(policy, store_id), store_id, person.member_id if person else None
            )
        except InvalidReceipt as refusal:
            one.refuse("impossible", field=refusal.details["field"])


def refuse_difference(one: Told, fields: str) -> None:
    """A receipt that is stored with other content, and the columns that say so."""
    names = fields.split(", ")
    if "paid" in names or "discount" in names:
        names = [name for name in names if name != "gross"]
    one.refuse("differs", "receipt_no", columns=[STORED_AS.get(name, name) for name in names])


def write(told: Iterable[Told], span: Span) -> None:
    """Outcome and end of these receipts into the staging table, for each of their rows."""
    rows = [
        (
            line,
            one.outcome,
            one.done,
            one.subject_id,
            json.dumps(one.changes) if one.changes and number == 0 else None,
            json.dumps([one.fault]) if one.fault else None,
        )
        for one in told
        for number, line in enumerate(one.lines)
    ]
    if not rows:
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [*columns, span.batch.pk, min(columns[0]), max(columns[0])])


WRITE = """
UPDATE backoffice_importrow r
SET outcome = t.outcome, done = t.done, subject_id = t.subject_id, changes = t.changes, faults = t.faults
FROM unnest(%s::integer[], %s::text[], %s::text[], %s::bigint[], %s::jsonb[], %s::jsonb[])
    AS t(line, outcome, done, subject_id, changes, faults)
WHERE r.batch_id = %s AND r.line BETWEEN %s AND %s AND r.line = t.line
"""


def _person(
    one: Told, found: people.People, policy: dict[str, str], own: frozenset[int]
) -> people.Person | None:
    """The buyer; None without one, or with the reason on the receipt."""
    if not one.persons:
        if policy["no_member"] == "skip":
            one.outcome = RowOutcome.LEFT.value
        return None
    named = {column: found.get((column, value)) for column, value in one.persons.items()}
    for column, person in named.items():
        if person is None:
            if policy["unknown_member"] == "skip":
                one.outcome = RowOutcome.LEFT.value
            else:
                one.refuse("not_there", column)
            return None
        if person.until is not None and one.row.purchased_at >= person.until:
            one.refuse("card_replaced", column)
            return None
    known = [person for person in named.values() if person is not None]
    person = known[0]
    if len({one.member_id for one in known}) > 1:
        one.refuse("two_members")
    elif person.status not in LIVING:
        one.refuse("not_living")
    elif person.member_id in own:
        one.refuse("own_card")
    return person


def _own_cards(span: Span) -> frozenset[int]:
    """Nobody brings points to his own card: neither who had a hand in the file nor who approves it."""
    people_here = [user for user in (*span.batch.hands, span.batch.approver_id) if user is not None]
    return frozenset(StaffCard.objects.filter(user__in=people_here).values_list("member_id", flat=True))
