"""What campaigns plug in below: the words for the numbers that they made, and the receipts of a member."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backoffice.actors import Actor
from campaigns import grant_words, import_kinds
from campaigns.earning import CARRY_RETURN_RULE, RETURN_RULE, RULE_CODE
from campaigns.explaining import sentences
from campaigns.services import belongings, gifts
from campaigns.services.imports.forgetting import forget_buyer
from campaigns.story import RECEIPTS, RETURNS
from members.models import Member
from members.sockets import Lifecycle, register_lifecycle, register_story
from points.explaining import register


def absorb(*, duplicate: Member, survivor: Member, actor: Actor, now: datetime) -> None:
    belongings.absorb(duplicate_id=duplicate.pk, survivor_id=survivor.pk, actor=actor, now=now)


def verified(*, member: Member, actor: Actor, now: datetime) -> None:
    gifts.welcome(member=member, actor=actor, now=now)


def answered(*, member: Member, fields: Sequence[str], actor: Actor, now: datetime) -> None:
    gifts.answered(member=member, fields=fields, actor=actor, now=now)


def erase(*, member: Member, actor: Actor, now: datetime) -> None:
    forget_buyer(member=member)


for rule in (RULE_CODE, RETURN_RULE, CARRY_RETURN_RULE):
    register(rule, sentences)

register(grant_words.RULE, grant_words.sentences)
register(grant_words.CANCEL_RULE, grant_words.cancel_sentences)

import_kinds.register_all()

register_story(RECEIPTS)
register_story(RETURNS)

# Before the ledger, which moves nobody whose points still wait.
register(gifts.RULE, gifts.sentences)
register_lifecycle(
    Lifecycle("campaigns", absorb=absorb, erase=erase, verified=verified, answered=answered, order=40)
)
