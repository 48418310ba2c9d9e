"""Programs: currencies of points with their rules. Balances live in accounts, never here."""

from decimal import Decimal

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.models import Brand
from backoffice.models.merchant import validate_time_zone
from points.choices import DebtPolicy, ExpiryPolicy, OverRatio, Rounding, UseOrder


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent())
class Program(models.Model):
    """One kind of points: its name, what it is worth, how it is earned, how long it lasts.

    Worth: `cash_points` points are `cash_amount` NT$ (60 points = NT$2), spent in steps of `spend_step`.
    Earning: each full `earn_amount` NT$ paid gives `earn_points` points, rounded as `rounding` says.
    `version` grows with each change of a rule; awards keep the version that made them.
    """

    code = models.SlugField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=60)
    unit = models.CharField(_("unit"), max_length=20, default="點")
    brand = models.ForeignKey(
        Brand,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="programs",
        verbose_name=_("brand"),
        help_text=_("Empty: shared by the whole group."),
    )
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="Asia/Taipei", validators=[validate_time_zone]
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_default = models.BooleanField(_("default program"), default=False)
    version = models.PositiveIntegerField(_("version of the rules"), default=1, editable=False)

    # What points are worth, and how they may be spent
    spendable = models.BooleanField(
        _("spendable"), default=True, help_text=_("Off: a growth value that only counts.")
    )
    circulates = models.BooleanField(
        _("spendable at other brands"),
        default=True,
        help_text=_("Points earned at one brand pay at another."),
    )
    spend_needs_verified_phone = models.BooleanField(
        _("only verified members spend"),
        default=True,
        db_default=True,
        help_text=_("Off: points can be used before the member has proved that the phone is his."),
    )
    max_hold_days = models.PositiveSmallIntegerField(
        _("longest hold, days"),
        default=30,
        db_default=30,
        validators=[MinValueValidator(1), MaxValueValidator(366)],
    )
    cash_points = models.PositiveIntegerField(
        _("points"), default=1, validators=[MinValueValidator(1)], help_text=_("This many points …")
    )
    cash_amount = models.DecimalField(
        _("worth NT$"), max_digits=12, decimal_places=2, default=Decimal("1.00"),
        validators=[MinValueValidator(0)], help_text=_("… are worth this much."),
    )  # fmt: skip
    spend_step = models.PositiveIntegerField(
        _("spent in steps of"), default=1, validators=[MinValueValidator(1)]
    )
    min_spend = models.PositiveIntegerField(_("least points per bill"), default=0)
    max_spend = models.PositiveIntegerField(_("most points per bill"), null=True, blank=True)
    max_share_percent = models.PositiveSmallIntegerField(_("most of a bill, percent"), default=100)
    order_of_use = models.CharField(
        _("order of use"), max_length=20, choices=UseOrder.choices, default=UseOrder.EXPIRING_FIRST
    )

    # How points are earned
    earn_amount = models.DecimalField(
        _("each full NT$"), max_digits=12, decimal_places=2, default=Decimal("1.00"),
        validators=[MinValueValidator(Decimal("0.01"))],
    )  # fmt: skip
    earn_points = models.PositiveIntegerField(_("gives points"), default=1)
    rounding = models.CharField(
        _("rounding"), max_length=10, choices=Rounding.choices, default=Rounding.FLOOR
    )
    carry_over = models.BooleanField(
        _("carry small change over"), default=False, help_text=_("Spend under one unit counts next time.")
    )
    pending_days = models.PositiveSmallIntegerField(_("days until confirmed"), default=0)
    debt_policy = models.CharField(
        _("when returned points are spent"), max_length=15, choices=DebtPolicy.choices,
        default=DebtPolicy.DEBT,
    )  # fmt: skip

    # How long points last
    expiry_policy = models.CharField(
        _("expiry"), max_length=15, choices=ExpiryPolicy.choices, default=ExpiryPolicy.MONTH_END
    )
    expiry_value = models.PositiveSmallIntegerField(_("days, months or years"), default=12)
    expiry_grace_days = models.PositiveSmallIntegerField(_("grace days"), default=0)
    notice_days = models.PositiveSmallIntegerField(
        _("notice days before expiry"),
        default=0,
        help_text=_("Above 0: nothing expires unless the member was told this many days before."),
    )

    # Against inflation (S100): issued for each redeemed point, over the last 90 days
    max_issue_ratio = models.DecimalField(
        _("most points issued per point redeemed"),
        max_digits=7,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text=_("Over 90 days. Empty: no limit."),
    )
    over_ratio = models.CharField(
        _("above that"), max_length=10, choices=OverRatio.choices, default=OverRatio.WARN
    )
    ratio_exceeded_at = models.DateTimeField(_("limit exceeded since"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("points program")
        verbose_name_plural = _("points programs")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(max_share_percent__lte=100), name="program_share_at_most_all"
            ),
            models.CheckConstraint(
                condition=models.Q(cash_points__gte=1, spend_step__gte=1, earn_amount__gt=0),
                name="program_divisors_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(max_hold_days__gte=1, max_hold_days__lte=366), name="program_hold_bounded"
            ),
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="program_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def issuing_stopped(self) -> bool:
        """Nothing new is earned: too much was issued, and the program says that this stops it."""
        return self.ratio_exceeded_at is not None and self.over_ratio == OverRatio.STOP


class ProgramTerms(models.Model):
    """A version of the program's terms (S102). The one in force is the latest whose time has come."""

    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="terms", verbose_name=_("points program")
    )
    version = models.CharField(_("version"), max_length=32)
    effective_from = models.DateTimeField(_("in force from"))
    url = models.URLField(_("link"), blank=True)
    text = models.TextField(_("text"), blank=True)

    class Meta:
        verbose_name = _("program terms")
        verbose_name_plural = _("program terms")
        ordering = ["program_id", "-effective_from"]
        constraints = [models.UniqueConstraint(fields=["program", "version"], name="terms_version_once")]

    def __str__(self) -> str:
        return self.version
