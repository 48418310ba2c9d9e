"""Corrections by staff: signed changes, undone entries, grace for lapsed points.

Every verb takes the actor (a staff user), the clock and a key; the same key never has a second effect. Nobody
touches the card linked to him (I32), large ones wait for a second person (I31), and what is given away a day
without approval, undone redemptions among it, is counted per clerk, person and store (I33, T17) by the
function that books. Lock order: the request, the day's counters, the account.
"""

from points.services.corrections.grace import grace
from points.services.corrections.guard import refuse_other_store, refuse_own_card, staff_with
from points.services.corrections.requests import CorrectionResult, approve, correct, reject
from points.services.corrections.undo import UndoResult, left_to_undo, undo_entry

__all__ = [
    "CorrectionResult",
    "UndoResult",
    "approve",
    "correct",
    "grace",
    "left_to_undo",
    "refuse_other_store",
    "refuse_own_card",
    "reject",
    "staff_with",
    "undo_entry",
]
