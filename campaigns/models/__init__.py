from campaigns.models.award import Award, AwardReturn, Carry

__all__ = ["Award", "AwardReturn", "Carry"]
