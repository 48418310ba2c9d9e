"""Corrections by staff: the request, who approved it, and what a clerk has given away today."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from points.choices import AdjustmentStatus, LimitKind, ReasonCode
from points.models.account import Account


class Adjustment(models.Model):
    """A signed change that somebody asks for, with a reason and a note. Applied once, by one entry.

    Without `requested_by` the system asked (a released hold that pays a debt). With `undoes` it is a
    redemption that waits to be undone: its points go back to their lots, and no `adjust` entry comes of it.
    """

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="adjustments", verbose_name=_("account")
    )
    points = models.BigIntegerField(_("points"))
    reason = models.CharField(_("reason"), max_length=32, choices=ReasonCode.choices)
    note = models.CharField(_("note"), max_length=500, blank=True)
    # What the request is about, where it is about an entry: a lapse to give once more, a redemption to undo.
    lapse = models.ForeignKey(
        "points.Entry", on_delete=models.PROTECT, null=True, blank=True, related_name="graces",
        db_index=False, verbose_name=_("expiry"),
    )  # fmt: skip
    undoes = models.ForeignKey(
        "points.Entry", on_delete=models.PROTECT, null=True, blank=True, related_name="undo_requests",
        db_index=False, verbose_name=_("undoes"),
    )  # fmt: skip
    key = models.CharField(_("key"), max_length=128, unique=True)
    status = models.CharField(
        _("status"), max_length=10, choices=AdjustmentStatus.choices, default=AdjustmentStatus.DRAFT
    )
    over_limit = models.CharField(
        _("why it waits"), max_length=10, choices=LimitKind.choices, blank=True, default="", db_default=""
    )
    needs_approval = models.BooleanField(_("needs a second person"), default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("asked by"),
    )  # fmt: skip
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("approved by"),
    )  # fmt: skip
    expires_at = models.DateTimeField(_("points expire"), null=True, blank=True)
    created_at = models.DateTimeField(_("asked"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    applied_at = models.DateTimeField(_("applied"), null=True, blank=True)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(points=0), name="adjustment_not_zero"),
            # I31: four eyes where required, and never the same two.
            models.CheckConstraint(
                condition=models.Q(needs_approval=False)
                | ~models.Q(status="applied")
                | models.Q(approved_by__isnull=False),
                name="adjustment_four_eyes",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True)
                | models.Q(requested_by__isnull=True)
                | ~models.Q(approved_by=models.F("requested_by")),
                name="adjustment_not_by_oneself",
            ),
            # One grace a lapse; a refused request makes room for another.
            models.UniqueConstraint(
                fields=["lapse"],
                condition=models.Q(lapse__isnull=False) & ~models.Q(status="rejected"),
                name="one_grace_per_lapse",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], name="adjustment_waiting", condition=models.Q(status="pending")
            ),
            models.Index(
                fields=["applied_at"], name="adjustment_applied", condition=models.Q(status="applied")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points:+d}"


class StaffDayTotal(models.Model):
    """Points that one staff user gave without approval on one local day: the counter behind I33.

    Redemptions that he undid by hand count as given.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("staff user")
    )
    day = models.DateField(_("day"))
    given = models.BigIntegerField(_("points given"), default=0)

    class Meta:
        verbose_name = _("points given per day")
        verbose_name_plural = _("points given per day")
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="staff_day_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.day}"
