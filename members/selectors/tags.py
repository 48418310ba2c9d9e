"""Answers about tags: who carries them, which are dead, what a member carries and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import CharField, Count, Exists, F, Func, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast

from backoffice.models import ImportBatch, User
from members.choices import TagOrigin
from members.models import Member, MemberTag, Tag


@dataclass(frozen=True, slots=True)
class CarriedTag:
    """A tag of one member. `source` names the colleague, the file or list (`batch_id`), or the rule; `over`
    that its last day is past.
    """

    tag: Tag
    origin: str
    source: str
    at: object
    over: bool
    batch_id: int | None = None


def carried(member: Member, today: date) -> list[CarriedTag]:
    """What the member carries, by group and name."""
    rows = list(
        MemberTag.objects.filter(member=member).select_related("tag").order_by("tag__group", "tag__name")
    )
    by_origin: dict[str, set[int]] = {}
    for row in rows:
        if row.origin_id is not None:
            by_origin.setdefault(row.origin, set()).add(row.origin_id)
    staff = {user.pk: str(user) for user in User.objects.filter(pk__in=by_origin.get(TagOrigin.STAFF, ()))}
    files = {
        pk: f"#{pk} {name}"
        for pk, name in ImportBatch.objects.filter(pk__in=by_origin.get(TagOrigin.IMPORT, ())).values_list(
            "pk", "file_name"
        )
    }
    named = {TagOrigin.STAFF.value: staff, TagOrigin.IMPORT.value: files}
    return [
        CarriedTag(
            tag=row.tag,
            origin=str(row.get_origin_display()),
            source=named.get(row.origin, {}).get(row.origin_id or 0, "")
            or (f"#{row.origin_id}" if row.origin_id else ""),
            at=row.at,
            over=row.tag.expires_on is not None and row.tag.expires_on < today,
            batch_id=row.origin_id if row.origin == TagOrigin.IMPORT and row.origin_id in files else None,
        )
        for row in rows
    ]


def dead_tags(today: date) -> QuerySet[Tag]:
    """Living tags that say nothing: past their last day, or carried by nobody (S38)."""
    carriers = MemberTag.objects.filter(tag=OuterRef("pk"))
    living = Tag.objects.living()
    return living.filter(expires_on__lt=today) | living.filter(~Exists(carriers))


def with_carriers(tags: QuerySet[Tag]) -> QuerySet[Tag]:
    """`carrier_count`: how many members carry each tag. Counted tag by tag over the index on the tag."""
    counted = (
        MemberTag.objects.filter(tag=OuterRef("pk"))
        .order_by()
        .values("tag")
        .annotate(n=Count("member_id"))
        .values("n")
    )
    return tags.annotate(carrier_count=Subquery(counted))


def tag_names(today: date) -> Subquery:
    """The names of a member's tags as one text, for lists and exports."""
    names = (
        MemberTag.objects.filter(member=OuterRef("pk"), tag__in=Tag.objects.active_on(today))
        .order_by()
        .values("member")
        .annotate(
            names=Func(
                Cast(F("tag__name"), CharField()),
                Value("、"),
                function="string_agg",
                output_field=CharField(),
            )
        )
        .values("names")
    )
    return Subquery(names, output_field=CharField())
