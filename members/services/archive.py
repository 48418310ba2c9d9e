"""What members put into an archive, and how it comes back: people, replaced cards, consents, tags.

Everybody is brought back as active, so that the ledger serves him while his lots are booked; what he really
is (frozen, merged, erased) is set at the end. The times and the source of a row are those of the archive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from backoffice.models import User
from backoffice.services.exports import archive
from backoffice.services.exports.archive import ArchiveFile, Restorer, Restoring, Row, text_of
from backoffice.services.exports.everything import brands_by_code, flag, store_word, stores_by_word
from members.choices import MemberStatus
from members.models import Consent, Member, MemberTag, RetiredCard, Tag, TagName
from members.tag_names import BETWEEN, slug_of

PLAIN = (
    "card_no", "external_id", "phone", "name", "gender", "email", "county", "district", "address", "source",
)  # fmt: skip
MEMBER_HEADS = (
    *PLAIN, "birthday", "phone_verified_at", "joined_at", "referring_store_locked", "brand", "joined_store",
    "referring_store", "status", "merged_into", "erased_at",
)  # fmt: skip
TAG_HEADS = ("name", "group", "definition", "expires_on", "created_at", "owner", "names", "merged_into")
CARRIED_HEADS = ("card_no", "tag", "origin", "origin_id", "at")
CONSENT_HEADS = ("card_no", "purpose", "given", "version", "source", "at")
RETIRED_HEADS = ("card_no", "member", "retired_at", "reason")


# --- Out ----------------------------------------------------------------------------------------------------
def _members() -> Iterator[Sequence[str]]:
    related = ("brand", "joined_store__brand", "referring_store__brand", "merged_into")
    rows = Member.objects.select_related(*related).order_by("pk")
    for member in rows.iterator(chunk_size=archive.CHUNK):
        yield [
            *(str(getattr(member, name)) for name in PLAIN),
            text_of(member.birthday),
            text_of(member.phone_verified_at),
            text_of(member.joined_at),
            text_of(member.referring_store_locked),
            member.brand.code if member.brand else "",
            store_word(member.joined_store),
            store_word(member.referring_store),
            member.status,
            member.merged_into.card_no if member.merged_into else "",
            text_of(member.erased_at),
        ]


def _tags() -> Iterator[Sequence[str]]:
    for tag in Tag.objects.select_related("owner", "merged_into").prefetch_related("names").order_by("pk"):
        yield [
            tag.name,
            tag.group,
            tag.definition,
            text_of(tag.expires_on),
            text_of(tag.created_at),
            tag.owner.username if tag.owner else "",
            BETWEEN.join(sorted(name.name for name in tag.names.all())),
            tag.merged_into.name if tag.merged_into else "",
        ]


def _carried() -> Iterator[Sequence[str]]:
    rows = MemberTag.objects.order_by("member_id", "tag_id").values_list(
        "member__card_no", "tag__name", "origin", "origin_id", "at"
    )
    for row in rows.iterator(chunk_size=archive.CHUNK):
        yield [text_of(value) for value in row]


def _consents() -> Iterator[Sequence[str]]:
    rows = Consent.objects.order_by("pk").values_list(
        "member__card_no", "purpose", "given", "version", "source", "at"
    )
    for row in rows.iterator(chunk_size=archive.CHUNK):
        yield [text_of(value) for value in row]


def _retired() -> Iterator[Sequence[str]]:
    rows = RetiredCard.objects.order_by("pk").values_list(
        "card_no", "member__card_no", "retired_at", "reason"
    )
    for row in rows.iterator(chunk_size=archive.CHUNK):
        yield [text_of(value) for value in row]


# --- Back ---------------------------------------------------------------------------------------------------
def moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _restore_members(rows: Sequence[Row], restoring: Restoring) -> None:
    brands, stores = brands_by_code(), stores_by_word()
    Member.objects.bulk_create(
        Member(
            **{name: row[name] for name in PLAIN if name != "phone"},
            # Of somebody who is merged the phone may be another's by now; he gets it back at the end.
            phone="" if row["status"] == MemberStatus.MERGED else row["phone"],
            birthday=date.fromisoformat(row["birthday"]) if row["birthday"] else None,
            phone_verified_at=moment(row["phone_verified_at"]),
            joined_at=datetime.fromisoformat(row["joined_at"]),
            referring_store_locked=flag(row["referring_store_locked"]),
            brand=brands[row["brand"]] if row["brand"] else None,
            joined_store=stores[row["joined_store"]] if row["joined_store"] else None,
            referring_store=stores[row["referring_store"]] if row["referring_store"] else None,
        )
        for row in rows
    )


def _restore_standing(rows: Sequence[Row], restoring: Restoring) -> None:
    """What members really are, once their lots are booked."""
    other = [row for row in rows if row["status"] != MemberStatus.ACTIVE]
    ids = ids_of([card for row in other for card in (row["card_no"], row["merged_into"]) if card])
    members = Member.objects.in_bulk([ids[row["card_no"]] for row in other])
    for row in other:
        member = members[ids[row["card_no"]]]
        member.status, member.phone = row["status"], row["phone"]
        member.merged_into_id = ids[row["merged_into"]] if row["merged_into"] else None
        member.erased_at = moment(row["erased_at"])
    Member.objects.bulk_update(
        members.values(), ["status", "phone", "merged_into", "erased_at"], batch_size=archive.CHUNK
    )


def ids_of(cards: Sequence[str]) -> dict[str, int]:
    """Member ids by card number. One that is missing is a fault of the archive: KeyError."""
    return dict(Member.objects.filter(card_no__in=set(cards)).values_list("card_no", "pk"))


def _restore_tags(rows: Sequence[Row], restoring: Restoring) -> None:
    owners = {
        user.username: user for user in User.objects.filter(username__in={row["owner"] for row in rows})
    }
    tags = Tag.objects.bulk_create(
        Tag(
            name=row["name"],
            group=row["group"],
            definition=row["definition"],
            expires_on=date.fromisoformat(row["expires_on"]) if row["expires_on"] else None,
            created_at=datetime.fromisoformat(row["created_at"]),
            owner=owners.get(row["owner"]),
        )
        for row in rows
    )
    TagName.objects.bulk_create(
        TagName(slug=slug_of(name), name=name, tag=tag)
        for tag, row in zip(tags, rows, strict=True)
        for name in row["names"].split(BETWEEN)
        if name
    )


def _restore_merged_tags(rows: Sequence[Row], restoring: Restoring) -> None:
    merged = {row["name"]: row["merged_into"] for row in rows if row["merged_into"]}
    tags = {tag.name: tag for tag in Tag.objects.filter(name__in={*merged, *merged.values()})}
    for name, into in merged.items():
        tags[name].merged_into = tags[into]
    Tag.objects.bulk_update([tags[name] for name in merged], ["merged_into"])


def _restore_carried(rows: Sequence[Row], restoring: Restoring) -> None:
    """The number of a colleague or a file means nothing in another house: only the kind of origin stays."""
    ids = ids_of([row["card_no"] for row in rows])
    tags = dict(Tag.objects.filter(name__in={row["tag"] for row in rows}).values_list("name", "pk"))
    MemberTag.objects.bulk_create(
        MemberTag(
            member_id=ids[row["card_no"]],
            tag_id=tags[row["tag"]],
            origin=row["origin"],
            at=datetime.fromisoformat(row["at"]),
        )
        for row in rows
    )


def _restore_consents(rows: Sequence[Row], restoring: Restoring) -> None:
    ids = ids_of([row["card_no"] for row in rows])
    Consent.objects.bulk_create(
        Consent(
            member_id=ids[row["card_no"]],
            purpose=row["purpose"],
            given=flag(row["given"]),
            version=row["version"],
            source=row["source"],
            at=datetime.fromisoformat(row["at"]),
        )
        for row in rows
    )


def _restore_retired(rows: Sequence[Row], restoring: Restoring) -> None:
    ids = ids_of([row["member"] for row in rows])
    RetiredCard.objects.bulk_create(
        RetiredCard(
            card_no=row["card_no"],
            member_id=ids[row["member"]],
            retired_at=datetime.fromisoformat(row["retired_at"]),
            reason=row["reason"],
        )
        for row in rows
    )


def register_all() -> None:
    archive.register_contents(lambda: Member.objects.exists() or Tag.objects.exists())
    for file in (
        ArchiveFile("tags.csv", TAG_HEADS, _tags),
        ArchiveFile("members.csv", MEMBER_HEADS, _members),
        ArchiveFile("retired_cards.csv", RETIRED_HEADS, _retired),
        ArchiveFile("consents.csv", CONSENT_HEADS, _consents),
        ArchiveFile("member_tags.csv", CARRIED_HEADS, _carried),
    ):
        archive.register_file(file)
    for restorer in (
        Restorer("tags.csv", 30, _restore_tags),
        Restorer("tags.csv", 31, _restore_merged_tags),
        Restorer("members.csv", 40, _restore_members),
        Restorer("retired_cards.csv", 41, _restore_retired),
        Restorer("consents.csv", 42, _restore_consents),
        Restorer("member_tags.csv", 43, _restore_carried),
        Restorer("members.csv", 80, _restore_standing),
    ):
        archive.register_restorer(restorer)
