"""Entries: the ledger itself. Append-only; inserted only by the functions in `points/sql/`."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.choices import ActorType
from backoffice.models import Store
from members.models import Member
from points.choices import EntryKind
from points.models.account import Account


class Entry(models.Model):
    """One movement of points.

    `points` is signed and never 0; `balance_after` is the running sum of points (debt counts as negative);
    `points = lot created - lots used - debt_delta`. `source_type`/`source_id` name the business event, which
    has one effect of a kind on an account for ever. `explanation` says how the number came about.
    `created_at` is when it was booked, `occurred_at` when it happened in the shop.
    """

    # The trigger finds the account or refuses the entry, and accounts are never deleted; it compares the
    # member with the account's. Foreign keys would only prove it again.
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="entries",
        verbose_name=_("account"),
    )  # fmt: skip
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="entries",
        verbose_name=_("member"),
    )  # fmt: skip
    seq = models.BigIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=15, choices=EntryKind.choices)
    points = models.BigIntegerField(_("points"))
    balance_after = models.BigIntegerField(_("balance after"))
    debt_delta = models.BigIntegerField(_("debt change"), default=0)
    source_type = models.CharField(_("source kind"), max_length=32)
    source_id = models.CharField(_("source"), max_length=64)
    reverses = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reversals",
        db_index=False,
        verbose_name=_("undoes"),
    )
    hold = models.ForeignKey(
        "points.Hold",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entries",
        db_index=False,
        verbose_name=_("hold"),
    )
    adjustment = models.ForeignKey(
        "points.Adjustment",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entries",
        db_index=False,
        verbose_name=_("correction"),
    )
    actor_type = models.CharField(_("actor kind"), max_length=10, choices=ActorType.choices)
    actor_id = models.CharField(_("actor"), max_length=64)
    reason = models.CharField(_("reason"), max_length=32, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("store"),
    )  # fmt: skip
    explanation = models.JSONField(_("explanation"), default=dict)
    occurred_at = models.DateTimeField(_("happened"))
    created_at = models.DateTimeField(_("booked"))
    prev_hash = models.BinaryField()
    row_hash = models.BinaryField()

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "seq"], name="entry_number_once"),
            models.UniqueConstraint(
                fields=["source_type", "source_id", "kind", "account"], name="entry_one_effect"
            ),
            models.UniqueConstraint(
                fields=["hold"], condition=models.Q(hold__isnull=False), name="entry_one_per_hold"
            ),
            models.UniqueConstraint(
                fields=["adjustment"],
                condition=models.Q(adjustment__isnull=False),
                name="entry_one_per_adjustment",
            ),
            # `points/sql/entry_fits_v1.sql`: sign, reversed entry, hold and request fit the kind.
            models.CheckConstraint(
                condition=models.Func(
                    "kind",
                    "points",
                    "reverses",
                    "hold",
                    "adjustment",
                    function="points_entry_fits_v1",
                    output_field=models.BooleanField(),
                ),
                name="entry_fits_kind",
            ),
        ]
        indexes = [
            models.Index(
                fields=["reverses"], name="entry_reversals", condition=models.Q(reverses__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.points:+d}"
