"""Two member rows of one person become one: the duplicate leads on to the survivor for ever (I53)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import OwnAccount
from backoffice.services import audit
from members.choices import MemberStatus
from members.errors import MergeRefused, WrongStatus
from members.models import Consent, Member, Purchase, StaffCard
from members.selectors.consents import latest_consents
from members.services.rows import lets_go, required_reason, write
from members.sockets import lifecycles

# What the survivor takes over where he has none himself. Never the phone: it is proven for one row.
FILLED = ("name", "gender", "birthday", "email", "county", "district", "address", "referring_store_id")


@transaction.atomic
def merge(*, duplicate: Member, survivor: Member, reason: str, actor: Actor, now: datetime) -> Member:
    """Move all that the duplicate has to the survivor and answer the survivor.

    Every app's Lifecycle `absorb` moves its part; receipts follow, blanks of the profile are filled, a
    consent that the duplicate withdrew last is withdrawn for the survivor too. Card and phone of the
    duplicate lead to the survivor from now on. The same merge again changes nothing.

    Raises ReasonMissing, WrongStatus unless both are active, MergeRefused, OwnAccount for a card of one's
    own, and whatever an app refuses with (PointsHeld).
    """
    return join(gone=duplicate, kept=survivor, why=required_reason(reason), actor=actor, now=now)


@transaction.atomic
def join(*, gone: Member, kept: Member, why: str, actor: Actor, now: datetime) -> Member:
    """`merge` for a verb that is a reason in itself. Raises like it."""
    lets_go()
    rows = Member.objects.select_for_update(no_key=True).filter(pk__in={gone.pk, kept.pk})
    found = {row.pk: row for row in rows.order_by("pk")}
    gone, kept = found[gone.pk], found[kept.pk]
    if gone.status == MemberStatus.MERGED and gone.merged_into_id == kept.pk:
        return kept
    _check(gone, kept, actor)
    for lifecycle in lifecycles():
        if lifecycle.absorb:
            lifecycle.absorb(duplicate=gone, survivor=kept, actor=actor, now=now)
    Purchase.objects.filter(member=gone).update(member=kept)
    StaffCard.objects.filter(member=gone).update(member=kept)
    _carry_refusals(gone, kept, now)
    taken = {name: getattr(gone, name) for name in FILLED if not getattr(kept, name) and getattr(gone, name)}
    if taken:
        write(kept, taken, now)
    write(gone, {"status": MemberStatus.MERGED.value, "merged_into_id": kept.pk}, now)
    _record(gone, kept, taken, why, actor, now)
    return kept


def _check(gone: Member, kept: Member, actor: Actor) -> None:
    if gone.pk == kept.pk:
        raise MergeRefused(why="same")
    for row in (gone, kept):
        if row.status != MemberStatus.ACTIVE:
            raise WrongStatus(status=row.get_status_display())
    if gone.brand_id not in (None, kept.brand_id) and kept.brand_id is not None:
        raise MergeRefused(why="brands")
    cards = StaffCard.objects.filter(member__in=(gone, kept))
    # Points of a stranger would move to one's own card, or one's own debt away from it (I32).
    if actor.user is not None and cards.filter(user=actor.user).exists():
        raise OwnAccount


def _carry_refusals(gone: Member, kept: Member, now: datetime) -> None:
    """A no of the same person counts, whichever of his rows he told it."""
    mine = latest_consents(kept)
    Consent.objects.bulk_create(
        Consent(member=kept, purpose=purpose, given=False, version=no.version, source=no.source, at=no.at)
        for purpose, no in latest_consents(gone).items()
        if not no.given and purpose in mine and mine[purpose].given and mine[purpose].at <= no.at
    )


def _record(gone: Member, kept: Member, taken: dict[str, Any], why: str, actor: Actor, now: datetime) -> None:
    changes: dict[str, Any] = {"absorbed": [None, gone.pk], "filled": [None, sorted(taken)]}
    audit.record(actor=actor, action="member.absorb", subject=kept, changes=changes, reason=why, now=now)
    changes = {"merged_into": [None, kept.pk]}
    audit.record(actor=actor, action="member.merge", subject=gone, changes=changes, reason=why, now=now)
