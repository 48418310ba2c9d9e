"""What they bought: facts as the till told them, never edited. Rewards for them live in `campaigns`."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.models import Store
from members.choices import Channel, OrderType
from members.models.member import Member


class Purchase(models.Model):
    """One receipt. `(source, receipt_no)` is unique for ever; money is TWD.

    `paid` is what the customer paid after discounts, points and coupons: the base of earning.
    """

    source = models.CharField(_("source system"), max_length=32)
    receipt_no = models.CharField(_("receipt number"), max_length=64)
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="purchases",
        db_index=False,
        verbose_name=_("member"),
    )
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="purchases", db_index=False, verbose_name=_("store")
    )
    purchased_at = models.DateTimeField(_("purchased"))
    gross = models.DecimalField(_("before discounts"), max_digits=12, decimal_places=2)
    discount = models.DecimalField(_("discounts"), max_digits=12, decimal_places=2, default=0)
    paid = models.DecimalField(_("paid"), max_digits=12, decimal_places=2)
    item_count = models.PositiveIntegerField(_("items"), default=0)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices, default=Channel.STORE)
    order_type = models.CharField(
        _("order type"), max_length=10, choices=OrderType.choices, default=OrderType.IN_STORE
    )
    invoice_no = models.CharField(_("invoice number"), max_length=10, blank=True)
    cashier = models.CharField(
        _("cashier"), max_length=32, blank=True, default="", db_default="",
        help_text=_("The code of the person at the till, as the till tells it."),
    )  # fmt: skip
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["member", "-purchased_at"], name="purchase_of_member"),
            models.Index(fields=["store", "-purchased_at"], name="purchase_at_store"),
            # Receipts come nearly in order of time: blocks of the table are enough to find a period.
            BrinIndex(fields=["purchased_at"], name="purchase_by_time", autosummarize=True),
            models.Index(
                fields=["invoice_no"], name="purchase_by_invoice", condition=~models.Q(invoice_no="")
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "receipt_no"], name="purchase_receipt_once"),
            models.CheckConstraint(condition=models.Q(paid__gte=0), name="purchase_paid_not_negative"),
            models.CheckConstraint(
                condition=models.Q(gross__gte=0, discount__gte=0), name="purchase_amounts_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.receipt_no


class PurchaseLine(models.Model):
    """One line of a receipt, or one department's total where the till tells no more."""

    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="lines", db_index=False, verbose_name=_("purchase")
    )
    line_no = models.PositiveSmallIntegerField(_("line"))
    sku = models.CharField(_("product"), max_length=64, blank=True)
    category = models.CharField(_("category"), max_length=64, blank=True)
    quantity = models.DecimalField(_("quantity"), max_digits=10, decimal_places=3, default=1)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)

    class Meta:
        verbose_name = _("purchase line")
        verbose_name_plural = _("purchase lines")
        ordering = ["purchase_id", "line_no"]
        constraints = [models.UniqueConstraint(fields=["purchase", "line_no"], name="purchase_line_once")]

    def __str__(self) -> str:
        return f"{self.line_no}. {self.category or self.sku}"


class PurchaseTender(models.Model):
    """How a part of a receipt was paid (S184)."""

    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="tenders", db_index=False, verbose_name=_("purchase")
    )
    tender_no = models.PositiveSmallIntegerField(_("number"))
    method = models.CharField(_("method"), max_length=32)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)
    reference = models.CharField(_("reference"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("tender")
        verbose_name_plural = _("tenders")
        ordering = ["purchase_id", "tender_no"]
        constraints = [models.UniqueConstraint(fields=["purchase", "tender_no"], name="purchase_tender_once")]

    def __str__(self) -> str:
        return f"{self.method} {self.amount}"


class PurchaseReturn(models.Model):
    """Goods that came back: all of a receipt or a part of it. Unique by `(source, return_no)` for ever."""

    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="returns", verbose_name=_("purchase")
    )
    source = models.CharField(_("source system"), max_length=32)
    return_no = models.CharField(_("return number"), max_length=64)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)
    returned_at = models.DateTimeField(_("returned"))
    recorded_at = models.DateTimeField(_("recorded"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("return")
        verbose_name_plural = _("returns")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "return_no"], name="return_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="return_amount_positive"),
        ]

    def __str__(self) -> str:
        return self.return_no


class PurchaseReturnLine(models.Model):
    """Which line came back, how much of it."""

    purchase_return = models.ForeignKey(
        PurchaseReturn,
        on_delete=models.PROTECT,
        related_name="lines",
        db_index=False,
        verbose_name=_("return"),
    )
    line = models.ForeignKey(
        PurchaseLine, on_delete=models.PROTECT, related_name="returned", verbose_name=_("line")
    )
    quantity = models.DecimalField(_("quantity"), max_digits=10, decimal_places=3)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)

    class Meta:
        verbose_name = _("return line")
        verbose_name_plural = _("return lines")
        constraints = [models.UniqueConstraint(fields=["purchase_return", "line"], name="return_line_once")]

    def __str__(self) -> str:
        return f"{self.line_id} {self.quantity}"
