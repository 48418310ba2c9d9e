"""Daily totals: the ledger, added up once for all. Written by `points_fold_v1`, proved each night (I54)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.models import Brand, Store
from points.choices import EntryKind
from points.models.program import Program


class Fold(models.Model):
    """One run that added entries up: all up to `last_entry` that earlier runs had not seen. Append-only.

    What is younger is read from the ledger itself, so that totals never lag behind.
    """

    last_entry = models.BigIntegerField(_("up to entry"), unique=True)
    entries = models.BigIntegerField(_("entries"))
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("run of the daily totals")
        verbose_name_plural = _("runs of the daily totals")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.last_entry}"


class DayTotal(models.Model):
    """What the entries of one kind, day, program, store and issuer come to, as far as one run saw them.

    `day` is the Taipei day on which they were booked; `issuer` the brand of the lot that a credit made, also
    for what undoes that credit. Entries that commit after their day was added up come in a later run, so a
    day may have several rows: add them.
    """

    fold = models.ForeignKey(
        Fold, on_delete=models.PROTECT, related_name="totals", db_index=False, verbose_name=_("run")
    )
    day = models.DateField(_("day"))
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("points program")
    )
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("store"),
    )  # fmt: skip
    issuer = models.ForeignKey(
        Brand, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("issuer"),
    )  # fmt: skip
    kind = models.CharField(_("kind"), max_length=15, choices=EntryKind.choices)
    points = models.BigIntegerField(_("points"))
    debt = models.BigIntegerField(_("debt change"))
    entries = models.BigIntegerField(_("entries"))

    class Meta:
        verbose_name = _("daily total")
        verbose_name_plural = _("daily totals")
        constraints = [
            models.UniqueConstraint(
                fields=["program", "day", "fold", "kind", "store", "issuer"],
                name="day_total_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.points:+d}"


class SettlementTotal(models.Model):
    """Points of one issuer that were redeemed at one store on one day, undone ones taken out (S98)."""

    fold = models.ForeignKey(
        Fold, on_delete=models.PROTECT, related_name="settlements", db_index=False, verbose_name=_("run")
    )
    day = models.DateField(_("day"))
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("points program")
    )
    issuer = models.ForeignKey(
        Brand, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("issuer"),
    )  # fmt: skip
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("redeemed at"),
    )  # fmt: skip
    points = models.BigIntegerField(_("points"))

    class Meta:
        verbose_name = _("daily settlement")
        verbose_name_plural = _("daily settlements")
        constraints = [
            models.UniqueConstraint(
                fields=["program", "day", "fold", "issuer", "store"],
                name="settlement_total_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.points}"
