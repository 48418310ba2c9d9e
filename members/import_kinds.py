"""The kinds of files about people: members, and who carries which tag. Registered by `plugs.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.actors import Actor
from backoffice.errors import ImportPolicyIncomplete
from backoffice.masking import mask_name
from backoffice.models import ImportBatch, Store, User
from backoffice.services.imports.columns import Text
from backoffice.services.imports.kinds import Choice, ImportKind, register
from members.choices import Channel, Gender
from members.models import Tag
from members.phones import display_phone, mask_phone
from members.resources import MemberResource, TagListResource
from members.selectors.member_lists import told
from members.services.imports import listed, member_apply, member_diff, member_undo, tag_lists, tag_placing
from members.services.imports.fields import MEMBER_COLUMNS, TAG_LIST_COLUMNS, speaks_of_tags
from members.services.imports.readers import ANSWERED_NO, UNDEFINED, MemberRows, TagRows
from members.services.imports.tag_columns import TagColumns
from members.services.tags import make_undefined
from members.tag_names import BETWEEN

UNMASK = "members.unmask_member"
KEY = Choice(
    "key",
    _("Members are found by"),
    (("phone", _("Phone")), ("external_id", _("External number")), ("card_no", _("Card number"))),
)
MODE = Choice(
    "mode",
    _("Rows may"),
    (
        ("both", _("Create and change members")),
        ("create", _("Only create members")),
        ("update", _("Only change members")),
    ),
)
EMPTY = Choice(
    "empty",
    _("An empty cell"),
    (("keep", _("Keeps what is there")), ("clear", _("Clears the field")), ("error", _("Is an error"))),
)
TAGS = Choice(
    "tags",
    _("Tags are"),
    (("add", _("Added")), ("replace", _("Replaced by those of the file")), ("remove", _("Taken away"))),
)
DUPLICATES = Choice(
    "duplicates",
    _("If somebody is in the file twice"),
    (("first", _("The first row counts")), ("last", _("The last row counts")), ("error", _("No row counts"))),
)
NEW_TAGS = Choice(
    "new_tags",
    _("Tags that are not defined"),
    (("refuse", _("Are an error")), ("create", _("Are defined by this import"))),
)
FOREIGN = Choice(
    "foreign",
    _("Phones of other countries"),
    (("refuse", _("Are an error")), ("take", _("Are brought in"))),
)
SHORT_YEARS = Choice(
    "short_years",
    _("Days such as 79/05/05"),
    (
        ("refuse", _("Are an error, 1990-05-05 is suggested")),
        ("take", _("Are years of the Republic: 1990-05-05")),
    ),
)
GIVE_OR_TAKE = Choice("tags", _("The tag"), (("add", _("Is added")), ("remove", _("Is taken away"))))
TAG_GROUP = Choice("tag_group", _("Group of tags that are defined"), ())
TAG_DEFINITION = Choice("tag_definition", _("Definition of tags that are defined"), ())

FAULTS: dict[str, Text] = {
    "taken": _("a phone that no other member has"),
    "number_taken": _("an external number that no other member has"),
    "card_taken": _("a card number that no other member has or had"),
    "not_living": _("a member who is neither erased nor merged"),
    "phone_needed": _("a phone: without one nobody is enrolled"),
    "other_card": _("the member's own card number; cards are replaced on the member's page"),
    "other_number": _("the member's own external number; this phone belongs to another number"),
    "phone_verified": _("the phone that the member has verified; only he changes it"),
    "not_there": _("somebody who is a member"),
    "is_there": _("somebody who is no member yet"),
    "not_lived": _("a day between 1900 and today"),
    "short_year": _("a year of four digits, or 民國 before the year: this may be either calendar"),
    "foreign": _("a Taiwanese mobile number; you asked for phones of other countries to be errors"),
    "future": _("a day that is not in the future"),
    "consent_undated": _("the day on which the member agreed, wherever he did"),
    "store_unknown": _("the code of a store; there is none with this one"),
    "tag_undefined": _("a tag of the registry; “%(name)s” is not defined"),
    "tag_ungrouped": _("a group for the new tag “%(name)s”: fill one in, or write “group:%(name)s”"),
    "yes_no": _("yes or no: Y / N, 是 / 否, 1 / 0, ✓ / ✗; empty says nothing"),
}


YES_NO = (("true", _("yes")), ("false", _("no")))
CODES: dict[str, Sequence[tuple[str, Text]]] = {
    "gender": Gender.choices,
    "consent_source": Channel.choices,
    **dict.fromkeys(("marketing_sms", "marketing_email", "marketing_line"), YES_NO),
}


def shown(column: str, value: str, user: User | None) -> str:
    """A staged value as a screen shows it to this person."""
    whole = user is None or user.has_perm(UNMASK)
    if column == "phone":
        return display_phone(value) if whole else mask_phone(value)
    if column == "joined_at" or column == "consent_date":
        return value[:10] if not value.endswith("16:00:00+00") else _next_day(value[:10])
    if column == "referring_store" and value.isdigit():
        return Store.objects.filter(pk=int(value)).values_list("code", flat=True).first() or value
    if column == "tags":
        return _tag_names(value)
    if column in CODES:
        return str(dict(CODES[column]).get(value, value))
    if not whole and column in ("name",):
        return mask_name(value)
    if not whole and column in ("birthday", "email", "address"):
        return "***"
    return value


def _next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _tag_names(value: str) -> str:
    words = value.split(BETWEEN)
    names = dict(
        Tag.objects.filter(pk__in=[int(word) for word in words if word.isdigit()]).values_list("pk", "name")
    )
    return "、".join(
        names.get(int(word), word) if word.isdigit() else word.removeprefix(UNDEFINED)
        for word in words
        if not word.startswith(ANSWERED_NO)
    )


def prepare(batch: ImportBatch, actor: Actor, now: datetime) -> None:
    """Define the tags that the file brings, where the uploader said so; the batch remembers their ids."""
    if batch.policy.get("new_tags") != "create" or not speaks_of_tags(batch):
        return
    columns = MEMBER_COLUMNS if batch.kind == MEMBERS.name else TAG_LIST_COLUMNS
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT word FROM backoffice_importrow r,"
            " unnest(string_to_array(r.cells[%s], %s)) word"
            " WHERE r.batch_id = %s AND r.outcome IN ('new', 'changed') AND left(word, 1) = %s ORDER BY word",
            [columns.index("tags") + 1, BETWEEN, batch.pk, UNDEFINED],
        )
        words = [word for (word,) in cursor.fetchall()]
    made = make_undefined(
        names=[word.removeprefix(UNDEFINED) for word in words],
        group=batch.policy.get("tag_group", ""),
        definition=batch.policy["tag_definition"],
        owner=batch.owner,
        actor=actor,
        now=now,
    )
    batch.layout = batch.layout | {"tags_made": {f"{UNDEFINED}{name}": pk for name, pk in made.items()}}
    batch.save(update_fields=["layout"])


def takes_away(policy: Mapping[str, Any]) -> bool:
    """Taking tags away, and clearing fields, is never done by one person alone."""
    return policy.get("tags") in ("replace", "remove") or policy.get("empty") == "clear"


def insist(policy: Mapping[str, str]) -> None:
    """A tag of a file is defined like any other (S38). Raises ImportPolicyIncomplete."""
    if policy.get("new_tags") == "create" and not policy.get("tag_definition", "").strip():
        raise ImportPolicyIncomplete(name=TAG_DEFINITION.title)


def tag_notes() -> list[tuple[str, str, str]]:
    return [
        (
            gettext("A column for each tag"),
            gettext("The tag's name as the head, yes or no in the cells; empty says nothing."),
            "Y",
        )
    ]


def replaces(policy: Mapping[str, Any]) -> bool:
    return policy.get("tags") == "replace"


MEMBERS = ImportKind(
    name="members",
    title=_("Members"),
    permission="members.import_member",
    resource=MemberResource,
    needs=(("phone", "external_id", "card_no"),),
    keys=("phone", "external_id", "card_no"),
    choices=(
        KEY,
        MODE,
        EMPTY,
        DUPLICATES,
        SHORT_YEARS,
        FOREIGN,
        TAGS,
        NEW_TAGS,
        TAG_GROUP,
        TAG_DEFINITION,
    ),
    reader=MemberRows,
    diff=member_diff.diff,
    apply=member_apply.apply,
    undo=member_undo.undo,
    target=lambda batch: "members",
    approval_above=50_000,
    risky=takes_away,
    prepare=prepare,
    faults=FAULTS,
    show=shown,
    page="admin:members_member_change",
    more=TagColumns,
    notes=tag_notes,
    insist=insist,
)
TAG_LISTS = ImportKind(
    name="tags",
    title=_("Tag lists"),
    permission="members.import_tag",
    resource=TagListResource,
    needs=(("phone", "external_id", "card_no"), ("tags",)),
    keys=("phone", "external_id", "card_no"),
    choices=(KEY, TAGS, NEW_TAGS, TAG_GROUP, TAG_DEFINITION, DUPLICATES),
    reader=TagRows,
    diff=tag_lists.diff,
    apply=tag_lists.apply,
    undo=tag_lists.undo,
    target=lambda batch: "members",
    one_write=tag_placing.one_write,
    chunk=5_000,
    approval_above=100_000,
    second_look=replaces,
    risky=takes_away,
    prepare=prepare,
    faults=FAULTS,
    show=shown,
    page="admin:members_member_change",
    more=TagColumns,
    notes=tag_notes,
    insist=insist,
)


def told_of_list(batch: ImportBatch, user: User) -> list[tuple[str, str]]:
    """What a batch over a list does, to whom."""
    act = gettext("is taken away") if batch.policy.get("tags") == "remove" else gettext("is added")
    filters = told(batch.layout.get("filter", {}), user)
    return [
        (gettext("Tag"), f"{listed.subject(batch)} · {act}"),
        (
            gettext("Members"),
            "、".join(f"{title}: {value}" for title, value in filters) or gettext("everybody"),
        ),
    ]


TAGGING = ImportKind(
    name=listed.KIND,
    title=_("Tags for a list of members"),
    permission="members.import_tag",
    resource=TagListResource,
    needs=(),
    keys=("card_no",),
    choices=(GIVE_OR_TAKE,),
    reader=TagRows,
    diff=tag_lists.diff,
    apply=tag_lists.apply,
    undo=tag_lists.undo,
    target=lambda batch: "members",
    one_write=tag_placing.one_write,
    chunk=5_000,
    approval_above=100_000,
    risky=takes_away,
    faults=FAULTS,
    show=shown,
    page="admin:members_member_change",
    collect=listed.collect,
    about=told_of_list,
    identity=("card_no",),
)


def register_all() -> None:
    register(MEMBERS)
    register(TAG_LISTS)
    register(TAGGING)
