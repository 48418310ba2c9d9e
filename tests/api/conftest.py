"""The API as its clients see it: through the whole HTTP stack, with real tokens and keys."""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from structlog.stdlib import ProcessorFormatter

from backoffice.actors import Actor
from backoffice.api.rate_limits import LIMITER
from backoffice.choices import ApiKeyKind, ApiScope, Role
from backoffice.models import Brand, Store, User
from backoffice.services import api_keys, outbox
from members.models import Member, MemberSession, OneTimeCode
from members.services import sessions
from members.services.secrets_of_rows import code_of
from members.services.text_messages import FakeSms
from points.models import Account, Program
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import ProgramFactory

KEYS = itertools.count(1)
DEVICE = "device-of-the-tests-1"
HOUSE = Actor.job("test")
V1 = "/api/v1"


class Api:
    """A client of the API. Each write gets a new Idempotency-Key unless it is told one (None: none)."""

    def __init__(self, token: str = "", address: str = "198.51.100.7") -> None:
        self.token = token
        self.address = address
        self.http = Client(raise_request_exception=True)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        key: str | None = "new",
        content_type: str = "application/json",
        **headers: str,
    ) -> Any:
        sent = {"Accept-Language": "en", **{name.replace("_", "-"): text for name, text in headers.items()}}
        if self.token and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.token}"
        if key is not None and method not in ("GET", "HEAD", "OPTIONS", "TRACE"):
            sent["Idempotency-Key"] = f"key-{next(KEYS)}" if key == "new" else key
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        return self.http.generic(
            method, path if path.startswith("/api") else V1 + path, data, content_type, headers=sent,
            REMOTE_ADDR=self.address,
        )  # fmt: skip

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.call("POST", path, {} if body is None else body, **more)

    def patch(self, path: str, body: Any, **more: Any) -> Any:
        return self.call("PATCH", path, body, **more)

    def put(self, path: str, body: Any, **more: Any) -> Any:
        return self.call("PUT", path, body, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.call("DELETE", path, **more)


@dataclass
class House:
    """Two brands with a store each, two members, and one caller of every kind."""

    brand: Brand
    store: Store
    other_store: Store
    member: Member
    other: Member
    program: Program
    account: Account
    owner: User

    def as_member(self, member: Member | None = None, device: str = DEVICE) -> Api:
        return Api(self.session(member, device)[1].access)

    def session(
        self, member: Member | None = None, device: str = DEVICE
    ) -> tuple[MemberSession, sessions.Tokens]:
        opened = sessions.open_session(
            member=member or self.member,
            device_id=device,
            device_name="phone",
            actor=HOUSE,
            now=timezone.now(),
        )
        return opened, sessions.tokens_of(session_id=opened.pk, generation=1)

    def key(self, kind: ApiKeyKind = ApiKeyKind.TILL, **values: Any) -> api_keys.IssuedKey:
        bound = {
            ApiKeyKind.TILL: {"store": self.store},
            ApiKeyKind.PARTNER: {"brand": self.brand},
            ApiKeyKind.STAFF: {"owner": self.owner},
        }[kind]
        told = {"name": "test", "scopes": list(ApiScope), "actor": HOUSE, "now": timezone.now(), **bound}
        return api_keys.issue(kind=kind, **(told | values))


@pytest.fixture
def house(db: Any) -> House:
    from points.services import ledger

    brand = BrandFactory(code="shuke")
    store = StoreFactory(brand=brand, code="TPE01", name="信義店")
    other_store = StoreFactory(brand=BrandFactory(code="other"), code="KHH01")
    member = MemberFactory(phone="+886912345678", name="王小明", phone_verified_at=timezone.now())
    other = MemberFactory(phone="+886987654321", name="林小美", phone_verified_at=timezone.now())
    program = ProgramFactory(code="main", name="熟客點", is_default=True)
    account_id = ledger.open_account(member_id=member.pk, program_id=program.pk, now=timezone.now())
    return House(
        brand=brand,
        store=store,
        other_store=other_store,
        member=member,
        other=other,
        program=program,
        account=Account.objects.get(pk=account_id),
        owner=UserFactory(role=Role.MANAGER, stores=[store]),
    )


class Heard(logging.Handler):
    """What goes into the log, as it is written."""

    def __init__(self) -> None:
        super().__init__()
        written = [handler.formatter for handler in logging.root.handlers]
        self.setFormatter(next(one for one in written if isinstance(one, ProcessorFormatter)))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


TIMES = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+")
PEOPLE = re.compile(r"(?<!\d)(?:\+?886|0)9\d{8}(?!\d)|(?<!\d)09\d\d-\d{3}-\d{3}(?!\d)|\bsk[kmrtu]_[\w\-]{8,}")


def nobody_may_read(lines: list[str], texts: list[str]) -> list[str]:
    """The lines of a log that hold a phone, a token, or the code of a text message (T34)."""
    codes = [code for text in texts for code in re.findall(r"(?<!\d)\d{6}(?!\d)", text)]
    wrong = re.compile("|".join([PEOPLE.pattern, *(rf"(?<![\w.]){code}(?!\w)" for code in codes)]))
    return [line for line in lines if wrong.search(TIMES.sub("", line))]


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """What a process keeps in memory belongs to no other test, and its log to everybody who may read logs."""
    LIMITER.clear()
    FakeSms.sent.clear()
    cache.clear()
    heard = Heard()
    logging.root.addHandler(heard)
    yield
    logging.root.removeHandler(heard)
    assert nobody_may_read(heard.lines, [message.text for message in FakeSms.sent]) == []
    LIMITER.clear()
    FakeSms.sent.clear()


@pytest.fixture
def regenerate() -> bool:
    """Whether the files beside the tests are written anew: `REGENERATE=1 pytest tests/api`."""
    return os.environ.get("REGENERATE") == "1"


def deliver() -> list[str]:
    """Send what waits in the outbox; the texts that left."""
    before = len(FakeSms.sent)
    outbox.relay(now=timezone.now())
    return [message.text for message in FakeSms.sent[before:]]


def code_for(challenge: str) -> str:
    """The code that was sent for a challenge, drawn again."""
    return code_of(OneTimeCode.objects.get(challenge=challenge).nonce)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def ask_code(api: Api, phone: str = "0912-345-678") -> str:
    """Ask for a code to enter with; the challenge."""
    answer = api.post("/codes", {"phone": phone})
    assert answer.status_code == 202, answer.content
    return str(answer.json()["challenge_id"])


def forget_limits() -> None:
    """As if nobody had asked for anything yet."""
    from backoffice.models import LimitCounter

    LimitCounter.objects.all().delete()


def later(moment: datetime, **delta: float) -> datetime:
    return moment + timedelta(**delta)


Race = Callable[[list[Callable[[], Any]]], list[Any]]
