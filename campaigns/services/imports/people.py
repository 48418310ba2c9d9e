"""Who the numbers of a file's rows mean: by member number, card or phone, merged members led on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from members.models import Member, RetiredCard
from members.selectors.lineage import survivors

FIELDS = {"member_no": "external_id", "card_no": "card_no", "phone": "phone"}


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody has become, as he stands. `until`: a card that led to him until then."""

    member_id: int
    status: str
    until: datetime | None = None


# (column, value) -> who that is.
People = Mapping[tuple[str, str], Person]


def find(wanted: Iterable[tuple[str, str]], brand_id: int | None = None) -> dict[tuple[str, str], Person]:
    """The people behind (column, value) pairs; a phone means a living member, another brand's are unknown."""
    asked: dict[str, set[str]] = {column: set() for column in FIELDS}
    for column, value in wanted:
        asked[column].add(value)
    found: dict[tuple[str, str], tuple[Member, datetime | None]] = {}
    for column, values in asked.items():
        if values:
            rows = Member.objects.living() if column == "phone" else Member.objects.all()
            for member in rows.filter(_of(brand_id), **{f"{FIELDS[column]}__in": values}):
                found[column, getattr(member, FIELDS[column])] = (member, None)
    old = RetiredCard.objects.filter(_of(brand_id, "member__"), card_no__in=asked["card_no"])
    for card in old.select_related("member"):
        found.setdefault(("card_no", card.card_no), (card.member, card.retired_at))
    became = survivors(member for member, _until in found.values())
    return {
        key: Person(became[member.pk].pk, became[member.pk].status, until)
        for key, (member, until) in found.items()
    }


def _of(brand_id: int | None, prefix: str = "") -> Q:
    if brand_id is None:
        return Q()
    return Q(**{f"{prefix}brand": None}) | Q(**{f"{prefix}brand": brand_id})
