"""Reports about members and their purchases: who joins where, which card is at which cashier too often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import number
from backoffice.admin.reports import Asked, Period, Report, register
from backoffice.admin.tables import Chart, Column, Link, Section, Show
from members.selectors.reports import (
    MOST,
    SCANS_PER_SHIFT,
    Concentration,
    cards_at_cashiers,
    joined_per_day,
    referred_per_month,
)


def per_day(joined: list[tuple[date, int]], period: Period, title: str) -> Section:
    """Who joined on each day, newest first, with its curve; days without anybody are zero in it."""
    counts = dict(joined)
    days = [period.first + timedelta(days=n) for n in range(period.days)] if joined else []
    found = [(day, counts.get(day, 0)) for day in days]
    return Section(
        title=title,
        columns=[Column(_("Day"), Show.DAY), Column(_("Members"), Show.NUMBER)],
        rows=list(reversed(found)),
        totals=(_("Together"), sum(count for _day, count in found)),
        chart=Chart(
            [f"{day:%m-%d}" for day, _count in found],
            [(_("Members"), [count for _day, count in found])],
            kind="line",
        ),
        empty=_("Nobody joined in this period."),
    )


@register
class ReferringStores(Report):
    slug = "referring-stores"
    title = gettext_lazy("Members by referring store")
    about = gettext_lazy(
        "Who joined in the period, by the store that brought them in. Stores outside your reach are left out."
    )
    icon = "storefront"
    permission = "members.view_member_report"

    def sections(self, asked: Asked) -> Sequence[Section]:
        span: dict[str, Any] = {"user": asked.user, "start": asked.period.start, "end": asked.period.end}
        found = referred_per_month(**span)
        stores: dict[str, list[int]] = {}
        for one in found:
            sums = stores.setdefault(one.store, [0, 0])
            sums[0] += one.members
            sums[1] += one.living
        ranked = sorted(stores.items(), key=lambda item: -item[1][0])
        together = (_("Together"), sum(one.members for one in found), sum(one.living for one in found))
        counts = [Column(_("Members"), Show.NUMBER), Column(_("Still members"), Show.NUMBER)]
        return [
            Section(
                title=_("By referring store"),
                columns=[Column(_("Referring store")), *counts],
                rows=[(store, *sums) for store, sums in ranked],
                totals=together,
                chart=Chart(
                    [store for store, _sums in ranked[:15]],
                    [(_("Members"), [sums[0] for _store, sums in ranked[:15]])],
                ),
                empty=_("No member of this period names a referring store."),
            ),
            Section(
                title=_("By month and referring store"),
                columns=[Column(_("Month"), Show.MONTH), Column(_("Referring store")), *counts],
                rows=[(one.month, one.store, one.members, one.living) for one in found],
                empty=_("No member of this period names a referring store."),
            ),
            per_day(joined_per_day(**span), asked.period, _("All who joined, by day")),
        ]


@register
class CardsAtCashiers(Report):
    slug = "cards-at-cashiers"
    title = gettext_lazy("Cards at cashiers")
    about = gettext_lazy(
        "Cards that are shown to one cashier again and again, and make up much of what he scans. Somebody who"
        " swipes a card of his own for customers without one comes first."
    )
    icon = "point_of_sale"
    permission = "members.view_cashier_report"
    longest_days = 92

    def sections(self, asked: Asked) -> Sequence[Section]:
        found = cards_at_cashiers(user=asked.user, start=asked.period.start, end=asked.period.end)
        return [
            Section(
                title=_("Card by cashier"),
                columns=[
                    Column(_("Member card")),
                    Column(_("Cashier")),
                    Column(_("Store")),
                    Column(_("Orders"), Show.NUMBER),
                    Column(_("Share of the cashier’s cards"), Show.PERCENT),
                    Column(_("Days"), Show.NUMBER),
                    Column(_("Most on one day"), Show.NUMBER),
                    Column(_("Paid"), Show.MONEY),
                    Column(_("Staff card")),
                ],
                rows=[self._row(one) for one in found],
                note=_(
                    "The first %(count)s with three orders and more. %(scans)s orders of one card at one"
                    " cashier on one day ring an alarm."
                )
                % {"count": number(MOST), "scans": number(SCANS_PER_SHIFT)},
                empty=_("No card stands out, or the tills tell no cashier."),
            )
        ]

    @staticmethod
    def _row(one: Concentration) -> tuple[object, ...]:
        return (
            Link(one.card_no, reverse("admin:members_member_change", args=[one.member_id])),
            one.cashier,
            one.store,
            one.orders,
            one.share,
            one.days,
            one.most_in_a_day,
            one.paid,
            _("Yes") if one.is_staff_card else "",
        )
