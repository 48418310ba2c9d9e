"""Points that a service of the merchant gave to a member without a receipt, and what became of them."""

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.choices import ActorType
from backoffice.models import ApiKey, Brand
from campaigns.choices import AwardStatus
from campaigns.querysets import OfBrandQuerySet
from points.models import Account, Entry, PendingCredit, Program


class Grant(models.Model):
    """One grant under the number that its service made, which is unique within the brand for ever.

    `told` is a hash over what was told, the card left out: a code on a screen is a new one each time. A grant
    in a program with waiting days has its waiting credit first and its entry later; the rest never changes.
    """

    brand = models.ForeignKey(
        Brand, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("brand")
    )
    number = models.CharField(_("number"), max_length=64)
    key = models.ForeignKey(
        ApiKey, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("API key")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="grants", db_index=False, verbose_name=_("account")
    )
    points = models.BigIntegerField(_("points"))
    service = models.CharField(_("service"), max_length=32)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    told = models.CharField(max_length=64, editable=False)
    occurred_at = models.DateTimeField(_("happened"))
    created_at = models.DateTimeField(_("booked"))
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

    objects = OfBrandQuerySet.as_manager()

    class Meta:
        verbose_name = _("grant of points")
        verbose_name_plural = _("grants of points")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["number", "brand"], name="grant_once"),
            models.CheckConstraint(condition=models.Q(points__gte=1), name="grant_gives"),
        ]
        indexes = [
            models.Index(fields=["account"], condition=models.Q(status="pending"), name="grant_waiting"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def program(self) -> Program:
        return self.account.program


class GrantCancel(models.Model):
    """What was taken back of a grant: `points` of the `asked` that were left of it. Once, and append-only.

    `debt` of them are owed because they were spent; `withheld` is NT$ that the service keeps for spent ones.
    """

    grant = models.OneToOneField(
        Grant,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="cancel",
        verbose_name=_("grant of points"),
    )
    asked = models.BigIntegerField(_("points due back"))
    points = models.BigIntegerField(_("points"))
    debt = models.BigIntegerField(_("debt"), default=0)
    withheld = models.DecimalField(
        _("withheld NT$"), max_digits=12, decimal_places=2, default=Decimal("0.00")
    )
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("entry")
    )
    reason = models.CharField(_("reason"), max_length=200)
    actor_type = models.CharField(_("actor kind"), max_length=10, choices=ActorType.choices)
    actor_id = models.CharField(_("actor"), max_length=64)
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("cancelled grant of points")
        verbose_name_plural = _("cancelled grants of points")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(points__gte=0, points__lte=models.F("asked")),
                name="grant_cancel_within_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points}"
