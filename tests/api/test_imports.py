"""Files by a person's key: the whole way, his rights, his reach, one effect a key, and no approval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from backoffice.choices import ApiKeyKind, ApiScope, ImportState, Reach, Role
from backoffice.models import ImportBatch, User
from backoffice.services import jobs
from backoffice.services.imports import storage
from backoffice.services.staff import disable_staff
from members.models import Member
from points.choices import DebtPolicy
from points.models import Account, Program
from tests.api.conftest import HOUSE, Api, House
from tests.factories.backoffice import BrandFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import take
from tests.imports.desk import csv_of, run
from tests.imports.points_desk import look_at, points_file, put_in, take_out

pytestmark = pytest.mark.django_db
FILE = csv_of("0922000001,王", "0922000002,林", "x,壞")
UPLOAD = "/imports?kind=members&name=members.csv"


@pytest.fixture(autouse=True)
def _the_tests_are_the_worker(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(jobs, "_wakers", [])
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def person() -> User:
    return UserFactory(role=Role.MARKETER, reach=Reach.GROUP)


@pytest.fixture
def api(house: House, person: User) -> Api:
    return Api(house.key(ApiKeyKind.STAFF, owner=person).secret)


def send(api: Api, content: bytes = FILE, path: str = UPLOAD, **more: Any) -> Any:
    return api.call("POST", path, raw=content, **({"content_type": "text/csv"} | more))


def worked(number: int) -> ImportBatch:
    return run(ImportBatch.objects.get(pk=number), timezone.now())


def test_a_file_goes_the_whole_way_and_back(api: Api, person: User) -> None:
    sent = send(api)
    assert sent.status_code == 201, sent.content
    number = sent.json()["id"]
    assert sent.json()["state"] == "uploaded"
    worked(number)
    seen = api.get(f"/imports/{number}").json()
    assert (seen["state"], seen["columns"]) == ("understood", ["phone", "name"])
    assert api.post(f"/imports/{number}/check").json()["state"] == "checking"
    worked(number)
    counts = api.get(f"/imports/{number}").json()["counts"]
    assert (counts["new"], counts["error"]) == (2, 1)
    assert api.post(f"/imports/{number}/confirm").json()["state"] == "applying"
    worked(number)
    assert api.get(f"/imports/{number}").json()["counts"]["done:applied"] == 2
    assert Member.objects.filter(name__in=["王", "林"]).count() == 2
    assert ImportBatch.objects.get(pk=number).owner == person
    assert api.post(f"/imports/{number}/undo", {"reason": "wrong file"}).json()["state"] == "undoing"
    worked(number)
    assert not Member.objects.filter(name__in=["王", "林"]).exists()


def test_the_same_key_is_one_import_and_another_file_under_it_is_refused(api: Api) -> None:
    first, again = send(api, key="upload-1"), send(api, key="upload-1")
    assert again.json() == first.json() and again.headers["Idempotent-Replayed"] == "true"
    assert send(api, FILE + b"0922000003,x\r\n", key="upload-1").status_code == 422
    assert ImportBatch.objects.count() == 1
    assert send(api, key=None).status_code == 428


def test_a_key_does_not_do_what_its_person_may_not(house: House) -> None:
    clerk = UserFactory(role=Role.CLERK, reach=Reach.GROUP)
    assert send(Api(house.key(ApiKeyKind.STAFF, owner=clerk).secret)).status_code == 403
    of_a_till = Api(house.key().secret)
    assert send(of_a_till).status_code == 403
    assert not ImportBatch.objects.exists()


def test_a_key_without_the_scope_is_refused(house: House, person: User) -> None:
    others = [scope for scope in ApiScope if scope != ApiScope.IMPORTS_WRITE]
    assert send(Api(house.key(ApiKeyKind.STAFF, owner=person, scopes=others).secret)).status_code == 403


def test_the_key_ends_with_the_person(api: Api, person: User) -> None:
    number = send(api).json()["id"]
    disable_staff(actor=HOUSE, user_id=person.pk, reason="left", now=timezone.now())
    assert api.get(f"/imports/{number}").status_code == 401


def test_files_of_another_brand_are_not_there(house: House, api: Api) -> None:
    number = send(api).json()["id"]
    brand = BrandFactory()
    other = UserFactory(role=Role.MARKETER, reach=Reach.BRAND, brand=brand)
    stranger = Api(house.key(ApiKeyKind.STAFF, owner=other).secret)
    for call in (stranger.get(f"/imports/{number}"), stranger.post(f"/imports/{number}/drop")):
        assert call.status_code == 404
    assert ImportBatch.objects.get(pk=number).state == ImportState.UPLOADED


def test_many_rows_wait_for_a_person_in_the_back_office(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    number = send(api).json()["id"]
    worked(number)
    api.post(f"/imports/{number}/check", {"policy": {"empty": "clear"}})
    worked(number)
    assert api.post(f"/imports/{number}/confirm").json()["state"] == "waiting"
    assert api.post(f"/imports/{number}/approve").status_code == 404
    assert not Member.objects.filter(name="王").exists()


def test_an_unknown_column_waits_for_a_word(api: Api) -> None:
    number = send(api, csv_of("0922000001,1", head="手機,is_superuser")).json()["id"]
    worked(number)
    assert api.post(f"/imports/{number}/check").json()["code"] == "columns_ignored"
    assert api.post(f"/imports/{number}/check", {"ignore_unknown": True}).status_code == 200


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/imports?kind=members", FILE, 400),
        ("/imports?kind=planets&name=a.csv", FILE, 400),
        ("/imports?kind=members&name=a.csv&brand=none", FILE, 404),
        ("/imports?kind=members&name=a.csv&is_superuser=1", FILE, 400),
        (UPLOAD, b"PK\x03\x04 no workbook", 400),
        (UPLOAD, b"", 400),
    ],
)
def test_what_is_wrong_leaves_nothing(api: Api, path: str, content: bytes, status: int) -> None:
    assert send(api, content, path).status_code == status
    assert not ImportBatch.objects.exists()


def test_a_body_may_be_larger_than_a_json_one_and_not_larger_than_a_file(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = csv_of(*(f"0922{number:06},王小明王小明" for number in range(12_000)))
    assert len(large) > 300_000
    assert send(api, large).status_code == 201
    monkeypatch.setattr("backoffice.api.uploads.MOST_BYTES", 1000)
    assert send(api, large).status_code == 413
    monkeypatch.setattr(storage, "MOST_BYTES", 1000)
    assert send(api, large, content_type="text/html").status_code == 415


# --- The same rows again --------------------------------------------------------------------------------
POINTS = points_file("0912000000,100")


def with_points_left(person: User) -> ImportBatch:
    """A file of points that was undone after some of them were spent."""
    member = MemberFactory(phone="+886912000000")
    Program.objects.update(debt_policy=DebtPolicy.CLAMP)
    batch = put_in(POINTS, person)
    take(Account.objects.get(member=member), 40)
    return take_out(batch)


def test_a_key_hears_of_it_and_has_to_say_so(api: Api, person: User) -> None:
    first = with_points_left(person)
    again = look_at(POINTS, person)
    expected = {"id": first.pk, "stands": False, "stayed_rows": 1, "stayed_points": 40}
    assert api.get(f"/imports/{again.pk}").json()["earlier"] == expected
    answer = api.post(f"/imports/{again.pk}/confirm")
    assert (answer.status_code, answer.json()["code"]) == (409, "import_stayed")
    again.refresh_from_db()
    assert again.state == ImportState.CHECKED
    assert api.post(f"/imports/{again.pk}/confirm", {"again": True}).json()["state"] == "applying"
    other = look_at(POINTS, person)
    assert api.get(f"/imports/{other.pk}").json()["earlier"]["stands"] is True
    assert api.post(f"/imports/{other.pk}/confirm", {"again": True}).json()["code"] == "import_booked_once"
