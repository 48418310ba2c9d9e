"""One story of a member (N25): events of every app in the order of their time, a page at a time.

All sources are asked by one UNION ALL: each branch reads its own newest rows before the cursor with the facts
that its words need, so the number of queries does not grow with apps, kinds or pages.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Expression,
    F,
    Func,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, JSONObject, NullIf

from backoffice.choices import ActorType
from backoffice.models import User
from members import sockets
from members.models import Member
from members.selectors.lineage import absorbed_ids
from members.sockets import StoryEvent, StoryRow, StorySource

PAGE = 30
LONGEST_TEXT = 100


@dataclass(frozen=True, slots=True)
class Cursor:
    """The event after which a page begins: older ones only."""

    at: datetime
    source: str
    pk: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.source}~{self.pk}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """None for whatever no page of ours has written."""
        at, _, rest = text.partition("~")
        source, _, pk = rest.partition("~")
        try:
            moment = datetime.fromisoformat(at)
            number = int(pk)
        except ValueError:
            return None
        if moment.tzinfo is None or not 0 <= number < 2**63:
            return None
        return cls(moment, source, number)


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its place: `anchor` names it on the page."""

    at: datetime
    anchor: str
    event: StoryEvent


@dataclass(frozen=True, slots=True)
class StoryPage:
    """Events newest first; `older` is where the next page starts, None at the end."""

    events: list[Told]
    older: Cursor | None


def story_kinds(user: User) -> list[tuple[str, str]]:
    """The kinds that `user` may filter by, as choices: one of the same key in several sources is one."""
    found: dict[str, str] = {}
    for source in sockets.stories():
        if sockets.permitted(source.permission, user):
            found |= {kind.key: str(kind.title) for kind in source.kinds}
    return sorted(found.items(), key=lambda choice: choice[1])


def lineage_ids(member: Member) -> list[int]:
    """The member with all that were merged into him: theirs is his story."""
    return [member.pk, *absorbed_ids(member)]


def story_page(
    *,
    member_ids: Sequence[int],
    user: User,
    kinds: Collection[str] = (),
    text: str = "",
    before: Cursor | None = None,
    limit: int = PAGE,
) -> StoryPage:
    """A page of the story that `user` may read; no kinds means all. One query."""
    ranked = {source.key: rank for rank, source in enumerate(sockets.stories())}
    chosen = [source for source in sockets.stories() if sockets.permitted(source.permission, user)]
    branches = []
    for source in chosen:
        rows = _narrowed(source, source.rows(member_ids, user), kinds, text[:LONGEST_TEXT].strip())
        if rows is not None:
            branches.append(_branch(source, ranked[source.key], rows, before, limit + 1))
    if not branches:
        return StoryPage([], None)
    found = _newest(branches, limit + 1)
    by_rank = {ranked[source.key]: source for source in chosen}
    events = []
    for at, rank, pk, facts in found[:limit]:
        source = by_rank[rank]
        events.append(Told(at, f"{source.key}-{pk}", source.tell(StoryRow(at, pk, facts), user)))
    older = None
    if len(found) > limit:
        at, rank, pk, _facts = found[limit - 1]
        older = Cursor(at, by_rank[rank].key, pk)
    return StoryPage(events, older)


def staff_name(kind: str = "actor_type", number: str = "actor_id") -> Expression:
    """Who acted, for the `facts` of sources whose rows keep an actor as text: the name of a staff user, the
    bare id of everybody else.
    """
    # Only digits, so that the cast cannot fail in whatever order the planner evaluates.
    digits = Func(OuterRef(number), Value(r"\D"), Value(""), Value("g"), function="regexp_replace")
    pk = Cast(NullIf(digits, Value("")), BigIntegerField())
    name = User.objects.filter(pk=pk).values(shown=Coalesce(NullIf("name", Value("")), "username"))[:1]
    return Case(
        When(**{kind: ActorType.STAFF.value}, then=Coalesce(Subquery(name), F(number))),
        default=F(number),
        output_field=CharField(),
    )


def _narrowed(source: StorySource, rows: Any, kinds: Collection[str], text: str) -> Any:
    """The rows of the wanted kinds that speak of the text; None when the source has none of these kinds."""
    if kinds:
        wanted = [kind.condition for kind in source.kinds if kind.key in kinds]
        if not wanted:
            return None
        condition = Q()
        for one in wanted:
            # An empty condition takes all rows; joined by OR it would vanish.
            condition = condition | one if one else Q(pk__isnull=False)
            if not one:
                break
        rows = rows.filter(condition)
    return rows.filter(source.search(text)) if text else rows


def _newest(branches: list[Any], limit: int) -> list[tuple[datetime, int, int, dict[str, Any]]]:
    """The newest rows of all branches, each of which is in order and cut already."""
    if len(branches) == 1:
        return list(branches[0])
    union = branches[0].union(*branches[1:], all=True)
    return list(union.order_by("-story_at", "-story_rank", "-story_pk")[:limit])


def _branch(source: StorySource, rank: int, rows: Any, before: Cursor | None, limit: int) -> Any:
    if before is not None:
        earlier = Q(**{f"{source.at}__lt": before.at})
        same = Q(**{source.at: before.at})
        if source.key == before.source:
            earlier |= same & Q(pk__lt=before.pk)
        elif source.key < before.source:
            earlier |= same
        rows = rows.filter(earlier)
    return (
        rows.annotate(
            story_at=F(source.at),
            story_rank=Value(rank),
            story_pk=Cast("pk", BigIntegerField()),
            story_facts=JSONObject(**source.facts),
        )
        .order_by(f"-{source.at}", "-pk")
        .values_list("story_at", "story_rank", "story_pk", "story_facts")[:limit]
    )
