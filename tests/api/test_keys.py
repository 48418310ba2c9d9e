"""Keys of tills, partners and people: shown once, kept as a hash, ended at once, signed where asked for."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from backoffice.api.operations import Operation
from backoffice.choices import ApiKeyKind, ApiScope
from backoffice.errors import ApiKeyUnbound, LimitReached, NetworkInvalid, NotAuthenticated, SignatureWrong
from backoffice.models import ApiKey, AuditEvent, LimitCounter
from backoffice.services import api_keys, limits, signatures
from backoffice.services.staff import disable_staff, enable_staff
from tests.api.conftest import HOUSE, Api, House, Race

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_a_key_is_256_random_bits_and_only_its_hash_is_kept(house: House) -> None:
    one, two = house.key(), house.key()
    assert one.secret != two.secret and len(one.secret.split("_", 2)[2]) == 43
    stored = json.dumps(list(ApiKey.objects.values()) + list(AuditEvent.objects.values()), default=str)
    assert one.secret not in stored and one.signing_secret not in stored
    assert one.key.secret_hash == api_keys.hash_of(one.secret)


def test_issuing_and_revoking_leave_their_traces_and_revoking_twice_is_once(house: House) -> None:
    issued = house.key()
    for _time in range(2):
        api_keys.revoke(key_id=issued.key.pk, actor=HOUSE, reason="lost", now=timezone.now())
    actions = list(
        AuditEvent.objects.filter(subject_type="backoffice.apikey").values_list("action", flat=True)
    )
    assert sorted(actions) == ["api_key.issue", "api_key.revoke"]
    assert Api(issued.secret).get("/operations/k").status_code == 401


def test_a_revoked_key_is_refused_in_a_process_that_has_just_used_it(house: House) -> None:
    issued = house.key()
    api = Api(issued.secret)
    assert api.get("/operations/k").status_code == 200
    ApiKey.objects.filter(pk=issued.key.pk).update(revoked_at=timezone.now())
    assert api.get("/operations/k").status_code == 401


def test_opening_a_closed_account_again_does_not_bring_its_keys_back(house: House) -> None:
    issued = house.key(ApiKeyKind.STAFF)
    told = {"actor": HOUSE, "user_id": house.owner.pk, "reason": "test", "now": timezone.now()}
    disable_staff(**told)
    enable_staff(**told)
    assert Api(issued.secret).get("/operations/k").status_code == 401


@pytest.mark.parametrize("kind", list(ApiKeyKind))
def test_a_key_is_bound_to_what_its_kind_asks_for(house: House, kind: ApiKeyKind) -> None:
    with pytest.raises(ApiKeyUnbound):
        house.key(kind, store=None, brand=None, owner=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.create(
            kind=kind.value, name="x", prefix="0" * 12, secret_hash="0" * 64, created_at=timezone.now()
        )


def test_a_key_works_only_from_its_networks(house: House) -> None:
    issued = house.key(networks=["203.0.113.0/24", "2001:db8::/32"])
    for address, status in [("203.0.113.7", 200), ("203.0.114.7", 401), ("2001:db8::1", 200), ("", 401)]:
        assert Api(issued.secret, address=address).get("/operations/k").status_code == status
    with pytest.raises(NetworkInvalid):
        house.key(networks=["nowhere"])


def test_last_used_is_exact_to_five_minutes_and_written_no_oftener(house: House) -> None:
    issued = house.key()
    start = timezone.now()
    seen = []
    for seconds in (0, 60, 299, 300, 400):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            Api(issued.secret).get("/operations/k")
        issued.key.refresh_from_db()
        seen.append(round((issued.key.last_used_at - start).total_seconds()))
    assert seen == [0, 0, 0, 300, 300]


def test_whatever_is_wrong_with_a_key_gets_one_answer(house: House) -> None:
    issued = house.key()
    over = house.key(expires_at=timezone.now() - HOUR)
    wrong = [
        "skk_" + "0" * 12 + "_" + "A" * 43,
        issued.secret[:-1] + ("A" if issued.secret[-1] != "A" else "B"),
        over.secret,
        "skk_",
        "skk__",
        "skk_" + issued.key.prefix,
    ]
    answers = {Api(text).get("/operations/k", X_Request_ID="same-request-id").content for text in wrong}
    assert len(answers) == 1
    with pytest.raises(NotAuthenticated):
        api_keys.authenticate(secret="skk_\udcff", address="", now=timezone.now())


def test_a_scope_that_is_missing_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Operation, "read_scope", ApiScope.REPORTS_READ)
    reader, other = house.key(scopes=[ApiScope.REPORTS_READ]), house.key(scopes=[ApiScope.POINTS_SPEND])
    assert Api(reader.secret).get("/operations/k").status_code == 200
    assert Api(other.secret).get("/operations/k").json()["code"] == "caller_not_allowed"


class Signed:
    """A till whose requests are signed."""

    def __init__(self, house: House) -> None:
        self.issued = house.key(signed=True)
        self.api = Api(self.issued.secret)

    def header(self, path: str = "/api/v1/operations/k", **other: Any) -> str:
        told = {"method": "GET", "path": path, "key": "", "body": b""} | other.pop("said", {})
        secret = other.get("secret", self.issued.signing_secret)
        return signatures.sign(signatures.Said(**told), secret=secret, at=other.get("at", timezone.now()))

    def look(self, header: str, path: str = "/api/v1/operations/k") -> int:
        return int(self.api.get(path, X_Signature=header).status_code)


def test_p37_a_signature_covers_method_path_key_body_and_time(house: House) -> None:
    till = Signed(house)
    assert till.look(till.header()) == 200
    good = till.header()
    refused = [
        "",
        "nonsense",
        f"{good},{good}",
        good.replace("v1=", "v1=0"),
        till.header(secret="other"),
        till.header(path="/api/v1/operations/other"),
        till.header(said={"method": "POST"}),
        till.header(said={"body": b"{}"}),
        till.header(said={"key": "k"}),
        till.header(at=timezone.now() - timedelta(minutes=6)),
        till.header(at=timezone.now() + timedelta(minutes=6)),
        good.upper(),
    ]
    assert [till.look(header) for header in refused] == [401] * len(refused)
    assert till.look(till.header(path="/api/v1/operations/k?a=1"), "/api/v1/operations/k?a=1") == 200
    assert till.look(till.header(), "/api/v1/operations/k?a=1") == 401


def test_p37_a_changed_body_is_noticed(house: House) -> None:
    till = Signed(house)
    body = b'{"points":10}'
    said = {"method": "POST", "path": "/api/v1/me/consents", "key": "k1", "body": body}
    header = till.header(said=said)
    sent = {"key": "k1", "X_Signature": header}
    # The right signature gets as far as being told that tills have nothing to do here.
    assert till.api.call("POST", "/me/consents", raw=body, **sent).status_code == 403
    assert till.api.call("POST", "/me/consents", raw=b'{"points":1000}', **sent).status_code == 401
    assert till.api.call("POST", "/me/consents", raw=body, **(sent | {"key": "k2"})).status_code == 401


def test_an_unsigned_key_needs_no_signature_and_an_earlier_house_secret_still_signs(
    house: House, settings: Any
) -> None:
    till = Signed(house)
    header = till.header()
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-secret" * 5
    assert till.look(header) == 200


@pytest.mark.parametrize(
    ("offset", "ok"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_the_clocks_may_differ_by_five_minutes(offset: int, ok: bool) -> None:
    now = timezone.now().replace(microsecond=0)
    said = signatures.Said("GET", "/x", "", b"")
    header = signatures.sign(said, secret="s", at=now + timedelta(seconds=offset))
    if ok:
        signatures.verify(said, header=header, secrets=["s"], now=now)
        return
    with pytest.raises(SignatureWrong):
        signatures.verify(said, header=header, secrets=["s"], now=now)


def test_the_command_prints_a_key_once(house: House) -> None:
    out = io.StringIO()
    call_command(
        "issue_api_key", "till", "K1", "--store", "shuke/TPE01", "--scope", "members.read", stdout=out
    )
    assert Api(out.getvalue().strip()).get("/operations/k").status_code == 200
    with pytest.raises(CommandError):
        call_command("issue_api_key", "till", "K1", "--store", "NOWHERE")
    with pytest.raises(CommandError):
        call_command("issue_api_key", "staff", "script", "--store", "TPE01")


def test_a_window_counts_to_its_limit_and_begins_again(house: House) -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    told = {"bucket": "test", "limit": 5, "window": HOUR}
    assert [limits.take(**told, now=now, cost=cost) for cost in (1, 3, 1)] == [1, 4, 5]
    with pytest.raises(LimitReached) as refusal:
        limits.take(**told, now=now + timedelta(minutes=59, seconds=59))
    assert refusal.value.retry_after == 1
    assert limits.take(**told, now=now + HOUR) == 1
    # A clock that is a little behind counts in the window that has begun.
    assert limits.take(**told, now=now) == 2
    assert limits.forget_old(before=now + 2 * HOUR) == 1


def test_a_sliding_limit_never_lets_more_through_within_any_window() -> None:
    start = timezone.now()
    taken = []
    for second in range(0, 600, 7):
        try:
            limits.take_sliding(
                bucket="test", limit=3, window=timedelta(seconds=60), now=start + timedelta(seconds=second)
            )
            taken.append(second)
        except LimitReached as refusal:
            assert refusal.retry_after <= 60
    assert len(taken) > 20
    for place in range(len(taken) - 3):
        assert taken[place + 3] - taken[place] >= 60
    assert len(LimitCounter.objects.get().times) <= 3


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["window", "sliding"])
def test_many_at_once_never_pass_a_limit(together: Race, kind: str) -> None:
    now = timezone.now()

    def window() -> None:
        limits.take(bucket="race", limit=5, window=HOUR, now=now)

    def sliding() -> None:
        limits.take_sliding(bucket="race", limit=5, window=HOUR, now=now)

    calls: list[Callable[[], None]] = [window if kind == "window" else sliding] * 20
    answers = together(calls)
    assert [answer for answer in answers if answer is None] == [None] * 5


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_control_a_sum_that_is_looked_at_first_lets_more_through(together: Race) -> None:
    now = timezone.now()
    LimitCounter.objects.create(bucket="naive", window_start=now)

    def naive() -> bool:
        row = LimitCounter.objects.get(bucket="naive")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01)")
        if row.used >= 5:
            return False
        LimitCounter.objects.filter(pk=row.pk).update(used=row.used + 1)
        return True

    assert together([naive] * 20).count(True) > 5
