"""What tags plug into the member page and into merging, erasing and exporting a person. Called by
`plugs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.actors import Actor
from backoffice.services.imports.retention import forget_cells, forget_person
from members.models import Member, MemberTag
from members.selectors.tags import carried, tag_names
from members.services.imports.fields import TAG_LIST_COLUMNS
from members.sockets import (
    Fact,
    FactKind,
    Lifecycle,
    Panel,
    register_fact,
    register_lifecycle,
    register_panel,
)


def panel(member: Member, user: Any, now: datetime) -> dict[str, Any]:
    return {
        "member": member,
        "tags": carried(member, timezone.localdate(now)),
        "may_see_batch": user.has_perm("backoffice.view_importbatch"),
        "may_tag": member.is_living and user.has_perm("members.tag_member"),
    }


def absorb(*, duplicate: Member, survivor: Member, actor: Actor, now: datetime) -> None:
    """The survivor carries both sets, each tag with the origin that it had first."""
    MemberTag.objects.bulk_create(
        [
            MemberTag(
                member=survivor, tag_id=row.tag_id, origin=row.origin, origin_id=row.origin_id, at=row.at
            )
            for row in MemberTag.objects.filter(member=duplicate)
        ],
        ignore_conflicts=True,
    )
    MemberTag.objects.filter(member=duplicate).delete()


def erase(*, member: Member, actor: Actor, now: datetime) -> None:
    """Tags say who somebody is, and so do the rows of files that brought him in."""
    MemberTag.objects.filter(member=member).delete()
    forget_person(kind="members", keys=[member.phone, member.external_id, member.card_no])
    # Their rows have no keys: what an index takes for a million rows is more than such a search takes.
    values = {
        TAG_LIST_COLUMNS.index(name): getattr(member, name) for name in ("phone", "card_no", "external_id")
    }
    for kind in ("tags", "tagging"):
        forget_cells(kind=kind, values=values, subject_id=member.pk)


def export(member: Member) -> Mapping[str, Any]:
    return {"tags": [one.tag.name for one in carried(member, timezone.localdate())]}


def register_all() -> None:
    register_panel(
        Panel(
            key="tags",
            title=_("Tags"),
            template="members/tags_panel.html",
            context=panel,
            order=50,
            permission="members.view_tag",
        )
    )
    register_lifecycle(Lifecycle("tags", absorb=absorb, erase=erase, export=export, order=20))
    register_fact(
        Fact(
            key="tags",
            title=_("Tags"),
            kind=FactKind.TEXT,
            expression=lambda now: tag_names(timezone.localdate(now)),
            permission="members.view_tag",
        )
    )
