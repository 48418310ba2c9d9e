"""What members plug into their own socket: devices, codes and belongings go with the person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backoffice.actors import Actor
from members import export_kinds, import_kinds, tag_plugs
from members.models import Member
from members.services import archive, belongings
from members.sockets import Lifecycle, register_lifecycle


def absorb(*, duplicate: Member, survivor: Member, actor: Actor, now: datetime) -> None:
    belongings.hand_over(duplicate=duplicate, survivor=survivor, actor=actor, now=now)


def erase(*, member: Member, actor: Actor, now: datetime) -> None:
    belongings.take_out(member=member, actor=actor, now=now)


def export(member: Member) -> Mapping[str, Any]:
    return belongings.exported(member=member)


register_lifecycle(Lifecycle("sign_in", absorb=absorb, erase=erase, export=export, order=10))
import_kinds.register_all()
export_kinds.register_all()
archive.register_all()
tag_plugs.register_all()
