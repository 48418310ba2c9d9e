from members.models.belongings import InvoiceCarrier, Referral, ReferralCode
from members.models.card import RetiredCard
from members.models.consent import Consent
from members.models.member import Member, StaffCard
from members.models.note import LookCount, MemberNote
from members.models.profile import ProfileFieldRule
from members.models.purchase import (
    Purchase,
    PurchaseLine,
    PurchaseReturn,
    PurchaseReturnLine,
    PurchaseTender,
)
from members.models.sign_in import MemberSession, OneTimeCode, PhoneChange
from members.models.standing import MembershipTerms, SecurityAnswer, StepUp
from members.models.tag import MemberTag, Tag, TagName

__all__ = [
    "Consent",
    "InvoiceCarrier",
    "LookCount",
    "Member",
    "MemberNote",
    "MemberSession",
    "MemberTag",
    "MembershipTerms",
    "OneTimeCode",
    "PhoneChange",
    "ProfileFieldRule",
    "Purchase",
    "PurchaseLine",
    "PurchaseReturn",
    "PurchaseReturnLine",
    "PurchaseTender",
    "Referral",
    "ReferralCode",
    "RetiredCard",
    "SecurityAnswer",
    "StaffCard",
    "StepUp",
    "Tag",
    "TagName",
]
