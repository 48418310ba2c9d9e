"""Bringing staged receipts in, and taking them back, a span of rows in the caller's transaction."""

from __future__ import annotations

from django.db import connection, transaction

from backoffice.choices import RowDone, RowOutcome
from backoffice.errors import Refusal
from backoffice.models import ImportRow
from backoffice.services.imports.kinds import Span
from campaigns.errors import PurchaseMoved
from campaigns.services.bulk_returns import Ending, return_whole
from campaigns.services.bulk_settlement import settle_many
from campaigns.services.buyers import lock_buyers
from campaigns.services.imports.gathering import gather
from campaigns.services.imports.judging import name_buyers, refuse_difference, write
from campaigns.services.imports.reading import by_line
from members.errors import ReceiptDiffers
from members.purchase_data import MAX_LINES

# Somebody else stored one of the receipts, or merged one of the members, at this very moment: look again.
TRIES = 3
SOURCE = "import-undo"
DONE = {
    Ending.RETURNED: RowDone.UNDONE.value,
    Ending.NOTHING: RowDone.UNDONE.value,
    Ending.KEPT: RowDone.KEPT.value,
}


def apply(span: Span) -> None:
    """Settle the span's receipts as `settle_many` does. A buyer who is not who he was in the preview, and a
    receipt that somebody stored differently since, is refused; the others go in.
    """
    for last in (*[False] * (TRIES - 1), True):
        try:
            with transaction.atomic():
                _settle(span)
        except (PurchaseMoved, ReceiptDiffers):
            if last:
                raise
        else:
            return


def undo(span: Span) -> None:
    """Return the span's receipts whole, so that their points go back. What had a return since, or whose
    points were used, is kept; what the ledger refuses is stuck.
    """
    rows = ImportRow.objects.filter(
        batch=span.batch, line__gte=span.first, line__lte=span.last, done=RowDone.APPLIED
    )
    ids = list(dict.fromkeys(rows.order_by("-line").values_list("subject_id", flat=True)))
    done = _returned([pk for pk in ids if pk is not None], span)
    # A receipt in long form may begin before the span.
    first = span.first - (MAX_LINES if by_line(span.batch.policy) else 0)
    with connection.cursor() as cursor:
        cursor.execute(END, [list(done), list(done.values()), span.batch.pk, first, span.last])


def _settle(span: Span) -> None:
    _refuse_erased(span)
    told = gather(span)
    # Before the look at who they are: freezing, merging and erasing wait for us from here on.
    lock_buyers({one.seen[0] for one in told if one.seen})
    name_buyers(told, span)
    receipts = [(one, one.data) for one in told if one.data is not None]
    result = settle_many([data for _one, data in receipts], actor=span.actor, now=span.now)
    for one, data in receipts:
        if data.key in result.given:
            given = result.given[data.key]
            one.done, one.subject_id = RowDone.APPLIED.value, given.purchase_id
            one.changes = {"points": given.points}
        elif data.key in result.differing:
            refuse_difference(one, result.differing[data.key])
        else:
            one.outcome, one.changes = RowOutcome.SAME.value, {}
    for one in told:
        if one.fault is not None:
            one.done = RowDone.REFUSED.value
    write(told, span)


def _refuse_erased(span: Span) -> None:
    """An erasure has taken the values out of its person's rows."""
    rows = ImportRow.objects.filter(batch=span.batch, line__gte=span.first, line__lte=span.last)
    rows.filter(outcome=RowOutcome.NEW, done=RowDone.OPEN, cells=None).update(
        outcome=RowOutcome.CONFLICT,
        done=RowDone.REFUSED,
        faults=[{"column": "", "value": "", "fault": "meanwhile"}],
    )


def _returned(purchase_ids: list[int], span: Span) -> dict[int, str]:
    """What became of each purchase, as the end of its rows."""
    try:
        return _return(purchase_ids, span)
    except Refusal:
        if len(purchase_ids) == 1:
            return {purchase_ids[0]: RowDone.STUCK.value}
    done: dict[int, str] = {}
    for pk in purchase_ids:
        done |= _returned([pk], span)
    return done


def _return(purchase_ids: list[int], span: Span) -> dict[int, str]:
    with transaction.atomic():
        endings = return_whole(
            purchase_ids=purchase_ids,
            source=SOURCE,
            number=f"{span.batch.pk}",
            reason=f"#{span.batch.pk} {span.batch.file_name}",
            actor=span.actor,
            now=span.now,
        )
    return {pk: DONE[ending] for pk, ending in endings.items()}


END = """
UPDATE backoffice_importrow r SET done = t.done
FROM unnest(%s::bigint[], %s::text[]) AS t(subject_id, done)
WHERE r.batch_id = %s AND r.line BETWEEN %s AND %s AND r.done = 'applied' AND r.subject_id = t.subject_id
"""
