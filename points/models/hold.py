"""Holds: points set aside for a spend that is not final yet. Always with an end."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.choices import ActorType
from backoffice.models import Store
from points.choices import HoldStatus
from points.models.account import Account
from points.models.lot import Lot


class Hold(models.Model):
    """A reservation over named lots. Captured (also in part), released or lapsed: once, and for good."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="holds", verbose_name=_("account")
    )
    points = models.BigIntegerField(_("points"))
    captured = models.BigIntegerField(_("captured"), default=0, db_default=0)
    status = models.CharField(_("status"), max_length=10, choices=HoldStatus.choices, default=HoldStatus.OPEN)
    source_type = models.CharField(_("source kind"), max_length=32)
    source_id = models.CharField(_("source"), max_length=64)
    actor_type = models.CharField(_("actor kind"), max_length=10, choices=ActorType.choices)
    actor_id = models.CharField(_("actor"), max_length=64)
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("store")
    )
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("lapses"))
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["source_type", "source_id"], name="hold_once"),
            models.CheckConstraint(
                condition=models.Q(points__gt=0, captured__gte=0, captured__lte=models.F("points")),
                name="hold_within_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(status="open", settled_at__isnull=True, captured=0)
                | models.Q(status="captured", settled_at__isnull=False, captured__gt=0)
                | models.Q(status__in=["voided", "expired"], settled_at__isnull=False, captured=0),
                name="hold_status_fits",
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="hold_open", condition=models.Q(status="open"))]

    def __str__(self) -> str:
        return f"{self.points}"


class HoldLot(models.Model):
    """Which lots a hold has named, and how much of each. Append-only."""

    pk = models.CompositePrimaryKey("hold_id", "lot_id")
    hold = models.ForeignKey(
        Hold, on_delete=models.PROTECT, related_name="lots", db_index=False, verbose_name=_("hold")
    )
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="holds", verbose_name=_("lot"))
    points = models.BigIntegerField(_("points"))

    class Meta:
        verbose_name = _("held lot")
        verbose_name_plural = _("held lots")
        constraints = [models.CheckConstraint(condition=models.Q(points__gt=0), name="hold_lot_positive")]

    def __str__(self) -> str:
        return f"{self.points}"
