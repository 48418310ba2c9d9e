"""A file as the part of a form (`curl -F file=@members.csv`): the same as the raw body, or refused."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backoffice.api import uploads
from backoffice.choices import ApiKeyKind, Reach, Role
from backoffice.models import ImportBatch, User
from backoffice.services import jobs
from tests.api.conftest import Api, House
from tests.api.test_imports import FILE, UPLOAD, send, worked
from tests.factories.backoffice import UserFactory
from tests.imports.desk import csv_of

pytestmark = pytest.mark.django_db
NAMELESS = "/imports?kind=members"
EDGE = "a-boundary"


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


def part(name: str, content: bytes, file: str | None = None, edge: str = EDGE, more: str = "") -> bytes:
    called = "" if file is None else f'; filename="{file}"'
    head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"{called}\r\n{more}\r\n'
    return head.encode() + content + b"\r\n"


def form(*parts: bytes, edge: str = EDGE) -> bytes:
    return b"".join(parts) + f"--{edge}--\r\n".encode()


def post(api: Api, raw: bytes, path: str = NAMELESS, edge: str = EDGE, **more: Any) -> Any:
    return api.call("POST", path, raw=raw, content_type=f"multipart/form-data; boundary={edge}", **more)


FORM = form(part("file", FILE, "名單.csv"))


def test_a_form_brings_the_file_in_under_its_own_name(api: Api) -> None:
    sent = post(api, FORM)
    assert sent.status_code == 201, sent.content
    batch = worked(sent.json()["id"])
    assert (batch.file_name, batch.state, batch.file_size) == ("名單.csv", "understood", len(FILE))
    raw = send(api)
    assert ImportBatch.objects.get(pk=raw.json()["id"]).file_hash == batch.file_hash


def test_the_address_names_the_file_if_it_wants_to(api: Api) -> None:
    sent = post(api, FORM, UPLOAD)
    assert sent.json()["file_name"] == "members.csv"


def test_the_frame_is_no_part_of_what_is_sent(api: Api) -> None:
    first = post(api, FORM, key="upload-1")
    other_edge = form(part("file", FILE, "名單.csv", edge="other"), edge="other")
    again = post(api, other_edge, edge="other", key="upload-1")
    assert again.json() == first.json() and again.headers["Idempotent-Replayed"] == "true"
    renamed = form(part("file", FILE, "other.csv"))
    assert post(api, renamed, key="upload-1").status_code == 422
    assert (
        post(api, form(part("file", FILE + b"0922000003,x\r\n", "名單.csv")), key="upload-1").status_code
        == 422
    )
    assert ImportBatch.objects.count() == 1


def test_a_raw_body_and_a_form_under_the_same_address_are_one_act(api: Api) -> None:
    first = send(api, key="upload-1")
    assert post(api, FORM, UPLOAD, key="upload-1").json() == first.json()
    assert ImportBatch.objects.count() == 1


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ((part("file", FILE, "a.csv"), part("policy", b"{}")), {"policy"}),
        ((part("file", FILE, "a.csv"), part("second", FILE, "b.csv")), {"second"}),
        ((part("second", FILE, "b.csv"), part("file", FILE, "a.csv"), part("x", b"1")), {"second", "x"}),
        ((part("file", FILE, "a.csv"), part("file", FILE, "b.csv")), {"file"}),
        ((part("file", FILE),), {"file"}),
        ((part("file", FILE, ""),), {"file"}),
        ((), {"file"}),
    ],
)
def test_other_parts_are_refused_by_name(api: Api, parts: tuple[bytes, ...], named: set[str]) -> None:
    answer = post(api, form(*parts))
    assert answer.status_code == 400, answer.content
    assert set(answer.json()["fields"]) == named
    assert not ImportBatch.objects.exists()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (FORM[:-6], 400),
        (FORM[: len(FORM) // 2], 400),
        (b"nothing of the kind", 400),
        (form(part("file", b"", "a.csv")), 400),
        (form(part("file", b"!", "a.csv", more="Content-Transfer-Encoding: base64\r\n")), 400),
        (form(part("file", FILE, "a" * 197 + ".csv")), 400),
        (form(part("file", b"PK\x03\x04 no workbook", "a.csv")), 400),
        (form(part("file", FILE, "a.csv"), *(part(f"p{n}", b"") for n in range(1_100))), 413),
        (form(part("file", FILE, "a.csv"), part("note", b"x" * 300_000)), 413),
    ],
)
def test_what_is_wrong_leaves_nothing(api: Api, raw: bytes, status: int) -> None:
    assert post(api, raw).status_code == status
    assert not ImportBatch.objects.exists()


def test_a_form_without_a_boundary_is_refused(api: Api) -> None:
    assert api.call("POST", NAMELESS, raw=FORM, content_type="multipart/form-data").status_code == 400


def test_the_same_size_is_too_much(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    large = csv_of(*(f"0922{number:06},王小明王小明" for number in range(12_000)))
    assert post(api, form(part("file", large, "a.csv"))).status_code == 201
    monkeypatch.setattr(uploads, "MOST_BYTES", len(large) - 1)
    assert post(api, form(part("file", large, "a.csv"))).status_code == 413
    monkeypatch.setattr(uploads, "MOST_BYTES", len(large))
    assert post(api, form(part("file", large, "a.csv"))).status_code == 201
    # A frame without end is no way around it.
    monkeypatch.setattr(uploads, "MOST_FRAME", 100)
    assert post(api, b"x" * 200 + b"\r\n" + form(part("file", large, "a.csv"))).status_code == 413


def test_rights_are_asked_before_the_form_is_read(house: House) -> None:
    clerk = Api(house.key(ApiKeyKind.STAFF, owner=UserFactory(role=Role.CLERK)).secret)
    assert post(clerk, FORM).status_code == 403
    assert not ImportBatch.objects.exists()


class Endless(io.RawIOBase):
    """A form of `size` bytes that nobody holds."""

    def __init__(self, size: int) -> None:
        self._head = part("file", b"", "a.csv")[:-2]
        self._tail = f"\r\n--{EDGE}--\r\n".encode()
        self.left = size
        self.length = len(self._head) + size + len(self._tail)
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        self.largest = max(self.largest, size)
        if self._head:
            head, self._head = self._head, b""
            return head
        if self.left:
            count = min(size, self.left)
            self.left -= count
            return b"x" * count
        tail, self._tail = self._tail, b""
        return tail


def test_a_large_file_is_never_whole_in_the_memory() -> None:
    stream = Endless(24 << 20)
    request = SimpleNamespace(
        META={"CONTENT_TYPE": f"multipart/form-data; boundary={EDGE}", "CONTENT_LENGTH": str(stream.length)}
    )
    tracemalloc.start()
    sent = uploads.FormParser().parse(stream, request.META["CONTENT_TYPE"], {"request": request})
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sent.file.seek(0, 2) == 24 << 20
    assert peak < 6 << 20 and 0 < stream.largest <= 1 << 20
