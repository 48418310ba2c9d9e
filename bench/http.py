"""G5: the API over HTTP, two gunicorn workers under production's settings, beside DRF's stock way."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench import loads, people
from bench.errors import CannotMeasure
from bench.findings import Finding, interleave
from bench.loads import Load
from bench.roles import ROLE
from bench.scratch import Lab

START_SECONDS = 60.0
WHOS = 2_000
# Members who look at their balance, again and again: a process takes their minute in portions of fifty.
LOOKERS = 200
# A till posts one receipt after the other: its day's points are one counter.
TILLS = 40
# A backend's points of the day are one counter as well, and it has one key for all that it sends.
PARTNERS = 8
LINES = 5
# Behind a proxy that ended TLS, as in production; anything else is led to https.
COMMON = {"X-Forwarded-Proto": "https", "Accept-Language": "zh-TW"}
WORKERS = [
    "--workers", "2", "--worker-class", "config.web_worker.Worker", "--threads", "2", "--timeout", "60",
    "--no-control-socket", "--log-level", "error",
]  # fmt: skip


@dataclass(frozen=True)
class Callers:
    """Who asks: a stock token, ids of accounts, members' tokens, keys of tills and of partners, cards."""

    stock: str
    accounts: list[str]
    members: list[str]
    tills: list[str]
    partners: list[str]
    cards: list[str]


def environment(url: str, **more: str) -> dict[str, str]:
    """What the server is started with: production, with limits that a measurement does not reach."""
    return {
        **os.environ,
        "DATABASE_URL": url,
        "DATABASE_ROLE": ROLE,
        "DJANGO_SETTINGS_MODULE": "bench.web_settings",
        "SECRET_KEY": os.environ["SECRET_KEY"],
        "ALLOWED_HOSTS": "127.0.0.1",
        "BEHIND_TLS_PROXY": "true",
        "LOG_JSON": "true",
        "API_CALLS_PER_MINUTE": "100000000",
        "TILL_DAY_MOST_POINTS": "1000000000",
        "TILL_RECEIPT_MOST_POINTS": "1000000",
        "PARTNER_DAY_MOST_POINTS": "1000000000",
        **more,
    }


@contextlib.contextmanager
def server(url: str, folder: Path, *, workers: list[str] = WORKERS, app: str = "bench.web") -> Iterator[int]:
    """gunicorn on a port of its own; its log is in `folder`. Raises CannotMeasure."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        f"{app}:application",
        "--bind",
        f"127.0.0.1:{port}",
        *workers,
    ]
    with (
        (folder / "web.log").open("wb") as log,
        subprocess.Popen(command, env=environment(url), stdout=log, stderr=log) as process,
    ):
        try:
            _wait(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        # gunicorn listens before its workers have loaded the application.
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=5),
        ):
            return
        time.sleep(0.1)
    raise CannotMeasure("the web server did not start")


def create_callers(lab: Lab) -> Callers:
    """A shop of one store with its tills, and members with points in three lots each."""
    from django.contrib.auth import get_user_model
    from rest_framework.authtoken.models import Token

    from backoffice.actors import Actor
    from backoffice.choices import ApiKeyKind, ApiScope
    from backoffice.models import Brand, Store
    from backoffice.services import api_keys
    from members.cards import check_digit
    from members.models import Member
    from members.services import sessions
    from points.models import Account
    from points.services import ledger

    house, now = Actor.job("bench"), datetime.now(UTC)
    accounts = people.create_accounts(lab, people.create_program("http"), WHOS)
    brand = Brand.objects.create(code="bench", name="Bench")
    store = Store.objects.create(brand=brand, code="B01", name="Bench")
    tills = [
        api_keys.issue(
            kind=ApiKeyKind.TILL, name="till", scopes=list(ApiScope), store=store, actor=house, now=now
        ).secret
        for _ in range(TILLS)
    ]
    partners = [
        api_keys.issue(
            kind=ApiKeyKind.PARTNER, name="music", scopes=[ApiScope.POINTS_GRANT], brand=brand, actor=house,
            now=now,
        ).secret
        for _ in range(PARTNERS)
    ]  # fmt: skip
    rows = list(Account.objects.filter(pk__in=accounts).select_related("member").order_by("pk"))
    for account in rows:
        for number in range(3):
            ledger.credit(
                account_id=account.pk, kind="bonus", points=100,
                source=ledger.Source("bench", f"{account.pk}-{number}"),
                context=ledger.Context(actor=house, now=now),
                expires_at=datetime(2028 + number, 1, 1, tzinfo=UTC),
            )  # fmt: skip
    members = [row.member for row in rows]
    for member in members:
        # The numbers of `people` are no card's: a till's are checked.
        body = f"9{member.pk:014d}"
        member.card_no, member.phone_verified_at = body + check_digit(body), now
    Member.objects.bulk_update(members, ["card_no", "phone_verified_at"])
    opened = [
        sessions.open_session(
            member=member, device_id="bench-device-0123456", device_name="bench", actor=house, now=now
        )
        for member in members
    ]
    user = get_user_model().objects.create(username=f"stock-{secrets.token_hex(4)}")
    return Callers(
        stock=Token.objects.create(user=user).key,
        accounts=[str(row.pk) for row in rows],
        members=[sessions.tokens_of(session_id=one.pk, generation=1).access for one in opened],
        tills=tills,
        partners=partners,
        cards=[member.card_no for member in members],
    )


def stock_load(callers: Callers) -> Load:
    headers = COMMON | {"Authorization": f"Token {callers.stock}"}
    return Load("GET", "/stock/accounts/{who}", headers, callers.accounts)


def balance_load(callers: Callers) -> Load:
    return Load(
        "GET", "/api/v1/me/points", COMMON | {"Authorization": "Bearer {who}"}, callers.members[:LOOKERS]
    )


def purchase_load(callers: Callers, lines: int) -> Load:
    """A receipt that earns: `lines` lines of NT$100 and one tender; without lines nothing but the amount."""
    paid = f"{max(lines, 1) * 100}.00"
    told: dict[str, Any] = {
        "receipt_no": "{n}",
        "card": "{who}",
        "purchased_at": datetime.now(UTC).isoformat(),
        "paid": paid,
    }
    if lines:
        told["lines"] = [
            {"sku": f"sku-{place}", "category": "tea", "quantity": "1", "amount": "100.00"}
            for place in range(lines)
        ]
        told["tenders"] = [{"method": "cash", "amount": paid}]
    headers = COMMON | {
        "Authorization": "Bearer {till}",
        "Content-Type": "application/json",
        "Idempotency-Key": "{n}",
    }
    return Load("POST", "/api/v1/purchases", headers, callers.cards, json.dumps(told), callers.tills)


def grant_load(callers: Callers) -> Load:
    """A service gives 100 points: the earn without a receipt."""
    told = {
        "grant_no": "{n}",
        "card": "{who}",
        "points": 100,
        "occurred_at": datetime.now(UTC).isoformat(),
        "service": "music",
    }
    headers = COMMON | {
        "Authorization": "Bearer {till}",
        "Content-Type": "application/json",
        "Idempotency-Key": "{n}",
    }
    return Load("POST", "/api/v1/grants", headers, callers.cards, json.dumps(told), callers.partners)


def run(lab: Lab) -> list[Finding]:
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(50))
    callers = create_callers(lab)
    with tempfile.TemporaryDirectory(prefix="shuke-bench-") as name, server(lab.url, Path(name)) as port:
        folder = Path(name)
        asked = {
            "stock": stock_load(callers),
            "balance": balance_load(callers),
            "grant": grant_load(callers),
            "earn": purchase_load(callers, 0),
            "purchase": purchase_load(callers, LINES),
        }
        for load in asked.values():
            loads.run(load, port=port, seconds=1, folder=folder)
        found = interleave(
            {
                what: partial(
                    lambda load: loads.run(load, port=port, seconds=lab.seconds, folder=folder).rate, load
                )
                for what, load in asked.items()
            },
            lab.rounds,
        )
    stock = "DRF's stock way: token table, ModelSerializer, GET"
    return [
        Finding("k1", "GET balance", stock, "/s", found["balance"], found["stock"], at_least=1.8),
        Finding("k2", "POST points earn: a grant", stock, "/s", found["grant"], found["stock"], at_least=1.3),
        Finding("k2b", "POST purchase without lines: the barest receipt", stock, "/s",
                found["earn"], found["stock"]),
        Finding("k3", f"POST purchase with {LINES} lines and a tender", stock, "/s",
                found["purchase"], found["stock"], at_least=0.7),
    ]  # fmt: skip
