"""States of what we give for a purchase."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AwardStatus(models.TextChoices):
    NOTHING = "nothing", _("No points")
    PENDING = "pending", _("Waiting")
    POSTED = "posted", _("Posted")
    CANCELLED = "cancelled", _("Cancelled")


class ReturnReason(models.TextChoices):
    """Why goods come back at the desk."""

    UNWANTED = "unwanted", _("The customer does not want it")
    DEFECT = "defect", _("It is defective")
    WRONG_ITEM = "wrong_item", _("The wrong goods were sold")
    OTHER = "other", _("Other")


class TillItemKind(models.TextChoices):
    """What a till told that somebody, or something, has to be waited for."""

    PURCHASE = "purchase", _("Purchase")
    RETURN = "return", _("Return")
    REDEMPTION = "redemption", _("Redemption")
    CORRECTION = "correction", _("Correction")


class TillItemReason(models.TextChoices):
    """Why it was not settled at once."""

    CLOCK_AHEAD = "clock_ahead", _("Its time has not come yet")
    CLOCK_OLD = "clock_old", _("It is too old")
    MANY_POINTS = "many_points", _("It would give unusually many points")
    NO_PURCHASE = "no_purchase", _("Its purchase has not arrived yet")
    CONFLICT = "conflict", _("It could not be settled after the till was offline")
    ASKED = "asked", _("The till asks for a correction")


class TillItemState(models.TextChoices):
    """`parked` waits for its purchase, `waiting` for a person; the other two are ends."""

    PARKED = "parked", _("Waits for its purchase")
    WAITING = "waiting", _("Waits for a decision")
    SETTLED = "settled", _("Settled")
    REFUSED = "refused", _("Turned down")


class ReservationState(models.TextChoices):
    OPEN = "open", _("Open")
    COMMITTED = "committed", _("Committed")
    RELEASED = "released", _("Released")
    EXPIRED = "expired", _("Lapsed")


class TimeTaken(models.TextChoices):
    """Which time counts for a receipt that staff accept."""

    TOLD = "told", _("The time that the till told")
    ARRIVAL = "arrival", _("The time when it arrived")


class GiftOccasion(models.TextChoices):
    """What a gift is given for, once for each phone and for all time."""

    WELCOME = "welcome", _("First verification of the phone")
    ANSWER = "answer", _("Answer to a question of the profile")
