"""What holds for every operation alike: surprises are refused, other methods do nothing, answers carry what
they must, and errors speak the caller's language.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from backoffice.api.callers import CallerKind
from backoffice.api.fields import StrictSerializer
from backoffice.api.operations import Operation
from backoffice.choices import ApiKeyKind
from backoffice.models import IdempotencyKey
from members.models import Member
from tests.api.conftest import Api, Heard, House, nobody_may_read
from tests.api.test_matrix import PLACES, routes

pytestmark = pytest.mark.django_db
TESTS = Path(__file__).parents[1]
WRITES = ("post", "put", "patch", "delete")


def operations() -> list[tuple[str, str, type[Operation]]]:
    """(method, address, view)"""
    found = []
    for route, view in routes():
        address = route
        for place, value in PLACES.items():
            address = address.replace(f"<{place}>", value)
        found += [(method, address, view) for method in ("get", *WRITES) if hasattr(view, method)]
    return sorted(found, key=lambda row: row[:2])


OPERATIONS = operations()


def caller_of(house: House, view: type[Operation]) -> Api:
    """Somebody who may call it."""
    if not view.callers:
        return Api()
    kind = sorted(view.callers)[0]
    return house.as_member() if kind == CallerKind.MEMBER else Api(house.key(ApiKeyKind(kind)).secret)


@pytest.mark.parametrize(
    ("method", "path", "view"),
    [row for row in OPERATIONS if row[0] in WRITES],
    ids=[f"{method} {path}" for method, path, _view in OPERATIONS if method in WRITES],
)
def test_p13_a_field_that_nobody_asked_for(
    house: House, method: str, path: str, view: type[Operation]
) -> None:
    api = caller_of(house, view)
    people = list(Member.objects.order_by("pk").values())
    answer = api.call(method.upper(), path, {"surprise": 1}, If_Match='"version"')
    assert answer.status_code == 400, answer.content
    # The body of an import is the file.
    assert "surprise" in answer.json()["fields"] or path.endswith("/imports"), answer.content
    assert not IdempotencyKey.objects.exists()
    assert list(Member.objects.order_by("pk").values()) == people


@pytest.mark.parametrize("path", sorted({path for _method, path, _view in OPERATIONS}))
def test_p41_head_options_and_trace(house: House, path: str) -> None:
    methods = {method for method, here, _view in OPERATIONS if here == path}
    view = next(view for _method, here, view in OPERATIONS if here == path)
    api = caller_of(house, view)
    for method in ("OPTIONS", "TRACE", "PATCH" if "patch" not in methods else "PUT"):
        assert api.call(method, path).status_code == 405, method
    head = api.call("HEAD", path)
    assert head.content == b""
    if "get" in methods:
        got = api.get(path)
        assert (head.status_code, head.headers["Content-Type"]) == (got.status_code, got["Content-Type"])
    else:
        assert head.status_code == 405
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "view"), OPERATIONS, ids=[f"{method} {path}" for method, path, _view in OPERATIONS]
)
def test_p39_what_every_answer_carries(house: House, method: str, path: str, view: type[Operation]) -> None:
    for api in (caller_of(house, view), Api()):
        answer = api.call(
            method.upper(), path, None if method == "get" else {}, Origin="https://evil.example",
            X_Request_ID="request-0001", Cookie="sessionid=x; csrftoken=y",
        )  # fmt: skip
        assert answer.headers["X-Request-ID"] == "request-0001"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "RateLimit-Remaining" in answer.headers
        assert not answer.cookies
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def errors(house: House, settings: Any) -> dict[str, Any]:
    """What provokes each error there is before a verb: (api, method, path, values of the call)."""
    member, stranger, till = house.as_member(), Api(), Api(house.key().secret)
    consent = {"purpose": "marketing_sms", "given": True, "version": "1"}
    assert member.post("/me/consents", consent, key="taken").status_code == 201
    return {
        "parse_error": (member, "POST", "/me/consents", {"raw": b"{"}),
        "invalid": (member, "POST", "/me/consents", {"raw": b'{"given": 1, "x": 1}'}),
        "cursor_invalid": (member, "GET", "/me/receipts?cursor=x", {}),
        "key_invalid": (member, "POST", "/me/consents", {"key": "a b"}),
        "host_unknown": (stranger, "GET", "/terms", {"Host": "evil.example"}),
        "length_missing": (member, "POST", "/me/leave", {"Transfer_Encoding": "chunked"}),
        "not_authenticated": (stranger, "GET", "/me", {}),
        "caller_not_allowed": (till, "GET", "/me", {}),
        "not_found": (stranger, "GET", "/nothing", {}),
        "method_not_allowed": (stranger, "DELETE", "/terms", {}),
        "changed_meanwhile": (member, "PATCH", "/me", {"raw": b'{"county":"x"}', "If_Match": '"x"'}),
        "body_too_large": (member, "POST", "/me/consents", {"raw": b'"' + b"x" * 300_000}),
        "unsupported_media_type": (member, "POST", "/me/consents", {"raw": b"x", "content_type": "text/xml"}),
        "key_taken": (member, "POST", "/me/consents", {"raw": b'{"purpose":"terms","given":false}',
                                                       "key": "taken"}),
        "key_missing": (member, "POST", "/me/consents", {"key": None}),
        "precondition_missing": (member, "PATCH", "/me", {"raw": b'{"county":"x"}'}),
    }  # fmt: skip


def test_p38_errors_speak_the_callers_language(house: House, settings: Any) -> None:
    """The sentence, and those at the fields; what the caller has sent aside."""
    for code, (api, method, path, values) in errors(house, settings).items():
        told = {}
        for language in ("en", "zh-TW"):
            answer = api.call(method, path, Accept_Language=language, **values)
            assert answer.json()["code"] == code, answer.content
            fields = answer.json()["fields"].values()
            told[language] = [answer.json()["message"], *(text for texts in fields for text in texts)]
            assert answer.headers["Content-Language"] == ("en" if language == "en" else "zh-hant"), code
        assert all(text.isascii() for text in told["en"]), told
        assert all(re.search(r"[\u4e00-\u9fff]", text) for text in told["zh-TW"]), told


def inputs() -> list[type[StrictSerializer]]:
    """Every input of the API, however deep it is derived."""
    found, waiting = [], [StrictSerializer]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        waiting += kinds
        found += [kind for kind in kinds if not kind.__module__.startswith("tests")]
    return sorted(set(found), key=lambda kind: kind.__qualname__)


def sentences_of(field: Any) -> set[str]:
    validators = [getattr(validator, "message", None) for validator in getattr(field, "validators", [])]
    texts = {str(text) for text in (*field.error_messages.values(), *validators) if text is not None}
    parts = [*getattr(field, "fields", {}).values(), getattr(field, "child", None)]
    return texts.union(*(sentences_of(part) for part in parts if part is not None))


def test_no_sentence_at_a_field_is_left_in_english() -> None:
    assert len(inputs()) > 30
    with translation.override("zh-hant"):
        texts = set().union(*(sentences_of(kind()) for kind in inputs()))
    assert [text for text in sorted(texts) if not re.search(r"[\u4e00-\u9fff]", text)] == []


def test_every_row_of_the_table_of_bad_input_names_its_test() -> None:
    named: set[int] = set()
    for file in TESTS.rglob("test_*.py"):
        for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8")):
            numbers = [int(number) for number in re.findall(r"(?<![a-z0-9])p(\d\d)(?!\d)", name)]
            first_to_last = re.search(r"p(\d\d)_to_p(\d\d)", name)
            named |= set(range(int(first_to_last[1]), int(first_to_last[2]))) if first_to_last else set()
            named |= set(numbers)
    assert set(range(1, 43)) - named == set()


WILD = ["%", "_", "%%%", "09%", "'; DROP TABLE members_member; --", "(a+)+$" * 3, "\\", "*"]


@pytest.mark.parametrize("text", WILD)
def test_p27_what_is_looked_up_is_taken_as_it_is(house: House, text: str) -> None:
    """There is no search in this API; a card, a phone, a number is found whole or not at all."""
    till, member = Api(house.key().secret), house.as_member()
    for body in ({"card": text}, {"phone": text}, {"card": text * 2000}, {"phone": text * 2000}):
        assert till.post("/looks", body).status_code in (400, 404)
    for path in ("/me/receipts", "/me/points/main/entries"):
        assert member.call("GET", f"{path}?q={text.encode().hex()}").status_code == 400
    assert member.post("/me/cards", {"card_no": text}).status_code in (400, 404, 409)


@pytest.mark.parametrize("written", ["as it is", "blanks around", "blanks inside", "lower", "full width"])
def test_p30_a_code_however_it_is_written_is_one_code(house: House, written: str) -> None:
    """Coupons do not exist yet; what is typed in is the code of who brings a friend."""
    from members.services import referrals
    from tests.api.test_entering import sign_up

    code = referrals.code_of(member=house.member)
    typed = {
        "as it is": code,
        "blanks around": f" {code} ",
        "blanks inside": f"{code[:4]} {code[4:]}",
        "lower": code.lower(),
        "full width": "".join(chr(ord(letter) + 0xFEE0) for letter in code),
    }
    answer = sign_up(Api(), "0955-111-222", referral_code=typed[written])
    assert answer.status_code == 201, answer.content
    assert Member.objects.get(phone="+886955111222").referral.referrer == house.member


def test_t34_the_log_of_every_test_here_is_looked_through() -> None:
    """`fresh_process` does that; what it would find, and what is masked before."""
    leaks = ["to 0912345678", "+886912345678", "call 0912-345-678", "skm_" + "a" * 43, "code 123456 sent"]
    assert nobody_may_read(leaks, ["Your code is 123456."]) == leaks
    assert nobody_may_read(["at 2026-01-31T12:00:00.123456Z", "order 1234567"], ["123456"]) == []
    log = logging.getLogger("tests")
    heard = Heard()
    log.addHandler(heard)
    for text in leaks[:-1]:
        log.warning("something %s", text)
    log.removeHandler(heard)
    assert len(heard.lines) == 4 and nobody_may_read(heard.lines, []) == []
