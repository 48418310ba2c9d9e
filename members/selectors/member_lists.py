"""Lists of members by what is not masked: the list's filters, and the same filters as stored values.

Whoever works on "everybody in this list" later - tags for all of them, a file - stores the filter, not the
members, and asks again by `narrowed`. Nothing here narrows by a value that the screen masks (T19).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.models import Brand, Store, User
from members.choices import Channel, MemberStatus
from members.errors import NotAListFilter
from members.models import Member, MemberTag, Tag
from members.querysets import MemberQuerySet
from members.sockets import Text


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One filter of the list. `name` is its parameter in the list's address."""

    name: str
    title: Text
    options: Callable[[User], Sequence[tuple[str, Text]]]
    condition: Callable[[str, datetime], Q]


def _day_ago(days: int) -> Callable[[date], tuple[date, date]]:
    return lambda today: (today - timedelta(days=days - 1), today)


def _last_month(today: date) -> tuple[date, date]:
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


PERIODS: dict[str, tuple[Text, Callable[[date], tuple[date, date]]]] = {
    "7d": (_("Last 7 days"), _day_ago(7)),
    "30d": (_("Last 30 days"), _day_ago(30)),
    "month": (_("This month"), lambda today: (today.replace(day=1), today)),
    "last_month": (_("Last month"), _last_month),
    "year": (_("This year"), lambda today: (today.replace(month=1, day=1), today)),
}


def _joined(value: str, now: datetime) -> Q:
    first, last = PERIODS[value][1](timezone.localdate(now))
    return Q(joined_at__gte=_midnight(first), joined_at__lt=_midnight(last + timedelta(days=1)))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _carries(value: str, now: datetime) -> Q:
    carried = MemberTag.objects.filter(member=OuterRef("pk"))
    if value == "none":
        return ~Q(Exists(carried))
    return Q(Exists(carried.filter(tag=int(value))))


def _tags(user: User) -> list[tuple[str, Text]]:
    if not user.has_perm("members.view_tag"):
        return []
    rows = Tag.objects.living().values_list("pk", "group", "name")
    return [("none", _("No tag")), *((str(pk), f"{group} · {name}") for pk, group, name in rows)]


def _stores(user: User) -> list[tuple[str, Text]]:
    stores = Store.objects.visible_to(user).order_by("code")
    return [("none", _("No store")), *((str(store.pk), str(store)) for store in stores)]


def _referred(value: str, now: datetime) -> Q:
    return Q(referring_store=None) if value == "none" else Q(referring_store=int(value))


def _brands(user: User) -> list[tuple[str, Text]]:
    brands = list(Brand.objects.visible_to(user).order_by("name"))
    return [(str(brand.pk), str(brand)) for brand in brands] if len(brands) > 1 else []


NARROWINGS = {
    one.name: one
    for one in (
        Narrowing(
            "status__exact",
            _("status"),
            lambda user: MemberStatus.choices,
            lambda value, now: Q(status=value),
        ),
        Narrowing("tag", _("Tag"), _tags, _carries),
        Narrowing("store", _("referring store"), _stores, _referred),
        Narrowing("joined", _("joined"), lambda user: [(k, t) for k, (t, _p) in PERIODS.items()], _joined),
        Narrowing(
            "source__exact", _("source"), lambda user: Channel.choices, lambda value, now: Q(source=value)
        ),
        Narrowing("brand", _("brand"), _brands, lambda value, now: Q(brand=int(value))),
    )
}


def narrowed(query: Mapping[str, Any], *, user: User, now: datetime) -> MemberQuerySet:
    """The members whom `user` sees in the list under this address. Raises NotAListFilter."""
    rows: MemberQuerySet = Member.objects.visible_to(user)
    for name, value in query.items():
        rows = rows.filter(narrowing_of(name, str(value), user).condition(str(value), now))
    return rows


def narrowing_of(name: str, value: str, user: User) -> Narrowing:
    """The filter of a parameter that offers this value to this person. Raises NotAListFilter."""
    narrowing = NARROWINGS.get(name)
    if narrowing is None or value not in dict(narrowing.options(user)):
        raise NotAListFilter(name=name, value=value)
    return narrowing


def told(query: Mapping[str, Any], user: User) -> list[tuple[str, str]]:
    """(title, value) of each filter in the reader's language; what is gone meanwhile shows as it was
    stored.
    """
    sentences = []
    for name, value in query.items():
        narrowing = NARROWINGS.get(name)
        options = dict(narrowing.options(user)) if narrowing else {}
        sentences.append((str(narrowing.title if narrowing else name), str(options.get(str(value), value))))
    return sentences
