"""Accounts: what a member has in one program. Written by triggers of the ledger, never by a form."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.models import Brand, Store
from members.models import Member
from points.choices import CREDIT_KINDS, EntryKind, PendingStatus
from points.models.program import Program
from points.querysets import AccountQuerySet

GENESIS_HASH = bytes(32)


class Account(models.Model):
    """Sums of the ledger. `balance` is spendable with the held part in it; `balance - debt` is the sum of all
    entries; `seq` and `last_hash` are the end of the entry chain. All of it is kept by database triggers.
    """

    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="accounts", verbose_name=_("member")
    )
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="accounts", verbose_name=_("points program")
    )
    balance = models.BigIntegerField(_("balance"), default=0, db_default=0, editable=False)
    held = models.BigIntegerField(_("held"), default=0, db_default=0, editable=False)
    debt = models.BigIntegerField(_("debt"), default=0, db_default=0, editable=False)
    pending = models.BigIntegerField(_("waiting"), default=0, db_default=0, editable=False)
    seq = models.BigIntegerField(_("entries"), default=0, db_default=0, editable=False)
    last_hash = models.BinaryField(default=GENESIS_HASH, db_default=GENESIS_HASH, editable=False)
    spend_blocked = models.BooleanField(_("spending blocked"), default=False, db_default=False)
    opened_at = models.DateTimeField(_("opened"))

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("points account")
        verbose_name_plural = _("points accounts")
        constraints = [
            models.UniqueConstraint(fields=["member", "program"], name="account_per_member_and_program"),
            models.CheckConstraint(
                condition=models.Q(balance__gte=0, held__gte=0, debt__gte=0, pending__gte=0, seq__gte=0),
                name="account_nothing_below_zero",
            ),
            models.CheckConstraint(
                condition=models.Q(held__lte=models.F("balance")), name="account_holds_covered"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id}/{self.program_id}"

    @property
    def available(self) -> int:
        """Points that may be spent now."""
        return self.balance - self.held


class PendingCredit(models.Model):
    """Points that wait for their confirmation (S87), outside the ledger. Confirmed, they become one entry."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="pending_credits", verbose_name=_("account")
    )
    kind = models.CharField(_("kind"), max_length=15, choices=[(k, EntryKind(k).label) for k in CREDIT_KINDS])
    original = models.BigIntegerField(_("points at first"))
    points = models.BigIntegerField(_("points"))
    status = models.CharField(
        _("status"), max_length=10, choices=PendingStatus.choices, default=PendingStatus.OPEN
    )
    source_type = models.CharField(_("source kind"), max_length=32)
    source_id = models.CharField(_("source"), max_length=64)
    confirm_at = models.DateTimeField(_("confirmed from"))
    occurred_at = models.DateTimeField(_("happened"))
    created_at = models.DateTimeField(_("booked"))
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("store")
    )
    brand = models.ForeignKey(
        Brand, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("issuer")
    )
    explanation = models.JSONField(_("explanation"), default=dict)

    class Meta:
        verbose_name = _("waiting points")
        verbose_name_plural = _("waiting points")
        ordering = ["confirm_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["source_type", "source_id", "kind", "account"], name="pending_one_effect"
            ),
            models.CheckConstraint(
                condition=models.Q(points__gte=0, original__gt=0, points__lte=models.F("original")),
                name="pending_within_bounds",
            ),
        ]
        indexes = [models.Index(fields=["confirm_at"], name="pending_due", condition=models.Q(status="open"))]

    def __str__(self) -> str:
        return f"{self.source_type} {self.source_id}"
