"""Receipts and returns in the story of a member, each with what it gave or took back and why."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Cast, JSONObject
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.choices import AwardStatus
from campaigns.explaining import nt, sentences
from campaigns.models import Award, AwardReturn
from members.models import Purchase, PurchaseReturn
from members.sockets import StoryEvent, StoryKind, StoryRow, StorySource, StoryVerb
from points.reach import at_other_store


def receipt_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    return Purchase.objects.filter(member__in=member_ids).annotate(elsewhere=at_other_store(user))


AWARDS = Award.objects.filter(purchase=OuterRef("pk")).order_by("pk")
AWARD = JSONObject(
    program=F("program__name"),
    unit=F("program__unit"),
    points=F("points"),
    returned=F("returned"),
    status=F("status"),
    explanation=F("explanation"),
)


def tell_receipt(row: StoryRow, user: Any) -> StoryEvent:
    facts = row.facts
    why, tags = [], []
    for award in facts["awards"]:
        why += [f"{award['program']}: {sentence}" for sentence in sentences(award["explanation"])]
        kept = award["points"] - award["returned"]
        tags.append(_("%(points)s %(unit)s") % {"points": f"{kept:,}", "unit": award["unit"]})
        if award["status"] in (AwardStatus.PENDING, AwardStatus.CANCELLED):
            tags.append(str(AwardStatus(award["status"]).label))
    if not facts["awards"]:
        why.append(_("Not settled: recorded without points."))
    return StoryEvent(
        title=_("Receipt %(number)s") % {"number": facts["number"]},
        detail=_("%(amount)s paid") % {"amount": nt(Decimal(facts["paid"]))},
        why=why,
        tags=tags,
        store=facts["store"],
        link=reverse("admin:members_purchase_change", args=[row.pk]),
        verbs=_receipt_verbs(row, user),
    )


def _receipt_verbs(row: StoryRow, user: Any) -> list[StoryVerb]:
    facts = row.facts
    # Another store's receipt would be refused: the button would be a dead end at the counter.
    if facts["elsewhere"] or not user.has_perm("campaigns.settle_return"):
        return []
    if Decimal(facts["back"] or 0) >= Decimal(facts["paid"]):
        return []
    return [StoryVerb(_("Return"), _("Take goods back"), reverse("admin:purchase_return", args=[row.pk]))]


BACK = PurchaseReturn.objects.filter(purchase=OuterRef("pk")).order_by().values("purchase")


def return_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    return PurchaseReturn.objects.filter(purchase__member__in=member_ids)


TAKEN = AwardReturn.objects.filter(purchase_return=OuterRef("pk")).order_by("pk")


def tell_return(row: StoryRow, user: Any) -> StoryEvent:
    facts = row.facts
    why = [
        f"{taken['program']}: {sentence}"
        for taken in facts["taken"]
        for sentence in sentences(taken["explanation"])
    ]
    return StoryEvent(
        title=_("Return %(number)s") % {"number": facts["number"]},
        detail=_("%(amount)s came back, of receipt %(receipt)s")
        % {"amount": nt(Decimal(facts["amount"])), "receipt": facts["receipt"]},
        why=why,
        store=facts["store"],
        link=reverse("admin:members_purchase_change", args=[facts["purchase"]]),
    )


RECEIPTS = StorySource(
    key="receipt",
    kinds=(StoryKind("receipt", gettext_lazy("Receipts")),),
    at="purchased_at",
    rows=receipt_rows,
    facts={
        "number": F("receipt_no"),
        "paid": Cast("paid", CharField()),
        "store": F("store__name"),
        "elsewhere": F("elsewhere"),
        "back": Cast(Subquery(BACK.values(total=Sum("amount"))), CharField()),
        "awards": ArraySubquery(AWARDS.values(told=AWARD)),
    },
    tell=tell_receipt,
    search=lambda text: (
        Q(receipt_no__icontains=text) | Q(invoice_no__icontains=text) | Q(store__name__icontains=text)
    ),
    permission="members.view_purchase",
)
RETURNS = StorySource(
    key="return",
    kinds=(StoryKind("return", gettext_lazy("Returns")),),
    at="returned_at",
    rows=return_rows,
    facts={
        "number": F("return_no"),
        "amount": Cast("amount", CharField()),
        "receipt": F("purchase__receipt_no"),
        "purchase": F("purchase_id"),
        "store": F("purchase__store__name"),
        "taken": ArraySubquery(
            TAKEN.values(told=JSONObject(program=F("award__program__name"), explanation=F("explanation")))
        ),
    },
    tell=tell_return,
    search=lambda text: (
        Q(return_no__icontains=text)
        | Q(purchase__receipt_no__icontains=text)
        | Q(purchase__store__name__icontains=text)
    ),
    permission="members.view_purchasereturn",
)
