"""What campaigns plug in below: the words for the numbers that they made, and the receipts of a member."""

from __future__ import annotations

from datetime import datetime

from backoffice.actors import Actor
from campaigns.earning import CARRY_RETURN_RULE, RETURN_RULE, RULE_CODE
from campaigns.explaining import sentences
from campaigns.services import belongings
from campaigns.story import RECEIPTS, RETURNS
from members.models import Member
from members.sockets import Lifecycle, register_lifecycle, register_story
from points.explaining import register


def absorb(*, duplicate: Member, survivor: Member, actor: Actor, now: datetime) -> None:
    belongings.absorb(duplicate_id=duplicate.pk, survivor_id=survivor.pk, actor=actor, now=now)


for rule in (RULE_CODE, RETURN_RULE, CARRY_RETURN_RULE):
    register(rule, sentences)

register_story(RECEIPTS)
register_story(RETURNS)

# Before the ledger, which moves nobody whose points still wait.
register_lifecycle(Lifecycle("campaigns", absorb=absorb, order=40))
