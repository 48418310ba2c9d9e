"""Lists about people that leave as files: members, who carries which tag, purchases (see `plugs.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.models import Store, User
from backoffice.services.exports.columns import MomentWidget, label, moment, out
from backoffice.services.exports.kinds import Asked, Criterion, ExportKind, choice, columns_of, register
from backoffice.services.imports.columns import ImportColumn
from members import sockets
from members.choices import Channel, MemberStatus, OrderType, TagOrigin
from members.import_widgets import DateWidget
from members.models import Member, MemberTag, Purchase, Tag
from members.resources import MemberResource, PurchaseResource, TagListResource
from members.selectors.member_lists import NARROWINGS, Narrowing, narrowing_of, told
from members.selectors.search import find_members
from members.selectors.tags import dead_tags
from members.services import exporting
from members.services.imports.fields import MEMBER_COLUMNS, TAG_LIST_COLUMNS

UNMASK = "members.unmask_member"
EXPORT = "members.export_member"
FACT = "fact_"
MEMBER_MORE = {
    "status": label("status", _("status"), MemberStatus),
    "source": label("source", _("source"), Channel),
    "brand": out("brand__code", _("brand")),
    "joined_store": out("joined_store__code", _("joined at store")),
    "joined_moment": moment("joined_at", _("joined (time)")),
    "phone_verified_at": moment("phone_verified_at", _("phone verified")),
}
TAG_MORE = {
    "group": out("group", _("group")),
    "definition": out("definition", _("definition")),
    "expires_on": out("expires_on", _("last day"), DateWidget()),
    "origin": label("origin", _("from"), TagOrigin),
    "origin_id": out("origin_id", _("its number")),
    "at": out("at", _("time"), MomentWidget()),
}


def visible_members(asked: Asked) -> QuerySet[Any]:
    rows: Any = Member.objects.all()
    return rows if asked.user is None else rows.visible_to(asked.user)


# --- Members ------------------------------------------------------------------------------------------------
def members(asked: Asked) -> QuerySet[Any]:
    rows = visible_members(asked).select_related("brand", "joined_store", "referring_store")
    facts = {FACT + fact.key: fact for fact in sockets.facts(asked.user)}
    wanted = {name: facts[name].expression(asked.now) for name in asked.columns if name in facts}
    return rows.annotate(**wanted) if wanted else rows


def member_columns(asked: Asked) -> Mapping[str, ImportColumn]:
    """What an import reads, then what only goes out: standing, and the facts that this person may see."""
    own = columns_of(MemberResource) | MEMBER_MORE
    # A fact that an import reads as a column is that column.
    facts = [fact for fact in sockets.facts(asked.user) if fact.key not in own]
    return own | {FACT + fact.key: out(FACT + fact.key, fact.title) for fact in facts}


def _found(rows: QuerySet[Any], text: str, asked: Asked) -> QuerySet[Any]:
    if asked.user is None:
        return rows.filter(Q(phone=text) | Q(card_no=text) | Q(external_id=text))
    return rows.filter(pk__in=[member.pk for member in find_members(text=text, user=asked.user).members])


def _listed(narrowing: Narrowing) -> Criterion:
    """A filter of the member list, as the list itself reads it."""

    def narrow(rows: QuerySet[Any], value: str, asked: Asked) -> QuerySet[Any]:
        if asked.user is not None:
            narrowing_of(narrowing.name, value, asked.user)
        return rows.filter(narrowing.condition(value, asked.now))

    def show(value: str, user: User | None) -> str:
        return told({narrowing.name: value}, user)[0][1] if user else value

    return Criterion(narrowing.title, narrow, show)


MEMBERS = ExportKind(
    name="members",
    title=_("Members"),
    permission=EXPORT,
    rows=members,
    columns=member_columns,
    criteria={
        **{name: _listed(narrowing) for name, narrowing in NARROWINGS.items()},
        "q": Criterion(_("Search"), _found, personal=True),
    },
    usual=MEMBER_COLUMNS,
    dress=lambda rows, asked: exporting.with_answers_and_tags(rows),
    whole_permission=UNMASK,
)


# --- Who carries which tag ----------------------------------------------------------------------------------
def member_tags(asked: Asked) -> QuerySet[Any]:
    rows = MemberTag.objects.select_related("member", "tag")
    if asked.user is None or asked.user.reach == "group":
        return rows
    return rows.filter(member__in=visible_members(asked))


USES = {
    "living": _("In the registry"),
    "dead": _("Dead: expired or carried by nobody"),
    "merged": _("Merged"),
}


def _use(rows: QuerySet[Any], value: str, asked: Asked) -> QuerySet[Any]:
    living = Tag.objects.living()
    match value:
        case "living":
            return rows.filter(tag__in=living)
        case "dead":
            return rows.filter(tag__in=dead_tags(timezone.localdate(asked.now)))
        case "merged":
            return rows.filter(tag__in=Tag.objects.exclude(merged_into=None))
    return rows


TAGS = ExportKind(
    name="tags",
    title=_("Tag lists"),
    permission=EXPORT,
    rows=member_tags,
    columns=lambda asked: {**columns_of(TagListResource), **TAG_MORE},
    criteria={
        "use": Criterion(_("use"), _use, lambda value, user: str(USES.get(value, value))),
        "group": choice(_("group"), "tag__group"),
        "q": Criterion(_("Search"), lambda rows, value, asked: _tags_named(rows, value)),
    },
    usual=TAG_LIST_COLUMNS,
    dress=lambda rows, asked: exporting.carried(rows),
    # The key is the member, and old members get new tags.
    until=lambda rows, asked: rows.filter(at__lte=asked.now),
    whole_permission=UNMASK,
)


def _tags_named(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Every word in the name or the group, as the list searches."""
    for word in text.split():
        rows = rows.filter(Q(tag__name__icontains=word) | Q(tag__group__icontains=word))
    return rows


# --- Purchases ----------------------------------------------------------------------------------------------
def purchases(asked: Asked) -> QuerySet[Any]:
    rows = Purchase.objects.select_related("member", "store__brand")
    if asked.user is None or asked.user.reach == "group":
        return rows
    return rows.filter(store__in=Store.objects.visible_to(asked.user))


PURCHASES = ExportKind(
    name="purchases",
    title=_("Purchases"),
    permission="members.export_purchase",
    rows=purchases,
    columns=lambda asked: columns_of(PurchaseResource),
    criteria={
        "channel__exact": choice(_("channel"), "channel", Channel.choices),
        "order_type__exact": choice(_("order type"), "order_type", OrderType.choices),
        "q": Criterion(_("Search"), lambda rows, value, asked: rows.filter(receipt_no=value.strip())),
    },
)


def register_all() -> None:
    for kind in (MEMBERS, TAGS, PURCHASES):
        register(kind)
