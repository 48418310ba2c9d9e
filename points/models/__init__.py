from points.models.account import Account, PendingCredit
from points.models.correction import Adjustment, StaffDayTotal
from points.models.entry import Entry
from points.models.hold import Hold, HoldLot
from points.models.limit import CorrectionLimit, ReceiverDayTotal, StoreDayTotal
from points.models.lot import ExpiryNotice, Lot, LotExtension, LotUse
from points.models.program import Program, ProgramTerms
from points.models.proof import Proof
from points.models.total import DayTotal, Fold, SettlementTotal

__all__ = [
    "Account",
    "Adjustment",
    "CorrectionLimit",
    "DayTotal",
    "Entry",
    "ExpiryNotice",
    "Fold",
    "Hold",
    "HoldLot",
    "Lot",
    "LotExtension",
    "LotUse",
    "PendingCredit",
    "Program",
    "ProgramTerms",
    "Proof",
    "ReceiverDayTotal",
    "SettlementTotal",
    "StaffDayTotal",
    "StoreDayTotal",
]
