"""Limits of staff: what one person may give by himself, and the counters that hold him to it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from backoffice.choices import Role
from backoffice.models import Store
from points import policy
from points.models.account import Account


class CorrectionLimit(models.Model):
    """What a role may do without a second person; `role` empty is the row for every role without its own.

    All numbers are points, each the last one that is still allowed. Days are Taipei's. `per_request` and
    `per_clerk_day` can be tightened but never be above what auditors expect of this house (I31, I33).
    """

    role = models.CharField(
        _("role"), max_length=20, choices=Role.choices, blank=True, default="", db_default="", unique=True,
        help_text=_("Empty: every role that has no limits of its own."),
    )  # fmt: skip
    per_request = models.PositiveIntegerField(_("one correction"), default=policy.APPROVAL_ABOVE)
    per_receiver_day = models.PositiveIntegerField(
        _("given to one member a day"), default=policy.RECEIVER_GIVEN
    )
    per_clerk_day = models.PositiveIntegerField(_("given by one person a day"), default=policy.DAILY_GIVEN)
    per_store_day = models.PositiveIntegerField(_("given by one store a day"), default=policy.STORE_GIVEN)
    mutual_above = models.PositiveIntegerField(
        _("no mutual approval above"),
        default=policy.MUTUAL_ABOVE,
        help_text=_("Two people do not approve each other's corrections above this many points."),
    )
    version = models.PositiveIntegerField(_("version"), default=1, db_default=1, editable=False)
    mutual_days = models.PositiveSmallIntegerField(
        _("within days"), default=policy.MUTUAL_DAYS, help_text=_("So long an approval is remembered.")
    )

    class Meta:
        verbose_name = _("correction limits")
        verbose_name_plural = _("correction limits")
        ordering = ["role"]
        constraints = [
            models.CheckConstraint(
                condition=Q(per_request__lte=policy.APPROVAL_ABOVE, per_clerk_day__lte=policy.DAILY_GIVEN),
                name="correction_limit_within_the_house",
                violation_error_message=_(
                    "At most 1,000 points in one correction and 5,000 by one person a day go without a "
                    "second person."
                ),
            ),
            models.CheckConstraint(
                condition=Q(mutual_days__gte=1, mutual_days__lte=policy.MOST_MUTUAL_DAYS),
                name="correction_limit_mutual_days",
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_role_display()) if self.role else str(_("All other roles"))


class ReceiverDayTotal(models.Model):
    """Points that all staff together gave to one account without approval on one local day.

    What counts is the person: all accounts of a member, and of those merged into him, add up under one lock.
    """

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("account")
    )
    day = models.DateField(_("day"))
    given = models.BigIntegerField(_("points given"), default=0)

    class Meta:
        verbose_name = _("points received per day")
        verbose_name_plural = _("points received per day")
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="receiver_day_once")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.day}"


class StoreDayTotal(models.Model):
    """Points that one store's staff gave without approval on one local day; without `store` the office's.

    Whoever works for several stores counts at each of them: nobody can choose the store with room left.
    """

    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("store")
    )
    day = models.DateField(_("day"))
    given = models.BigIntegerField(_("points given"), default=0)

    class Meta:
        verbose_name = _("points given per store and day")
        verbose_name_plural = _("points given per store and day")
        constraints = [
            models.UniqueConstraint(fields=["store", "day"], name="store_day_once", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.store_id} {self.day}"
