from members.models.card import RetiredCard
from members.models.consent import Consent
from members.models.member import Member, StaffCard
from members.models.profile import ProfileFieldRule
from members.models.purchase import (
    Purchase,
    PurchaseLine,
    PurchaseReturn,
    PurchaseReturnLine,
    PurchaseTender,
)

__all__ = [
    "Consent",
    "Member",
    "ProfileFieldRule",
    "Purchase",
    "PurchaseLine",
    "PurchaseReturn",
    "PurchaseReturnLine",
    "PurchaseTender",
    "RetiredCard",
    "StaffCard",
]
