"""States and kinds of the ledger."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class EntryKind(models.TextChoices):
    """What an entry is. The sign of its points follows from the kind (a CHECK constraint holds it)."""

    EARN = "earn", _("Earned")
    BONUS = "bonus", _("Bonus")
    SPEND = "spend", _("Redeemed")
    EXPIRE = "expire", _("Expired")
    ADJUST = "adjust", _("Corrected")
    REVERSE_EARN = "reverse_earn", _("Earning undone")
    REFUND_SPEND = "refund_spend", _("Redemption undone")
    TRANSFER = "transfer", _("Transferred")
    IMPORT = "import", _("Imported")


CREDIT_KINDS = (EntryKind.EARN.value, EntryKind.BONUS.value, EntryKind.IMPORT.value)


class Rounding(models.TextChoices):
    FLOOR = "floor", _("Down to whole units")
    HALF_UP = "half_up", _("To the nearest unit")
    CEILING = "ceiling", _("Up to whole units")


class ExpiryPolicy(models.TextChoices):
    """When a credit lapses. Deadlines are the first instant that is too late, in the program's zone."""

    NEVER = "never", _("Never")
    DAYS = "days", _("Days after earning")
    MONTHS = "months", _("Months after earning")
    MONTH_END = "month_end", _("End of the month, months after earning")
    YEAR_BUCKET = "year_bucket", _("End of the year, years after earning, plus grace")
    SLIDING = "sliding", _("Months after the last activity")


class UseOrder(models.TextChoices):
    EXPIRING_FIRST = "expiring_first", _("First to expire first")
    OLDEST_FIRST = "oldest_first", _("Oldest first")


class DebtPolicy(models.TextChoices):
    """What a return does when the points it takes back are already spent."""

    DEBT = "debt", _("Owe the rest; later earnings pay it")
    CLAMP = "clamp", _("Take only what is there")
    REDUCE_REFUND = "reduce_refund", _("Keep the worth of the rest from the refund")


class OverRatio(models.TextChoices):
    """What happens when far more points are issued than redeemed (S100)."""

    WARN = "warn", _("Warn")
    STOP = "stop", _("Stop earning")


class HoldStatus(models.TextChoices):
    OPEN = "open", _("Open")
    CAPTURED = "captured", _("Captured")
    VOIDED = "voided", _("Released")
    EXPIRED = "expired", _("Lapsed")


class PendingStatus(models.TextChoices):
    OPEN = "open", _("Waiting")
    CONFIRMED = "confirmed", _("Confirmed")
    CANCELLED = "cancelled", _("Cancelled")


class AdjustmentStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PENDING = "pending", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    APPLIED = "applied", _("Applied")


class LimitKind(models.TextChoices):
    """Which limit made a correction wait for a second person (`CorrectionLimit`)."""

    REQUEST = "request", _("More points than one correction may move")
    CLERK = "clerk", _("More than one person may give a day")
    RECEIVER = "receiver", _("More than one member may be given a day")
    STORE = "store", _("More than one store may give a day")


class ReasonCode(models.TextChoices):
    """Why staff correct points. Every correction names one, and a note in words."""

    MISSING_EARN = "missing_earn", _("Points of a purchase are missing")
    WRONG_EARN = "wrong_earn", _("Wrong points were given")
    WRONG_REDEMPTION = "wrong_redemption", _("Redeemed by mistake")
    GOODWILL = "goodwill", _("Goodwill")
    GRACE = "grace", _("Grace for expired points")
    SYSTEM_FAULT = "system_fault", _("System fault")
    DEBT_PAID = "debt_paid", _("Debt paid from a released hold")
    LAPSE_UNDONE = "lapse_undone", _("Expiry undone with its earning")
    OPENING = "opening", _("Opening balance")
    IMPORT_UNDONE = "import_undone", _("Imported deduction undone")
    OTHER = "other", _("Other")
