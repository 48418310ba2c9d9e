"""Erasing a person (I50): the ledger and the receipts stay, nobody can tell any more whose they were."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.cards import SECURE
from members.choices import Gender, MemberStatus
from members.models import Member, MemberNote, RetiredCard, StaffCard
from members.selectors.lineage import absorbed_ids
from members.services.card_numbers import free_card_no
from members.services.rows import lets_go, locked, required_reason, write
from members.sockets import lifecycles

# Everything in the row that says who it was. Brand, stores and dates of joining count on in reports.
NO_PERSON: dict[str, Any] = {
    "external_id": "",
    "enrol_key": "",
    "phone": "",
    "phone_verified_at": None,
    "name": "",
    "gender": Gender.UNKNOWN.value,
    "birthday": None,
    "email": "",
    "county": "",
    "district": "",
    "address": "",
}


@transaction.atomic
def erase(*, member: Member, reason: str, actor: Actor, now: datetime, rng: random.Random = SECURE) -> Member:
    """Take the person out of the member, of those he absorbed, and of all their history rows. No way back.

    First every app's Lifecycle `erase` runs and still sees the person; one that refuses stops it all.
    The card number is drawn anew, so that the old card leads nowhere; the phone is free for a new member.
    Consents stay: they are the proof of what was allowed, and name nobody.

    Raises ReasonMissing, WrongStatus unless the member is living.
    """
    why = required_reason(reason)
    lets_go()
    row = locked(member)
    old_status = row.status
    absorbed = Member.objects.select_for_update(no_key=True).filter(pk__in=absorbed_ids(row))
    people = [row, *absorbed.order_by("pk")]
    for person in people:
        for lifecycle in lifecycles():
            if lifecycle.erase:
                lifecycle.erase(member=person, actor=actor, now=now)
    for person in people:
        _blank(person, now, rng, final=person is row)
    ids = [person.pk for person in people]
    StaffCard.objects.filter(member__in=ids).delete()
    RetiredCard.objects.filter(member__in=ids).delete()
    # A note may name the person; that somebody wrote one, and when, stays.
    MemberNote.objects.filter(member__in=ids).exclude(text="").update(text="")
    # The history of the row is as personal as the row, and the update above has just added to it.
    events = apps.get_model("members", "MemberEvent")
    events.objects.filter(pgh_obj__in=ids).update(**NO_PERSON, card_no="")
    audit.record(
        actor=actor,
        action="member.erase",
        subject=row,
        changes={"status": [old_status, MemberStatus.ERASED.value], "absorbed": [len(ids) - 1, 0]},
        reason=why,
        now=now,
    )
    return row


def _blank(person: Member, now: datetime, rng: random.Random, *, final: bool) -> None:
    values = {**NO_PERSON, "card_no": free_card_no(rng), "erased_at": now}
    # Absorbed rows stay `merged`: they have to lead on to this one (I53).
    if final:
        values["status"] = MemberStatus.ERASED.value
    write(person, values, now)
