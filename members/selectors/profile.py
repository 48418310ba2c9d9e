"""Which fields a brand asks for, and how much of a profile is filled in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from backoffice.models import Brand, User
from members.choices import FieldNeed, ProfileField
from members.models import Member, ProfileFieldRule


@dataclass(frozen=True, slots=True)
class Completion:
    """`percent` of the fields that are asked for, 0-100; `missing` are the others, `required` first."""

    percent: int
    missing: tuple[str, ...]


def profile_needs(brand: Brand | None) -> dict[str, str]:
    """Each profile field with its need: the brand's rule, else the group's, else optional."""
    needs = dict.fromkeys(ProfileField.values, FieldNeed.OPTIONAL.value)
    rules = ProfileFieldRule.objects.filter(Q(brand=None) | Q(brand=brand) if brand else Q(brand=None))
    # The group's rules first, so that the brand's overwrite them.
    for rule in sorted(rules, key=lambda rule: rule.brand_id is not None):
        needs[rule.field] = rule.need
    return needs


def completion(member: Member, brand: Brand | None = None) -> Completion:
    """How complete the profile is by the rules of `brand`, or of the member's own brand, or of the group."""
    needs = profile_needs(brand or member.brand)
    asked = [name for name, need in needs.items() if need != FieldNeed.HIDDEN]
    missing = [name for name in asked if getattr(member, name) in (None, "")]
    missing.sort(key=lambda name: needs[name] != FieldNeed.REQUIRED)
    percent = 100 * (len(asked) - len(missing)) // len(asked) if asked else 100
    return Completion(percent, tuple(missing))


def members_per_referring_store(*, user: User, since: datetime, until: datetime) -> QuerySet[Member]:
    """Rows of `referring_store`, `referring_store__name` and `members`: who joined in [since, until), S13."""
    return (
        Member.objects.visible_to(user)
        .filter(joined_at__gte=since, joined_at__lt=until, referring_store__isnull=False)
        .order_by()
        .values("referring_store", "referring_store__code", "referring_store__name")
        .annotate(members=Count("pk"))
        .order_by("-members", "referring_store__code")
    )
