"""Ledger entries by the hand of staff that count on the day's limits, next to `ledger.adjust`."""

from __future__ import annotations

from points.postings import Context, Posting, Refund
from points.services.ledger import CONTEXT, call


def undo_spend(*, user_id: int, entry_id: int, points: int, key: str, context: Context) -> Refund:
    """`ledger.refund_spend` by the staff user `user_id`, counted on the day's limits like a gift.

    `key` is the person's: the same one again answers the stored posting and counts nothing. Raises like
    `refund_spend`, and OverLimit, OwnCard.
    """
    row = call(
        "SELECT (r.posting).*, r.lapsed, r.lapse_entry_id "
        f"FROM (SELECT * FROM points_undo_spend_v1(%s,%s,%s,%s,{CONTEXT})) r",
        (user_id, entry_id, points, key, *context.values()),
    )
    return Refund(Posting(*row[:8]), row[8], row[9])
