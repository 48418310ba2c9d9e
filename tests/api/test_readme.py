"""The examples of the README and of the API's own pages, run as they are printed; only address, key and the
messages' file are the test's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from backoffice.choices import ApiKeyKind, ApiScope
from backoffice.models import Store
from backoffice.services import api_keys, outbox
from members.models import Member
from points.models import Account
from tests.api.conftest import HOUSE
from tests.factories.backoffice import StoreFactory
from tests.factories.points import ProgramFactory

README = Path(__file__).parents[2] / "README.md"

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not shutil.which("curl"), reason="needs curl"),
]


@pytest.fixture
def relay(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """The scheduler's part: messages leave the outbox into the file."""
    settings.SMS_TRANSPORT, settings.SMS_FILE = "file", str(tmp_path / "sms.jsonl")
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            outbox.relay(now=timezone.now())
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield tmp_path / "sms.jsonl"
    stop.set()
    thread.join(timeout=60)


def test_the_example_works_as_printed(live_server: Any, relay: Path) -> None:
    chapter = README.read_text(encoding="utf-8").split("## For app and till developers", 1)[1]
    script = re.search(r"```sh\n(.*?)```", chapter, re.DOTALL)[1]  # type: ignore[index]
    for printed, ours in [
        ("http://127.0.0.1:8000", live_server.url),
        ("var/sms.jsonl", str(relay)),
        ("sleep 8", "sleep 1"),
    ]:
        assert printed in script
        script = script.replace(printed, ours)
    done = subprocess.run(
        ["sh", "-eu", "-c", script], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines[0]) == 32 and lines[-1].endswith("王小華")
    assert Member.objects.get(phone="+886955123456").name == "王小華"


def test_the_walk_through_of_the_api_pages_works_as_printed(live_server: Any, relay: Path) -> None:
    house_of_the_walk()
    page = Client().get("/api/schema/?format=json").json()["info"]["description"]
    script = re.search(r"```sh\n(.*?)```", page, re.DOTALL)[1].replace("sleep 8", "sleep 1")  # type: ignore[index]
    key = api_keys.issue(
        kind=ApiKeyKind.TILL, name="walk", scopes=list(ApiScope), store=Store.objects.get(), actor=HOUSE,
        now=timezone.now(),
    )  # fmt: skip
    told = {**os.environ, "base": live_server.url, "till": key.secret, "sms": str(relay)}
    done = subprocess.run(
        ["sh", "-eu", "-c", script], capture_output=True, text=True, check=False, timeout=300, env=told
    )
    assert done.returncode == 0, done.stderr + done.stdout
    member = Member.objects.get(phone="+886966123456")
    account = Account.objects.get(member=member)
    # All of the second receipt came back, so the points of the first are whole again.
    assert (account.balance, account.held, account.debt) == (3_000, 0, 0), done.stdout
    assert done.stdout.strip().endswith("settled")


def house_of_the_walk() -> None:
    StoreFactory(code="W01")
    ProgramFactory(code="main", is_default=True)
