"""What points plug into members: the balance as a fact, and what they do on merge, erasure and export."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, OuterRef, Subquery
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _

from backoffice.actors import Actor
from backoffice.services.imports.retention import forget_person
from members.models import Member
from members.sockets import Fact, FactKind, Lifecycle, register_fact, register_lifecycle
from points import export_kinds, import_kinds
from points.models import Account
from points.services import archive, membership


def balance(now: datetime) -> Combinable:
    """The balance of the default program, as an annotation of a Member queryset; NULL without an account."""
    accounts = Account.objects.filter(member=OuterRef("pk"), program__is_default=True).values("balance")[:1]
    return Subquery(accounts, output_field=BigIntegerField())


def absorb(*, duplicate: Member, survivor: Member, actor: Actor, now: datetime) -> None:
    membership.absorb(duplicate_id=duplicate.pk, survivor_id=survivor.pk, actor=actor, now=now)


def erase(*, member: Member, actor: Actor, now: datetime) -> None:
    membership.close(member_id=member.pk, actor=actor, now=now)
    forget_person(kind=import_kinds.POINTS.name, keys=[member.phone, member.external_id, member.card_no])


def export(member: Member) -> Mapping[str, Any]:
    return membership.export(member_id=member.pk)


register_lifecycle(Lifecycle("points", absorb=absorb, erase=erase, export=export, order=50))
register_fact(
    Fact("points_balance", _("points balance"), FactKind.NUMBER, balance, permission="points.view_account")
)
import_kinds.register_all()
export_kinds.register_all()
archive.register_all()
