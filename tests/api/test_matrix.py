"""Every operation x every kind of caller, as a table in a file. An operation that is not in it fails the
test.

`REGENERATE=1 pytest tests/api/test_matrix.py` writes the table anew; a change of rights shows up in review.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from backoffice.api.operations import Operation
from backoffice.choices import ApiKeyKind
from backoffice.models import ApiKey
from backoffice.services import api_keys
from backoffice.services.staff import disable_staff
from config import api_schema_urls
from members.models import MemberSession
from tests.api.conftest import HOUSE, Api, House
from tests.factories.backoffice import UserFactory

MATRIX = Path(__file__).with_name("matrix.txt")
PLACES = {
    # A row that nobody has: numbers of rows depend on what ran before.
    "row:pk": "987654321",
    "slug:program": "main",
    "key:key": "some-key",
    "key:receipt_no": "R1",
    "key:hold_no": "H1",
    "key:grant_no": "G1",
    "str:day": "2026-11-22",
}

pytestmark = [pytest.mark.contract, pytest.mark.django_db]


def routes() -> Iterator[tuple[str, type[Operation]]]:
    """(path with example values, view) of every operation that is mounted."""

    def walk(patterns: Any, prefix: str) -> Iterator[tuple[str, type[Operation]]]:
        for pattern in patterns:
            here = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, here)
            elif isinstance(pattern, URLPattern):
                yield here, pattern.callback.view_class

    yield from walk(get_resolver(api_schema_urls.__name__).url_patterns, "/")


def operations() -> list[tuple[str, str, str]]:
    """(method, route, address) in a stable order."""
    found = []
    for route, view in routes():
        address = route
        for place, value in PLACES.items():
            address = address.replace(f"<{place}>", value)
        assert "<" not in address, f"say in PLACES what stands for the parts of {route}"
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(view, method):
                found.append((method.upper(), route, address))
    return sorted(found, key=lambda row: (row[1], row[0]))


def callers(house: House) -> dict[str, Api]:
    now = timezone.now()
    expired, tokens = house.session(device="expired-device-000")
    MemberSession.objects.filter(pk=expired.pk).update(access_expires_at=now)
    revoked, revoked_tokens = house.session(device="revoked-device-000")
    MemberSession.objects.filter(pk=revoked.pk).update(revoked_at=now)
    over = house.key()
    ApiKey.objects.filter(pk=over.key.pk).update(expires_at=now)
    ended = house.key()
    api_keys.revoke(key_id=ended.key.pk, actor=HOUSE, reason="test", now=now)
    leaver = UserFactory(stores=[house.store])
    of_leaver = house.key(ApiKeyKind.STAFF, owner=leaver)
    disable_staff(actor=HOUSE, user_id=leaver.pk, reason="left", now=now)
    return {
        "nobody": Api(),
        "forged": Api("skm_" + "A" * 43),
        "expired": Api(tokens.access),
        "revoked": Api(revoked_tokens.access),
        "key over": Api(over.secret),
        "key ended": Api(ended.secret),
        "member": house.as_member(),
        "other member": house.as_member(house.other),
        "till": Api(house.key().secret),
        "other till": Api(house.key(store=house.other_store).secret),
        "till, no scope": Api(house.key(scopes=[]).secret),
        "partner": Api(house.key(ApiKeyKind.PARTNER).secret),
        "staff key": Api(house.key(ApiKeyKind.STAFF).secret),
        "left staff": Api(of_leaver.secret),
        "no more": Api("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."),
    }


def test_operation_by_caller(house: House, regenerate: bool, settings: Any) -> None:
    """Bodies are empty: what is compared is who gets as far as being told that his request is incomplete."""
    settings.API_FAILED_CALLS_PER_MINUTE = 100_000
    everybody = callers(house)
    rows = operations()
    width = max(len(f"{method} {route}") for method, route, _address in rows)
    lines = [f"{'':{width}}  " + " ".join(f"{name:>14}" for name in everybody)]
    for method, route, address in rows:
        statuses = [api.call(method, address, {}).status_code for api in everybody.values()]
        assert all(status < 500 for status in statuses), (method, route, statuses)
        lines.append(f"{f'{method} {route}':{width}}  " + " ".join(f"{status:>14}" for status in statuses))
    table = "\n".join(line.rstrip() for line in lines) + "\n"
    if regenerate:
        MATRIX.write_text(table, encoding="utf-8")
    assert MATRIX.read_text(encoding="utf-8") == table


def test_every_mounted_view_is_an_operation_with_its_callers() -> None:
    loose = [route for route, view in routes() if not issubclass(view, Operation)]
    assert loose == []
    unsaid = [route for route, view in routes() if "callers" not in vars(view) and not view.callers]
    public = {
        "/api/v1/terms",
        "/api/v1/programs",
        "/api/v1/codes",
        "/api/v1/sessions",
        "/api/v1/sessions/refresh",
        "/api/v1/members",
    }
    assert set(unsaid) <= public


def test_a_disabled_person_is_out_with_the_next_request(house: House) -> None:
    api = Api(house.key(ApiKeyKind.STAFF).secret)
    assert api.get("/operations/some-key").status_code == 200
    disable_staff(actor=HOUSE, user_id=house.owner.pk, reason="left", now=timezone.now())
    assert api.get("/operations/some-key").status_code == 401


def test_a_closed_store_closes_its_tills(house: House) -> None:
    api = Api(house.key().secret)
    house.store.is_active = False
    house.store.save(update_fields=["is_active"])
    assert api.get("/operations/some-key").status_code == 401


@pytest.mark.parametrize("days", [89, 90])
def test_a_persons_key_lives_ninety_days(house: House, days: int) -> None:
    issued = house.key(ApiKeyKind.STAFF, expires_at=timezone.now() + timedelta(days=400))
    moment = issued.key.created_at + timedelta(days=days)
    assert issued.key.is_live(moment) == (days < 90)
