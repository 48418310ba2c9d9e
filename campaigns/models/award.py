"""Awards: what a purchase gave, and why. A return walks back from here, never from today's rule."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.choices import AwardStatus
from members.models import Purchase, PurchaseReturn
from points.models import Account, Entry, PendingCredit, Program


class Award(models.Model):
    """The reward of one purchase in one program, also when it is nothing: then `explanation` says why.

    `points` is what was granted, `returned` what returns have taken back so far (of both posted and waiting
    points); `base` is the amount it was computed from.
    """

    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="awards", db_index=False, verbose_name=_("purchase")
    )
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("points program")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, related_name="awards", verbose_name=_("account")
    )
    base = models.DecimalField(_("base amount"), max_digits=12, decimal_places=2)
    points = models.BigIntegerField(_("points"))
    returned = models.BigIntegerField(_("points taken back"), default=0)
    status = models.CharField(_("status"), max_length=10, choices=AwardStatus.choices)
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("entry")
    )
    pending = models.ForeignKey(
        PendingCredit,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("waiting points"),
    )
    rule_version = models.PositiveIntegerField(_("version of the rules"))
    explanation = models.JSONField(_("explanation"), default=dict)
    created_at = models.DateTimeField(_("booked"))

    class Meta:
        verbose_name = _("award")
        verbose_name_plural = _("awards")
        constraints = [
            models.UniqueConstraint(fields=["purchase", "program"], name="award_once"),
            models.CheckConstraint(
                condition=models.Q(
                    points__gte=0, returned__gte=0, returned__lte=models.F("points"), base__gte=0
                ),
                name="award_within_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points}"


class AwardReturn(models.Model):
    """What a return took back from an award: `points` of the `asked` that were due. Append-only.

    They differ where the points were spent and the program's policy lets them go or keeps their worth from
    the refund; what was asked once is not asked again.
    """

    award = models.ForeignKey(
        Award, on_delete=models.PROTECT, related_name="returns", db_index=False, verbose_name=_("award")
    )
    purchase_return = models.ForeignKey(
        PurchaseReturn, on_delete=models.PROTECT, related_name="award_returns", verbose_name=_("return")
    )
    asked = models.BigIntegerField(_("points due back"))
    points = models.BigIntegerField(_("points"))
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("entry")
    )
    explanation = models.JSONField(_("explanation"), default=dict)

    class Meta:
        verbose_name = _("award taken back")
        verbose_name_plural = _("awards taken back")
        constraints = [
            models.UniqueConstraint(fields=["award", "purchase_return"], name="award_return_once"),
            models.CheckConstraint(
                condition=models.Q(points__gte=0, points__lte=models.F("asked")),
                name="award_return_within_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points}"


class Carry(models.Model):
    """Small change of one account that waits for the next purchase (N23): NT$ below one earning unit."""

    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, primary_key=True, related_name="carry", verbose_name=_("account")
    )
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2, default=0)

    class Meta:
        verbose_name = _("small change")
        verbose_name_plural = _("small change")

    def __str__(self) -> str:
        return f"{self.amount}"
