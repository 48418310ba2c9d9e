"""Which fields a brand asks for, and whose member card a colleague owns: settings with a trail."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import OwnAccount
from backoffice.services import audit
from members.models import ProfileFieldRule, StaffCard


@transaction.atomic
def save_rule(*, rule: ProfileFieldRule, actor: Actor, now: datetime) -> ProfileFieldRule:
    """Store a new or an edited rule. Nothing changed writes nothing."""
    before = ProfileFieldRule.objects.select_for_update().filter(pk=rule.pk).first()
    changes = {
        name: [getattr(before, name, None), getattr(rule, name)]
        for name in ("brand_id", "field", "need")
        if before is None or getattr(before, name) != getattr(rule, name)
    }
    if changes:
        rule.save()
        action = "profile_rule.change" if before else "profile_rule.create"
        audit.record(actor=actor, action=action, subject=rule, changes=changes, now=now)
    return rule


@transaction.atomic
def delete_rule(*, rule: ProfileFieldRule, actor: Actor, now: datetime) -> None:
    """Take a rule away: the field is optional from now on. Safe to repeat."""
    row = ProfileFieldRule.objects.select_for_update().filter(pk=rule.pk).first()
    if row is None:
        return
    changes = {name: [getattr(row, name), None] for name in ("brand_id", "field", "need")}
    audit.record(actor=actor, action="profile_rule.delete", subject=row, changes=changes, now=now)
    row.delete()


@transaction.atomic
def save_staff_card(*, card: StaffCard, actor: Actor, now: datetime) -> StaffCard:
    """Say which member card a colleague owns. Raises OwnAccount for the card that is one's own already."""
    before = StaffCard.objects.select_for_update().filter(pk=card.pk).first()
    if before is not None:
        _not_ones_own(before, actor)
    changes = {
        name: [getattr(before, name, None), getattr(card, name)]
        for name in ("user_id", "member_id")
        if before is None or getattr(before, name) != getattr(card, name)
    }
    if changes:
        card.save()
        action = "staff_card.change" if before else "staff_card.create"
        audit.record(actor=actor, action=action, subject=card, changes=changes, now=now)
    return card


@transaction.atomic
def delete_staff_card(*, card: StaffCard, actor: Actor, now: datetime) -> None:
    """Say that a card is no colleague's any more. Safe to repeat. Raises OwnAccount for one's own."""
    row = StaffCard.objects.select_for_update().filter(pk=card.pk).first()
    if row is None:
        return
    _not_ones_own(row, actor)
    changes = {name: [getattr(row, name), None] for name in ("user_id", "member_id")}
    audit.record(actor=actor, action="staff_card.delete", subject=row, changes=changes, now=now)
    row.delete()


def _not_ones_own(card: StaffCard, actor: Actor) -> None:
    # Without the link he could correct points of his own card (I32).
    if actor.user is not None and actor.user.pk == card.user_id:
        raise OwnAccount
