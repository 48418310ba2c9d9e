from points.models.account import Account, PendingCredit
from points.models.correction import Adjustment, StaffDayTotal
from points.models.entry import Entry
from points.models.hold import Hold, HoldLot
from points.models.lot import ExpiryNotice, Lot, LotExtension, LotUse
from points.models.program import Program, ProgramTerms
from points.models.proof import Proof

__all__ = [
    "Account",
    "Adjustment",
    "Entry",
    "ExpiryNotice",
    "Hold",
    "HoldLot",
    "Lot",
    "LotExtension",
    "LotUse",
    "PendingCredit",
    "Program",
    "ProgramTerms",
    "Proof",
    "StaffDayTotal",
]
