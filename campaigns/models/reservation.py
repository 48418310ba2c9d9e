"""One hold for everything that a bill may use (N11): a row for the bill, and rows for what it sets aside."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.models import ApiKey, Store
from campaigns.choices import ReservationState
from campaigns.querysets import OfStoreQuerySet
from members.models import Member, Purchase, PurchaseReturn
from points.models import Account, Entry, Hold


class Reservation(models.Model):
    """What a till has set aside for one bill of `amount` NT$, under one number and with one end.

    Points are its first kind of part; coupons, stamps and gift stock get tables of parts beside
    ReservedPoints.
    """

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store"))
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", verbose_name=_("till"))
    number = models.CharField(_("number"), max_length=80)
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="reservations", verbose_name=_("member")
    )
    amount = models.DecimalField(_("bill"), max_digits=12, decimal_places=2)
    state = models.CharField(
        _("status"), max_length=10, choices=ReservationState.choices, default=ReservationState.OPEN
    )
    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, null=True, related_name="reservations", verbose_name=_("purchase")
    )
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("lapses"))
    settled_at = models.DateTimeField(_("settled"), null=True)
    occurred_at = models.DateTimeField(_("happened"))

    objects = OfStoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        ordering = ["-id"]
        indexes = [models.Index(fields=["key", "occurred_at"], name="reservation_of_day")]
        constraints = [
            models.UniqueConstraint(fields=["store", "number"], name="reservation_once"),
            models.CheckConstraint(
                condition=models.Q(state="open", settled_at__isnull=True)
                | (~models.Q(state="open") & models.Q(settled_at__isnull=False)),
                name="reservation_settled_at_its_end",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class ReservedPoints(models.Model):
    """Points of one account in a reservation: `points` set aside at the ratio of then, `spent` of them in
    the end.

    `hold` is the ledger's own; without one they were spent at once. `returned` came back since.
    """

    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, related_name="points_parts", db_index=False,
        verbose_name=_("reservation"),
    )  # fmt: skip
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", verbose_name=_("account")
    )
    hold = models.OneToOneField(
        Hold, on_delete=models.PROTECT, null=True, related_name="reserved", verbose_name=_("hold")
    )
    entry = models.OneToOneField(
        Entry, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("entry")
    )
    points = models.BigIntegerField(_("points"))
    spent = models.BigIntegerField(_("points spent"), default=0)
    returned = models.BigIntegerField(_("points given back"), default=0)
    cash_points = models.PositiveIntegerField(_("points"))
    cash_amount = models.DecimalField(_("worth NT$"), max_digits=12, decimal_places=2)

    class Meta:
        verbose_name = _("reserved points")
        verbose_name_plural = _("reserved points")
        constraints = [
            models.UniqueConstraint(fields=["reservation", "account"], name="reserved_points_once"),
            models.CheckConstraint(
                condition=models.Q(
                    points__gt=0,
                    spent__gte=0,
                    spent__lte=models.F("points"),
                    returned__gte=0,
                    returned__lte=models.F("spent"),
                ),
                name="reserved_points_within_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points}"


class PointsGivenBack(models.Model):
    """Spent points that went back to the lots they came from, with a return or by a till's own number."""

    part = models.ForeignKey(
        ReservedPoints, on_delete=models.PROTECT, related_name="given_back", db_index=False,
        verbose_name=_("reserved points"),
    )  # fmt: skip
    number = models.CharField(_("number"), max_length=80)
    purchase_return = models.ForeignKey(
        PurchaseReturn, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("return")
    )
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("entry")
    )
    points = models.BigIntegerField(_("points"))
    lapsed = models.BigIntegerField(_("of them past their last day"), default=0)
    at = models.DateTimeField(_("booked"))

    class Meta:
        verbose_name = _("points given back")
        verbose_name_plural = _("points given back")
        constraints = [
            models.UniqueConstraint(fields=["part", "number"], name="points_given_back_once"),
            models.CheckConstraint(condition=models.Q(points__gte=0), name="points_given_back_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.points}"
