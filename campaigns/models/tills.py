"""What tills told: which till posted what, and what waits for a person or for its purchase."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.models import ApiKey, Store
from campaigns.choices import TillItemKind, TillItemReason, TillItemState
from campaigns.querysets import OfStoreQuerySet
from members.models import Member, Purchase, PurchaseReturn


class TillRecord(models.Model):
    """Which till posted a receipt or a return, when it happened and when it arrived. Append-only."""

    key = models.ForeignKey(
        ApiKey, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("till")
    )
    purchase = models.OneToOneField(
        Purchase, on_delete=models.PROTECT, null=True, related_name="till_record", verbose_name=_("purchase")
    )
    purchase_return = models.OneToOneField(
        PurchaseReturn,
        on_delete=models.PROTECT,
        null=True,
        related_name="till_record",
        verbose_name=_("return"),
    )
    occurred_at = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("arrived"))

    class Meta:
        verbose_name = _("till record")
        verbose_name_plural = _("till records")
        indexes = [models.Index(fields=["key", "occurred_at"], name="till_record_of_day")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purchase__isnull=False, purchase_return__isnull=True)
                | models.Q(purchase__isnull=True, purchase_return__isnull=False),
                name="till_record_of_one_thing",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purchase_id or self.purchase_return_id}"


class TillItem(models.Model):
    """One thing that a till told and that was stored instead of settled: nothing is lost, nothing doubled.

    `number` is the till's own (a receipt number, a return number), `about` the receipt that it is about.
    `payload` is everything that settling it later takes, as JSON; `fingerprint` knows the same thing told
    again.
    """

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store"))
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", verbose_name=_("till"))
    kind = models.CharField(_("kind"), max_length=12, choices=TillItemKind.choices)
    number = models.CharField(_("number"), max_length=80)
    about = models.CharField(_("receipt number"), max_length=64, blank=True)
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="till_items",
        verbose_name=_("member"),
    )
    reason = models.CharField(_("why somebody has to look"), max_length=12, choices=TillItemReason.choices)
    code = models.CharField(_("refusal"), max_length=64, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    payload = models.JSONField(_("what the till told"), default=dict)
    fingerprint = models.CharField(max_length=64, editable=False)
    occurred_at = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("arrived"))
    state = models.CharField(_("status"), max_length=8, choices=TillItemState.choices)
    result = models.JSONField(_("result"), default=dict)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("decided by"),
    )  # fmt: skip
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)

    objects = OfStoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("till inbox item")
        verbose_name_plural = _("till inbox")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["store", "kind", "number"], name="till_item_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=["parked", "waiting"], decided_at__isnull=True)
                | models.Q(state__in=["settled", "refused"], decided_at__isnull=False),
                name="till_item_decided_at_its_end",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="till_item_waiting", condition=models.Q(state="waiting")),
            models.Index(
                fields=["store", "about"], name="till_item_parked", condition=models.Q(state="parked")
            ),
        ]

    def __str__(self) -> str:
        return self.number


class OfflinePack(models.Model):
    """What one till may let members redeem while it is offline: a small risk, taken on purpose (N13).

    Its items are told in the till's own order, `next_seq` is the one that has to come next.
    """

    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", verbose_name=_("till"))
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store"))
    max_points = models.PositiveIntegerField(_("most points"))
    max_redemptions = models.PositiveIntegerField(_("most redemptions"))
    used_points = models.PositiveIntegerField(_("points used"), default=0)
    used_redemptions = models.PositiveIntegerField(_("redemptions used"), default=0)
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"))
    next_seq = models.PositiveIntegerField(_("next number"), default=1)

    objects = OfStoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("offline allowance")
        verbose_name_plural = _("offline allowances")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    used_points__lte=models.F("max_points"),
                    used_redemptions__lte=models.F("max_redemptions"),
                    valid_from__lte=models.F("valid_until"),
                ),
                name="offline_pack_kept",
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class OfflineItem(models.Model):
    """One thing out of a till's queue, final once it is here: settled, or in the inbox. Append-only."""

    pack = models.ForeignKey(
        OfflinePack,
        on_delete=models.PROTECT,
        related_name="items",
        db_index=False,
        verbose_name=_("allowance"),
    )
    seq = models.PositiveIntegerField(_("number in the queue"))
    kind = models.CharField(_("kind"), max_length=12, choices=TillItemKind.choices)
    number = models.CharField(_("number"), max_length=80)
    fingerprint = models.CharField(max_length=64, editable=False)
    result = models.JSONField(_("result"), default=dict)
    item = models.ForeignKey(
        TillItem, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("till inbox item")
    )
    occurred_at = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("arrived"))

    class Meta:
        verbose_name = _("offline item")
        verbose_name_plural = _("offline items")
        constraints = [models.UniqueConstraint(fields=["pack", "seq"], name="offline_item_once")]

    def __str__(self) -> str:
        return f"{self.pack_id}/{self.seq}"
