"""One box for everything that a customer says or a scanner reads."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.actors import Actor
from backoffice.choices import Reach
from members.cards import new_card_no
from members.errors import NoSuchCard
from members.models import Member
from members.selectors import Kind, find_members, member_of_card, members_per_referring_store
from members.services.card_numbers import replace_card
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import JOINED, MemberFactory


@pytest.fixture
def wang(db: None) -> Member:
    return MemberFactory(
        phone="+886912345678",
        name="王小明",
        card_no="9000000000123456",
        email="wang@example.com",
        external_id="H00001",
    )


@pytest.mark.parametrize(
    ("text", "kind", "normalised"),
    [
        ("0912345678", Kind.PHONE, "+886912345678"),
        ("0912-345-678", Kind.PHONE, "+886912345678"),
        ("+886 912 345 678", Kind.PHONE, "+886912345678"),
        ("０９１２３４５６７８", Kind.PHONE, "+886912345678"),
        ("912345678", Kind.PHONE, "+886912345678"),
        ("678", Kind.LAST_DIGITS, "678"),
        ("345-678", Kind.LAST_DIGITS, "345678"),
        ("3456", Kind.LAST_DIGITS, "3456"),
        ("9000000000123456", Kind.CARD, "9000000000123456"),
        ("9000 0000 0012 3456\n", Kind.CARD, "9000000000123456"),
        ("WANG@Example.com", Kind.EMAIL, "wang@example.com"),
        ("H00001", Kind.EXTERNAL_ID, "H00001"),
        ("王小明", Kind.NAME, "王小明"),
        ("小明", Kind.NAME, "小明"),
        ("王", Kind.NAME, "王"),
    ],
)
def test_every_way_to_ask_for_one_member(wang: Member, text: str, kind: Kind, normalised: str) -> None:
    MemberFactory(phone="+886987111222", name="陳大文", card_no="9000000000999999")
    result = find_members(text=text, user=UserFactory())
    assert (result.kind, result.normalised) == (kind, normalised)
    assert result.members == [wang]
    assert not result.more


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", Kind.NOTHING),
        ("  ", Kind.NOTHING),
        ("12", Kind.TOO_SHORT),
        ("明", Kind.NAME),
        ("0987654321", Kind.PHONE),
        ("000", Kind.LAST_DIGITS),
        ("%", Kind.NAME),
        ("王%明", Kind.NAME),
        ("小_", Kind.NAME),
        ("'; DROP TABLE", Kind.NAME),
        ("\x00", Kind.NOTHING),
        ("@", Kind.EMAIL),
    ],
)
def test_what_finds_nobody(wang: Member, text: str, kind: Kind) -> None:
    result = find_members(text=text, user=UserFactory())
    assert (result.kind, result.members) == (kind, [])


def test_names_of_any_case_and_foreign_ones(db: None) -> None:
    member = MemberFactory(name="Maria dela Cruz")
    for text in ("maria", "CRUZ", "dela cruz", "M", "m"):
        assert find_members(text=text, user=UserFactory()).members == [member]


def test_fifty_and_a_word_that_there_are_more(db: None) -> None:
    made = MemberFactory.create_batch(52, name="陳怡君")
    result = find_members(text="怡君", user=UserFactory())
    assert len(result.members) == 50
    assert result.more
    assert {member.pk for member in result.members} <= {member.pk for member in made}


def test_a_common_given_name_is_one_short_question(db: None) -> None:
    """The index of bigrams would count every namesake first; the end of the name stops at fifty-one."""
    MemberFactory.create_batch(51, name="陳怡君")
    user = UserFactory(reach=Reach.GROUP)
    with CaptureQueriesContext(connection) as captured:
        find_members(text="怡君", user=user)
    (asked,) = [query["sql"] for query in captured.captured_queries]
    assert "REVERSE" in asked
    assert "bigrams" not in asked


def test_two_characters_are_found_wherever_they_stand(db: None) -> None:
    names = ["陳怡君", "怡君", "怡君子", "歐怡君子", "ＡＢ怡君", "君怡陳"]
    for name in names:
        MemberFactory(name=name)
    result = find_members(text="怡君", user=UserFactory())
    assert sorted(member.name for member in result.members) == sorted(names[:-1])


def test_a_number_of_the_old_system_may_be_chinese(db: None) -> None:
    member = MemberFactory(name="陳大文", external_id="舊會員一")
    result = find_members(text="舊會員一", user=UserFactory())
    assert (result.kind, result.members) == (Kind.EXTERNAL_ID, [member])
    MemberFactory(name="HA0001 Lin")
    numbered = MemberFactory(name="陳小文", external_id="HA0001")
    assert find_members(text="HA0001", user=UserFactory()).members == [numbered]


class TestMerged:
    def test_every_trace_leads_to_the_survivor(self, wang: Member) -> None:
        middle = MemberFactory(status="merged", merged_into=wang, name="舊資料")
        first = MemberFactory(status="merged", merged_into=middle, name="更舊資料", phone="+886955666777")
        user = UserFactory()
        for text in ("舊資料", "0955666777", first.card_no, middle.card_no[-6:]):
            assert find_members(text=text, user=user).members == [wang], text
        assert member_of_card(card_no=first.card_no, user=user) == wang

    def test_a_survivor_of_another_brand_stays_unseen(self, db: None) -> None:
        brand = BrandFactory()
        survivor = MemberFactory(brand=brand)
        MemberFactory(status="merged", merged_into=survivor, phone="+886955666777")
        user = UserFactory(reach=Reach.BRAND, brand=BrandFactory())
        assert find_members(text="0955666777", user=user).members == []


class TestScope:
    @pytest.fixture
    def members(self, db: None) -> dict[str, Member]:
        ours, theirs = BrandFactory(code="ours"), BrandFactory(code="theirs")
        return {
            "group": MemberFactory(name="陳群組", brand=None),
            "ours": MemberFactory(name="陳我們", brand=ours),
            "theirs": MemberFactory(name="陳他們", brand=theirs),
        }

    def seen(self, **user: Any) -> list[str]:
        return sorted(member.name for member in find_members(text="陳", user=UserFactory(**user)).members)

    def test_a_brands_clerk_sees_the_group_and_his_own(self, members: dict[str, Member]) -> None:
        brand = members["ours"].brand
        expected = sorted(["陳群組", "陳我們"])
        assert self.seen(reach=Reach.BRAND, brand=brand) == expected
        assert self.seen(stores=[StoreFactory(brand=brand)]) == expected
        assert self.seen(reach=Reach.GROUP) == sorted([*expected, "陳他們"])

    def test_no_stores_see_nobody(self, members: dict[str, Member]) -> None:
        assert self.seen(reach=Reach.STORES) == []
        assert self.seen(is_active=False) == []

    def test_every_kind_is_scoped(self, members: dict[str, Member]) -> None:
        theirs = members["theirs"]
        Member.objects.filter(pk=theirs.pk).update(email="t@example.com", external_id="T-1")
        user = UserFactory(reach=Reach.BRAND, brand=members["ours"].brand)
        for text in (theirs.phone, theirs.phone[-6:], theirs.card_no, "t@example.com", "T-1", theirs.name):
            assert find_members(text=text, user=user).members == [], text
        with pytest.raises(NoSuchCard):
            member_of_card(card_no=theirs.card_no, user=user)

    def test_referrals_are_counted_in_reach(self, members: dict[str, Member], now: datetime) -> None:
        store = StoreFactory(brand=members["ours"].brand)
        Member.objects.update(referring_store=store)
        user = UserFactory(reach=Reach.BRAND, brand=store.brand)
        rows = members_per_referring_store(user=user, since=JOINED, until=now)
        assert [(row["referring_store__code"], row["members"]) for row in rows] == [(store.code, 2)]
        assert not members_per_referring_store(user=user, since=now, until=now)


def test_a_replaced_card_is_named_and_finds_nobody(wang: Member, now: datetime) -> None:
    old = wang.card_no
    replace_card(member=wang, expected_card_no=old, reason="lost", actor=Actor.job("tests"), now=now)
    result = find_members(text=old, user=UserFactory())
    assert (result.kind, result.members) == (Kind.REPLACED_CARD, [])


@pytest.fixture
def thousands(db: None) -> None:
    rng = random.Random(11)
    surnames, given = "王李張劉陳楊黃趙周吳", "明華美玲志豪怡君建宏雅婷家豪"
    Member.objects.bulk_create(
        Member(
            card_no=new_card_no(rng),
            phone=f"+8869{number:08d}",
            name=rng.choice(surnames) + "".join(rng.sample(given, 2)),
            email=f"m{number}@example.com",
            external_id=f"H{number:06d}",
            joined_at=JOINED,
        )
        for number in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE members_member")


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("0900001234", "member_phone_"),
        ("001234", "member_phone_backwards member_card_backwards member_external_id_once"),
        ("9000000000123456", "card_no member_external_id_once"),
        ("m77@example.com", "member_email"),
        ("H000077", "member_external_id_once"),
        ("志豪", "member_name_bigrams member_name_backwards"),
        ("陳志豪", "member_name_bigrams"),
        ("瑪", "member_name_prefix"),
    ],
)
def test_each_kind_has_its_index(thousands: None, text: str, index: str) -> None:
    """With sequential scans forbidden no plan falls back to one, and each named index is in some plan."""
    user = UserFactory(reach=Reach.BRAND, brand=BrandFactory())
    with CaptureQueriesContext(connection) as captured:
        find_members(text=text, user=user)
    plans = ""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in captured.captured_queries:
            if query["sql"].startswith("SELECT") and '"members_member"' in query["sql"]:
                cursor.execute(f"EXPLAIN {query['sql']}")
                plans += "\n".join(row[0] for row in cursor.fetchall()) + "\n"
    assert "Seq Scan on members_member" not in plans
    assert [name for name in index.split() if name not in plans] == [], plans
