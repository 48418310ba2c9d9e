"""What goes out comes back in: the desk finds nothing to change, and a masked file can change nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from backoffice.choices import Role
from backoffice.models import User
from members.models import Member, MemberTag, Tag, TagName
from tests.conftest import NOON
from tests.exports.desk import content, made, table
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import ConsentFactory, MemberFactory
from tests.imports import desk

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


@pytest.fixture
def support(db: Any, settings: Any) -> User:
    settings.STAFF_SECOND_FACTOR_REQUIRED = False
    return UserFactory(role=Role.SUPPORT)


@pytest.fixture
def people(db: Any) -> None:
    store = StoreFactory(brand=BrandFactory(), code="TPE01")
    tag = Tag.objects.create(name="奶茶控", group="喜好", definition="買過", created_at=NOON)
    TagName.objects.create(slug="奶茶控", name="奶茶控", tag=tag)
    for n, gender in enumerate(("female", "male", "other", "")):
        member = MemberFactory(
            name="=王小明" if n else "林美", external_id=f"H{n}", gender=gender,
            birthday=date(1990, 1, n + 1),
            # Half past midnight in Taipei is the day before in UTC; members join at all hours.
            joined_at=datetime(2024, 5, 1, 16 + n, 30, tzinfo=UTC), email=f"w{n}@example.com",
            county="臺北市", district="信義區", address="市府路 45 號", referring_store=store if n else None,
        )  # fmt: skip
        for channel in ("store", "paper", "app", "line", "web", "import")[n:]:
            ConsentFactory(member=member, purpose="marketing_sms", given=bool(n % 2), source=channel)
        MemberTag.objects.create(member=member, tag=tag, origin="staff", at=NOON)
    MemberFactory(phone="+16505550123", name="", joined_at=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("language", ["en", "zh-hant"])
@pytest.mark.parametrize("form", ["csv", "xlsx", "big5"])
@pytest.mark.parametrize("key", ["phone", "card_no"])
def test_members_come_back_unchanged(key: str, form: str, language: str, people: None, support: User) -> None:
    export = made("members", support, format=form, whole=True, reason="往返", language=language)
    assert export.rows == 5
    name = "members.xlsx" if form == "xlsx" else "members.csv"
    before = list(Member.objects.order_by("pk").values())
    policy = {"key": key, "empty": "clear", "foreign": "take"}
    batch = desk.check(content(export), name=name, policy=policy, now=LATER)
    assert desk.outcomes(batch) == [(line, "same", "") for line in range(2, 7)], batch.problem
    assert list(Member.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_tags_come_back_unchanged(form: str, people: None, support: User) -> None:
    export = made("tags", support, format=form, whole=True, reason="往返")
    batch = desk.check(
        content(export), kind="tags", name=f"tags.{'xlsx' if form == 'xlsx' else 'csv'}", now=LATER
    )
    assert {outcome for _line, outcome, _fault in desk.outcomes(batch)} == {"same"}


def test_a_day_of_the_file_that_differs_is_a_change(people: None, support: User) -> None:
    export = made("members", support, columns=["phone", "joined_at"], whole=True, reason="往返")
    head, *rows = table(export)
    lines = [f"{row[0]},2024-05-09" for row in rows[:1]]
    batch = desk.check(desk.csv_of(*lines, head=",".join(head)), now=LATER)
    assert [outcome for _line, outcome, _fault in desk.outcomes(batch)] == ["changed"]


@pytest.mark.parametrize("language", ["en", "zh-hant"])
@pytest.mark.parametrize("key", ["external_id", "card_no"])
def test_a_masked_file_can_change_nothing(key: str, language: str, people: None) -> None:
    """Its personal columns are no fields to an import: no mask ever becomes somebody's name."""
    export = made("members", UserFactory(role=Role.MARKETER), language=language)
    batch = desk.check(content(export), policy={"key": key}, ignore=None, now=LATER)
    fields = dict(zip(batch.layout["heads"], batch.layout["fields"], strict=True))
    masked = [field for head, field in fields.items() if "masked" in head or "遮蔽" in head]
    assert masked == [""] * 5
    wanted = {"same"} if key == "card_no" else {"same", "error"}
    assert {outcome for _line, outcome, _fault in desk.outcomes(batch)} == wanted
