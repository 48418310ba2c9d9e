"""Lots: each credit with its own expiry, what was taken out of it, and what moved its deadline."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.models import Brand, OutboxMessage
from points.models.account import Account
from points.models.entry import Entry
from points.querysets import LotQuerySet


class Lot(models.Model):
    """The points of one credit. `remaining` is what its uses left, `held` the part that holds have named.

    `expires_at` is the first instant at which it can no longer be spent (null: never). It only moves later.
    """

    # `lot_guard_insert` finds the entry or refuses the lot, and entries are never deleted.
    entry = models.OneToOneField(
        Entry, on_delete=models.PROTECT, db_constraint=False, primary_key=True, related_name="lot",
        verbose_name=_("entry"),
    )  # fmt: skip
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="lots",
        db_index=False,
        db_constraint=False,
        verbose_name=_("account"),
    )
    original = models.BigIntegerField(_("points at first"))
    remaining = models.BigIntegerField(_("points left"))
    held = models.BigIntegerField(_("held"), default=0, db_default=0)
    available_from = models.DateTimeField(_("usable from"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    expired_at = models.DateTimeField(_("expired"), null=True, blank=True)
    brand = models.ForeignKey(
        Brand, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("issuer"),
    )  # fmt: skip

    objects = LotQuerySet.as_manager()

    class Meta:
        verbose_name = _("lot")
        verbose_name_plural = _("lots")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    original__gt=0,
                    held__gte=0,
                    remaining__gte=models.F("held"),
                    remaining__lte=models.F("original"),
                ),
                name="lot_within_bounds",
            )
        ]
        indexes = [
            models.Index(
                fields=["account", "expires_at", "entry"],
                name="lot_live",
                condition=models.Q(remaining__gt=0),
            ),
            models.Index(
                fields=["expires_at", "account"],
                name="lot_expiring",
                condition=models.Q(remaining__gt=0, expires_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.remaining}/{self.original}"


class LotUse(models.Model):
    """What an entry took out of a lot (`points` > 0) or put back into it (< 0). Append-only."""

    pk = models.CompositePrimaryKey("entry_id", "lot_id")
    # `lot_use_apply` finds both or refuses the use, and neither is ever deleted: two foreign keys less to
    # check for each of the lots that a spend takes.
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="lot_uses",
        verbose_name=_("entry"),
    )  # fmt: skip
    lot = models.ForeignKey(
        Lot, on_delete=models.PROTECT, db_constraint=False, related_name="uses", verbose_name=_("lot")
    )
    points = models.BigIntegerField(_("points"))

    class Meta:
        verbose_name = _("lot use")
        verbose_name_plural = _("lot uses")
        constraints = [models.CheckConstraint(condition=~models.Q(points=0), name="lot_use_not_zero")]

    def __str__(self) -> str:
        return f"{self.points}"


class LotExtension(models.Model):
    """A lot's deadline moved later: by activity (sliding programs) or because no notice was sent in time."""

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="extensions", verbose_name=_("lot"))
    expires_from = models.DateTimeField(_("from"))
    expires_to = models.DateTimeField(_("to"))
    reason = models.CharField(_("reason"), max_length=32)
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("moved deadline")
        verbose_name_plural = _("moved deadlines")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_to__gt=models.F("expires_from")), name="extension_moves_later"
            )
        ]

    def __str__(self) -> str:
        return f"{self.expires_to}"


class ExpiryNotice(models.Model):
    """The notice that a lot will expire (N10). It counts from when its outbox message was sent.

    It speaks of one deadline: a lot whose deadline moves later is announced again.
    """

    lot = models.ForeignKey(
        Lot, on_delete=models.PROTECT, related_name="notices", db_index=False, verbose_name=_("lot")
    )
    message = models.ForeignKey(
        OutboxMessage, on_delete=models.PROTECT, related_name="+", verbose_name=_("message")
    )
    expires_at = models.DateTimeField(_("expiry announced"))
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("expiry notice")
        verbose_name_plural = _("expiry notices")
        constraints = [models.UniqueConstraint(fields=["lot", "expires_at"], name="notice_per_deadline")]

    def __str__(self) -> str:
        return f"{self.lot_id}"
