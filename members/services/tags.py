"""The registry of tags, and tagging one member by hand.

A tag needs a name of its own, a group and a definition (S38); a name that looks like another one is refused,
not by a look but by the key of `TagName`. A merge moves carriers and names to the survivor and keeps where
each carrier's tag came from.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.db import connection, transaction
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.models import User
from backoffice.services import audit
from members.choices import TagOrigin
from members.errors import NoSuchTag, TagIncomplete, TagLooksAlike, TagMergeWrong
from members.models import Member, MemberTag, Tag, TagName
from members.services.rows import locked
from members.sockets import tag_uses
from members.tag_names import LONGEST, fit, group_in, slug_of, tidy


@transaction.atomic
def define_tag(
    *,
    name: str,
    group: str,
    definition: str,
    owner: User | None,
    actor: Actor,
    now: datetime,
    expires_on: date | None = None,
) -> Tag:
    """Add a tag to the registry. Raises TagIncomplete, TagLooksAlike with the id of the tag in the way."""
    name, group, definition = tidy(name), tidy(group), definition.strip()
    if not fit(name) or not group or not definition or len(group) > LONGEST:
        raise TagIncomplete
    tag = Tag(
        name=name, group=group, definition=definition, owner=owner, expires_on=expires_on, created_at=now
    )
    _check_free(name)
    tag.save()
    _claim(tag, name)
    audit.record(
        actor=actor,
        action="tag.define",
        subject=tag,
        changes={"tag": [None, name], "group": [None, group]},
        now=now,
    )
    return tag


@transaction.atomic
def change_tag(
    *,
    tag_id: int,
    group: str,
    definition: str,
    owner: User | None,
    expires_on: date | None,
    actor: Actor,
    now: datetime,
) -> Tag:
    """Another group, definition, owner or last day; the name stays, aliases are added. Raises NoSuchTag,
    TagIncomplete.
    """
    tag = _living(tag_id)
    values = {
        "group": tidy(group),
        "definition": definition.strip(),
        "owner": owner,
        "expires_on": expires_on,
    }
    if not values["group"] or not values["definition"]:
        raise TagIncomplete
    moved = {field: value for field, value in values.items() if getattr(tag, field) != value}
    if moved:
        changes = {field: [_plain(getattr(tag, field)), _plain(value)] for field, value in moved.items()}
        for field, value in moved.items():
            setattr(tag, field, value)
        tag.save(update_fields=list(moved))
        audit.record(actor=actor, action="tag.change", subject=tag, changes=changes, now=now)
    return tag


@transaction.atomic
def add_alias(*, tag_id: int, name: str, actor: Actor, now: datetime) -> TagName:
    """Another name that leads to the tag in files and searches. Raises NoSuchTag, TagIncomplete,
    TagLooksAlike.
    """
    tag = _living(tag_id)
    name = tidy(name)
    if not fit(name):
        raise TagIncomplete
    _check_free(name)
    alias = _claim(tag, name)
    audit.record(actor=actor, action="tag.alias", subject=tag, changes={"alias": [None, name]}, now=now)
    return alias


@transaction.atomic
def merge_tags(*, tag_id: int, into_id: int, actor: Actor, now: datetime) -> Tag:
    """Everybody who carries `tag_id` carries `into_id` instead, with the origin that he had; names follow.

    Whoever refers to the tag (`sockets.TagUse`) is moved in the same transaction. Raises NoSuchTag,
    TagMergeWrong.
    """
    if tag_id == into_id:
        raise TagMergeWrong
    for pk in sorted((tag_id, into_id)):
        _living(pk)
    tag, into = Tag.objects.get(pk=tag_id), Tag.objects.get(pk=into_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_membertag (member_id, tag_id, origin, origin_id, at)"
            " SELECT member_id, %s, origin, origin_id, at FROM members_membertag WHERE tag_id = %s"
            " ON CONFLICT DO NOTHING",
            [into.pk, tag.pk],
        )
        moved = cursor.rowcount
    MemberTag.objects.filter(tag=tag).delete()
    TagName.objects.filter(tag=tag).update(tag=into)
    Tag.objects.filter(merged_into=tag).update(merged_into=into)
    tag.merged_into = into
    tag.save(update_fields=["merged_into"])
    for use in tag_uses():
        use.repoint(tag_id=tag.pk, into_id=into.pk)
    audit.record(
        actor=actor,
        action="tag.merge",
        subject=tag,
        changes={"merged_into": [None, into.pk], "moved": [None, moved]},
        now=now,
    )
    return into


@transaction.atomic
def tag_member(*, member: Member, tag_id: int, actor: Actor, now: datetime) -> bool:
    """Put a tag on one member by hand; False when he carries it already. Raises WrongStatus, NoSuchTag."""
    row = locked(member)
    tag = Tag.objects.active_on(timezone.localdate(now)).filter(pk=tag_id).first()
    if tag is None:
        raise NoSuchTag
    user_id = actor.user.pk if actor.user else None
    given = MemberTag(member=row, tag=tag, origin=TagOrigin.STAFF.value, origin_id=user_id, at=now)
    if MemberTag.objects.filter(member=row, tag=tag).exists():
        return False
    MemberTag.objects.bulk_create([given], ignore_conflicts=True)
    audit.record(actor=actor, action="member.tag", subject=row, changes={"tag": [None, tag.name]}, now=now)
    return True


@transaction.atomic
def tag_member_anew(
    *, member: Member, name: str, group: str, definition: str, actor: Actor, now: datetime
) -> Tag:
    """Define a tag, for which the actor is answerable, and put it on one member. Raises WrongStatus,
    TagIncomplete, TagLooksAlike.
    """
    tag = define_tag(name=name, group=group, definition=definition, owner=actor.user, actor=actor, now=now)
    tag_member(member=member, tag_id=tag.pk, actor=actor, now=now)
    return tag


@transaction.atomic
def untag_member(*, member: Member, tag_id: int, actor: Actor, now: datetime) -> bool:
    """Take a tag off one member; False when he does not carry it. Raises WrongStatus, NoSuchTag."""
    row = locked(member)
    tag = Tag.objects.filter(pk=tag_id).first()
    if tag is None:
        raise NoSuchTag
    gone, _models = MemberTag.objects.filter(member=row, tag=tag).delete()
    if gone:
        audit.record(
            actor=actor, action="member.untag", subject=row, changes={"tag": [tag.name, None]}, now=now
        )
    return bool(gone)


def make_undefined(
    *, names: Iterable[str], group: str, definition: str, owner: User | None, actor: Actor, now: datetime
) -> dict[str, int]:
    """Ids by name, for names out of a file: those that meanwhile exist, and new tags for the others.

    A name of the form `group:value` brings its group along. Raises TagIncomplete.
    """
    ids = {}
    for name in names:
        known = TagName.objects.filter(slug=slug_of(name)).values_list("tag_id", flat=True).first()
        if known is None:
            made = define_tag(
                name=name,
                group=group or group_in(name),
                definition=definition,
                owner=owner,
                actor=actor,
                now=now,
            )
            known = made.pk
        ids[name] = known
    return ids


def _living(tag_id: int) -> Tag:
    tag = Tag.objects.living().select_for_update(of=("self",)).filter(pk=tag_id).first()
    if tag is None:
        raise NoSuchTag
    found: Tag = tag
    return found


def _check_free(name: str) -> None:
    known = TagName.objects.filter(slug=slug_of(name)).select_related("tag").first()
    if known:
        raise TagLooksAlike(name=name, other=known.tag.name, tag_id=known.tag_id)


def _claim(tag: Tag, name: str) -> TagName:
    """The key decides between two who define look-alikes at the same time."""
    row = TagName(slug=slug_of(name), name=name, tag=tag)
    TagName.objects.bulk_create([row], ignore_conflicts=True)
    owner = TagName.objects.select_related("tag").get(slug=row.slug)
    if owner.tag_id != tag.pk:
        raise TagLooksAlike(name=name, other=owner.tag.name, tag_id=owner.tag_id)
    return row


def _plain(value: object) -> object:
    return value if value is None else str(value)
