"""A small shop in which every admin has a row to show."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import ApiKeyKind, ApiScope, LoginEventKind, Reach, Role
from backoffice.models import (
    ApiKey,
    Brand,
    Export,
    Heartbeat,
    ImportBatch,
    OutboxMessage,
    Store,
    User,
    WebhookDelivery,
    WebhookSubscription,
)
from backoffice.services import api_keys, audit, sign_in
from backoffice.services.alarms import raise_alarm
from backoffice.visits import Visit
from campaigns.models import GiftTaken, Grant, TillItem
from members.models import Member, MembershipTerms, MemberTag, Purchase, Tag
from members.services import sessions
from points.choices import EntryKind
from points.models import Account, Adjustment, CorrectionLimit, Entry, Hold, Program, Proof
from points.postings import Source
from points.services import corrections, ledger
from tests.factories.backoffice import BrandFactory, JobFactory, StoreFactory, UserFactory
from tests.factories.campaigns import GiftFactory
from tests.factories.members import (
    ConsentFactory,
    MemberFactory,
    MemberNoteFactory,
    ProfileFieldRuleFactory,
    PurchaseFactory,
    StaffCardFactory,
)
from tests.factories.points import ProgramFactory, context


@dataclass
class Shop:
    """One brand with a store, staff of every role, one member with points, and one of each other row."""

    brand: Brand
    store: Store
    member: Member
    program: Program
    account: Account
    earned: Entry
    spent: Entry
    waiting: Adjustment
    hold: Hold
    purchase: Purchase
    staff: dict[str, User]
    root: User

    def client(self, name: str) -> Client:
        """A browser signed in as that role, or as `root`."""
        client = Client()
        client.force_login(self.root if name == "root" else self.staff[name])
        return client


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    """The overview keeps its sums in the cache; tests must not see each other's."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def shop(db: Any) -> Shop:
    brand = BrandFactory(code="shuke", name="熟客百貨")
    store = StoreFactory(brand=brand, code="TPE01", name="信義店")
    staff = {
        role.value: UserFactory(username=role.value, name=f"員工{number}", role=role)
        for number, role in enumerate(Role)
    }
    root = UserFactory(username="root", name="站長", is_superuser=True)
    member = MemberFactory(name="王小明", phone="+886912345678", joined_store=store)
    program = ProgramFactory(code="main", name="熟客點", is_default=True)
    account_id = ledger.open_account(member_id=member.pk, program_id=program.pk, now=timezone.now())
    purchase = PurchaseFactory(member=member, store=store, receipt_no="R0000000001", with_line=True)
    earned, spent = _entries(account_id, store, purchase)
    hold = ledger.hold(
        account_id=account_id,
        points=10,
        source=Source("till", "hold-1"),
        expires_at=timezone.now() + timedelta(hours=1),
        context=context(now=timezone.now()),
    )
    waiting = corrections.correct(
        account_id=account_id,
        points=5000,
        reason="goodwill",
        note="補償",
        key="waiting-1",
        actor=Actor.staff(staff["support"]),
        now=timezone.now(),
    )
    _traces(root, member)
    _told_by_tills_and_partners(store, member)
    _gifts_and_terms(program, member, earned)
    ProfileFieldRuleFactory(brand=brand)
    ConsentFactory(member=member)
    _tag(member)
    MemberNoteFactory(member=member, author=staff["support"], text="請勿於晚上來電")
    StaffCardFactory(user=staff["clerk"], member=MemberFactory(name="林店員"))
    return Shop(
        brand=brand,
        store=store,
        member=member,
        program=program,
        account=Account.objects.get(pk=account_id),
        earned=earned,
        spent=spent,
        waiting=Adjustment.objects.get(pk=waiting.adjustment_id),
        hold=Hold.objects.get(pk=hold.hold_id),
        purchase=purchase,
        staff=staff,
        root=root,
    )


def _gifts_and_terms(program: Program, member: Member, entry: Entry) -> None:
    gift = GiftFactory(program=program, name="熟客")
    GiftTaken.objects.create(
        gift=gift, program=program, matter="welcome", phone_seal="0" * 64, member=member, points=200,
        entry=entry, at=timezone.now(),
    )  # fmt: skip
    Grant.objects.create(
        brand=Brand.objects.get(), number="R0000000002", key=ApiKey.objects.get(), account=entry.account,
        points=200, service="partner", told="0" * 64, occurred_at=timezone.now(), created_at=timezone.now(),
        status="posted", entry=entry,
    )  # fmt: skip
    MembershipTerms.objects.create(version="0", effective_from=timezone.now(), must_accept=False)


def _entries(account_id: int, store: Store, purchase: Purchase) -> tuple[Entry, Entry]:
    now = timezone.now()
    explanation = {
        "rule": "earn_by_amount", "program": "main", "version": 1, "base": "1000.00", "unit": "1.00",
        "unit_points": 1, "rounding": "floor", "units": 1000, "points": 1000,
    }  # fmt: skip
    earned = ledger.credit(
        account_id=account_id,
        kind=EntryKind.EARN,
        points=1000,
        source=Source("purchase", str(purchase.pk)),
        expires_at=now + timedelta(days=365),
        context=context(now=now, store_id=store.pk, explanation=explanation),
    )
    spent = ledger.spend(
        account_id=account_id,
        points=200,
        source=Source("redemption", "1"),
        context=context(now=now, store_id=store.pk),
    )
    return Entry.objects.get(pk=earned.entry_id), Entry.objects.get(pk=spent.entry_id)


def _told_by_tills_and_partners(store: Store, member: Member) -> None:
    now = timezone.now()
    TillItem.objects.create(
        store=store, key=ApiKey.objects.get(), kind="redemption", number="#1/1", about="H1",
        member=member, reason="conflict", code="insufficient_points", detail="",
        payload={"hold_no": "H1", "amount": "100.00", "points": 60, "program": ""}, fingerprint="0" * 64,
        occurred_at=now, received_at=now, state="waiting",
    )  # fmt: skip
    receiver = WebhookSubscription.objects.create(
        name="partner",
        url="https://partner.example/hook",
        events=["points.changed"],
        nonce="0",
        created_at=now,
    )
    WebhookDelivery.objects.create(
        subscription=receiver, message=OutboxMessage.objects.order_by("pk").first(), event="points.changed",
        subject="account:1", body="{}", state="dead", created_at=now, retried_since=now, due_at=now,
    )  # fmt: skip


def _tag(member: Member) -> None:
    now = timezone.now()
    tag = Tag.objects.create(name="奶茶控", group="喜好", definition="買過兩次以上", created_at=now)
    MemberTag.objects.create(member=member, tag=tag, origin="import", origin_id=1, at=now)


def _traces(root: User, member: Member) -> None:
    now = timezone.now()
    JobFactory(owner=root)
    ImportBatch.objects.create(
        kind="members",
        state="applied",
        file_name="名單",
        file_size=9,
        file_hash="0" * 64,
        owner=root,
        created_at=now,
    )
    Export.objects.create(
        key="export-1", kind="members", columns=["card_no"], language="zh-hant", folder="0" * 32, owner=root,
        rows=1, created_at=now, ready_at=now, removed_at=now,
    )  # fmt: skip
    Heartbeat.objects.create(name="scheduler", at=now)
    OutboxMessage.objects.create(topic="test", subject_id=1)
    # Tests with real commits empty this table, too.
    CorrectionLimit.objects.get_or_create(role="")
    Proof.objects.create(started_at=now, finished_at=now, checks=9, entries=2, faults=0)
    raise_alarm(
        kind="points.inflation", subject="main", key="alarm-1", actor=Actor.job("test"), now=now,
        facts={"program": "main", "issued": 1000, "redeemed": 200, "limit": "3.00", "days": 90},
    )  # fmt: skip
    api_keys.issue(
        kind=ApiKeyKind.STAFF, name="script", scopes=[ApiScope.REPORTS_READ], owner=root,
        actor=Actor.staff(root), now=now,
    )  # fmt: skip
    sessions.open_session(
        member=member, device_id="device-of-the-tests", device_name="iPhone", actor=Actor.job("test"), now=now
    )
    sign_in.note(kind=LoginEventKind.SIGNED_IN, user=root, visit=Visit("203.0.113.7"), now=now)
    with transaction.atomic():
        audit.record(
            actor=Actor.staff(root),
            action="member.change_profile",
            subject=member,
            changes={"county": ["", "臺北市"]},
            now=now,
        )


@pytest.fixture
def other_store_clerk(shop: Shop) -> User:
    """A clerk of another brand: the shop's own rows are none of his business."""
    elsewhere = StoreFactory(brand=BrandFactory(code="other", name="別家"), code="KHH01")
    return UserFactory(username="elsewhere", role=Role.CLERK, stores=[elsewhere], reach=Reach.STORES)


@pytest.fixture
def as_role(shop: Shop) -> Callable[[str], Client]:
    return shop.client


@pytest.fixture
def regenerate(request: pytest.FixtureRequest) -> bool:
    """Whether the tables of this folder are written anew: `REGENERATE=1 pytest tests/admin`."""
    return os.environ.get("REGENERATE") == "1"
