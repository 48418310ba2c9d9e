from campaigns.models.award import Award, AwardReturn, Carry
from campaigns.models.reservation import PointsGivenBack, Reservation, ReservedPoints
from campaigns.models.tills import OfflineItem, OfflinePack, TillItem, TillRecord

__all__ = [
    "Award",
    "AwardReturn",
    "Carry",
    "OfflineItem",
    "OfflinePack",
    "PointsGivenBack",
    "Reservation",
    "ReservedPoints",
    "TillItem",
    "TillRecord",
]
