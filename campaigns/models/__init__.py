from campaigns.models.award import Award, AwardReturn, Carry
from campaigns.models.gift import Gift, GiftTaken
from campaigns.models.grant import Grant, GrantCancel
from campaigns.models.reservation import PointsGivenBack, Reservation, ReservedPoints
from campaigns.models.tills import OfflineItem, OfflinePack, TillItem, TillRecord

__all__ = [
    "Award",
    "AwardReturn",
    "Carry",
    "Gift",
    "GiftTaken",
    "Grant",
    "GrantCancel",
    "OfflineItem",
    "OfflinePack",
    "PointsGivenBack",
    "Reservation",
    "ReservedPoints",
    "TillItem",
    "TillRecord",
]
