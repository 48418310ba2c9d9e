"""The real shopping data, end to end with exact counts: members, the same in Big5, tags in three shapes."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.models import Brand
from members.choices import Channel
from members.csv_files import read_csv
from members.models import Consent, Member, MemberTag, Tag
from members.services.store_file import COLUMNS, load_stores
from tests.conftest import NOON
from tests.factories.backoffice import BrandFactory, UserFactory
from tests.imports.desk import ROBOT, bring, check, undo

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("SHUKE_REAL_DATA" not in os.environ, reason="SHUKE_REAL_DATA names no folder"),
]
NEW_TAGS = {"new_tags": "create", "tag_definition": "家戶問卷"}


def file(name: str) -> bytes:
    return (Path(os.environ["SHUKE_REAL_DATA"]) / name).read_bytes()


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory()
    with (Path(os.environ["SHUKE_REAL_DATA"]) / "stores.csv").open("rb") as stores:
        load_stores(rows=read_csv(stores, required=COLUMNS), brand=made, actor=ROBOT, now=NOON)
    return made


def test_members_come_in_are_recognised_in_big5_and_go_again(brand: Brand) -> None:
    batch = check(file("members.csv"))
    assert {name: batch.counts[name] for name in ("rows", "new")} == {"rows": 2469, "new": 2469}
    assert not {"error", "conflict", "duplicate", "changed"} & set(batch.counts)
    everybody = bring(file("members.csv"))
    assert (everybody.counts["done:applied"], Member.objects.count()) == (2469, 2469)
    assert Member.objects.filter(phone__startswith="+8869", source=Channel.IMPORT).count() == 2469
    assert Member.objects.exclude(birthday=None).exclude(referring_store=None).exists()
    assert not Consent.objects.exists()
    big5 = check(file("members_big5.csv"))
    assert (big5.layout["encoding"], big5.counts["rows"], big5.counts["same"]) == ("cp950", 500, 500)
    assert undo(everybody).counts["done:undone"] == 2469
    assert not Member.objects.exists()


def test_the_big5_file_alone_gives_the_same_500_people(brand: Brand) -> None:
    def people() -> set[tuple[object, ...]]:
        fields = ("external_id", "phone", "name", "gender", "birthday", "referring_store__code", "joined_at")
        return set(Member.objects.values_list(*fields))

    first = bring(file("members_big5.csv"))
    alone = people()
    assert (first.counts["done:applied"], len(alone)) == (500, 500)
    undo(first)
    bring(file("members.csv"))
    assert alone <= people()


def test_tags_in_long_form_in_one_cell_and_in_columns_are_the_same_tags(brand: Brand) -> None:
    bring(file("members.csv"))
    owner = UserFactory(role=Role.MARKETER)
    long = bring(file("tags.csv"), kind="tags", policy=NEW_TAGS, actor=Actor.staff(owner))
    assert (long.counts["rows"], long.counts["done:applied"]) == (3635, 3635)
    assert (MemberTag.objects.count(), Tag.objects.count()) == (3635, 27)
    assert not Tag.objects.exclude(owner=owner, definition="家戶問卷").exists()
    assert check(file("tags.csv"), kind="tags").counts["same"] == 3635
    carried = set(MemberTag.objects.values_list("member_id", "tag_id"))
    people = len({member for member, _tag in carried})
    assert undo(long).counts["done:undone"] == 3635
    assert not MemberTag.objects.exists() and Tag.objects.count() == 27
    for shape in (_listed, _wide):
        batch = bring(shape(file("tags.csv")), kind="tags")
        assert (batch.counts["rows"], batch.counts["done:applied"]) == (people, people)
        assert set(MemberTag.objects.values_list("member_id", "tag_id")) == carried
        assert undo(batch).counts["done:undone"] == people
        assert not MemberTag.objects.exists()


def _of(content: bytes) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = {}
    for phone, tag in list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))[1:]:
        tags.setdefault(phone, []).append(tag)
    return tags


def _listed(content: bytes) -> bytes:
    lines = [f"{phone},{'、'.join(tags)}" for phone, tags in _of(content).items()]
    return "\r\n".join(["手機,標籤", *lines]).encode("utf-8-sig")


def _wide(content: bytes) -> bytes:
    names = sorted({tag for tags in _of(content).values() for tag in tags})
    lines = [
        ",".join([phone, *("✓" if name in tags else "" for name in names)])
        for phone, tags in _of(content).items()
    ]
    return "\r\n".join([",".join(["手機", *names]), *lines]).encode("utf-8-sig")
