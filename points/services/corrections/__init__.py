"""Corrections by staff: signed changes, undone entries, grace for lapsed points.

Every verb takes the actor (a staff user), the clock and a key; the same key never has a second effect. Nobody
touches the card linked to him (I32), large ones wait for a second person (I31), and what one clerk gives away
a day without approval is a locked counter (I33). Lock order: the clerk's counter, the request, the account.
"""

from points.services.corrections.requests import CorrectionResult, approve, correct, grace, reject
from points.services.corrections.undo import UndoResult, left_to_undo, undo_entry

__all__ = [
    "CorrectionResult",
    "UndoResult",
    "approve",
    "correct",
    "grace",
    "left_to_undo",
    "reject",
    "undo_entry",
]
