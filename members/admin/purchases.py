"""Purchases and consents: facts, to be looked at."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from backoffice.admin.base import ReadOnlyAdmin, ReadOnlyInline
from backoffice.admin.display import display, money
from backoffice.admin.exports.button import Exportable
from members.models import Consent, Member, Purchase, PurchaseLine, PurchaseReturn, PurchaseTender


def card_link(member: Member | None) -> str:
    """A member by his card number: these lists name nobody."""
    if member is None:
        return "-"
    return format_html(
        '<a class="sk-link sk-phone" href="{}">{}</a>',
        reverse("admin:members_member_change", args=[member.pk]),
        member.card_no,
    )


class PurchaseLineInline(ReadOnlyInline):
    model = PurchaseLine
    fields = ("line_no", "sku", "category", "quantity", "amount")


class PurchaseTenderInline(ReadOnlyInline):
    model = PurchaseTender
    fields = ("tender_no", "method", "amount", "reference")


class PurchaseReturnInline(ReadOnlyInline):
    model = PurchaseReturn
    fields = ("return_no", "amount", "returned_at", "reason")


@admin.register(Purchase)
class PurchaseAdmin(Exportable, ReadOnlyAdmin):
    export_kind = "purchases"
    scope = "store"
    list_display = ("receipt_no", "paid_amount", "card", "store", "purchased_at", "channel")
    list_filter = ("channel", "order_type")
    list_select_related = ("member", "store")
    search_fields = ("receipt_no__exact",)
    search_help_text = _("Whole receipt number")
    ordering = ("-id",)
    sortable_by = ()
    inlines = (PurchaseLineInline, PurchaseTenderInline, PurchaseReturnInline)
    fields = (
        "receipt_no", "source", "card", "store", "purchased_at", "gross", "discount", "paid", "item_count",
        "channel", "order_type", "invoice_no", "cashier", "recorded_at",
    )  # fmt: skip
    readonly_fields = ("card",)
    change_form_outer_before_template = "members/purchase_verbs.html"

    @display(description=_("paid"))
    def paid_amount(self, purchase: Purchase) -> str:
        return format_html('<span class="sk-amount">{}</span>', money(purchase.paid or Decimal(0)))

    @display(description=_("member"))
    def card(self, purchase: Purchase) -> str:
        return card_link(purchase.member)


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    scope = "member"
    list_display = ("card", "purpose", "given", "version", "source", "at")
    list_filter = ("purpose", "given", "source")
    list_select_related = ("member",)
    ordering = ("-id",)
    sortable_by = ()
    fields = ("card", "purpose", "given", "version", "source", "at")
    readonly_fields = ("card",)

    @display(description=_("member"))
    def card(self, consent: Consent) -> str:
        return card_link(consent.member)
