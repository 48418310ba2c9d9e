"""Who a merged member has become."""

from __future__ import annotations

from collections.abc import Iterable

from members.choices import MemberStatus
from members.models import Member

# A merge leads to a living member, so chains grow only by merging survivors: this many times is a fault.
MAX_MERGES = 20


def survivor(member: Member) -> Member:
    """The member that `member` was merged into, over all steps; a member who was not merged is his own.

    Raises RuntimeError when the chain does not end: I53 is broken.
    """
    return survivors([member])[member.pk]


def survivors(members: Iterable[Member]) -> dict[int, Member]:
    """For each member's id the one he has become; one query for each step of the longest chain."""
    now_at = {member.pk: member for member in members}
    for _step in range(MAX_MERGES):
        onward = {m.merged_into_id for m in now_at.values() if m.status == MemberStatus.MERGED}
        if not onward:
            return now_at
        targets = Member.objects.select_related("brand", "joined_store", "referring_store").in_bulk(onward)
        now_at = {
            pk: targets[m.merged_into_id] if m.status == MemberStatus.MERGED else m
            for pk, m in now_at.items()
        }
    raise RuntimeError(f"a chain of merges longer than {MAX_MERGES}: {sorted(now_at)[:10]}")


def survivor_id(member_id: int | None) -> int | None:
    """The id of the member that `member_id` has become; None stays None."""
    if member_id is None:
        return None
    return int(survivor(Member.objects.get(pk=member_id)).pk)


def absorbed_ids(member: Member) -> list[int]:
    """The ids of all members that were merged into this one, over all steps."""
    found: list[int] = []
    step = [member.pk]
    for _step in range(MAX_MERGES):
        step = list(Member.objects.filter(merged_into__in=step).values_list("pk", flat=True))
        if not step:
            return found
        found.extend(step)
    raise RuntimeError(f"a chain of merges longer than {MAX_MERGES} leads to member {member.pk}")
