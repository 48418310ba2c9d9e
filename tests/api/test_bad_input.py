"""Bad input, case by case (P01-P29, P41-P42 of the specification): the status, and that nothing happened."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError
from rest_framework import serializers

from backoffice.api import fields, parsing
from backoffice.api.operations import Operation
from backoffice.models import AuditEvent, IdempotencyKey
from backoffice.services import idempotency
from members.models import Consent, Member
from members.services import sessions
from tests.api.conftest import Api, House, forget_limits
from tests.factories.points import give

pytestmark = pytest.mark.django_db

CONSENT = {"purpose": "marketing_sms", "given": True, "version": "1"}


def is_problem(answer: Any, status: int, code: str = "") -> None:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "code", "detail", "message", "fields", "request_id"}
    assert body["status"] == status and body["message"] == body["detail"]
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["type"] == f"urn:shuke:problem:{body['code']}"
    assert not code or body["code"] == code, body
    text = answer.content.decode()
    assert not [word for word in ("Traceback", "SELECT", "site-packages", ".py") if word in text]


def nothing_happened() -> None:
    assert not Consent.objects.exists() and not IdempotencyKey.objects.exists()


def test_p01_a_write_without_a_key(house: House) -> None:
    is_problem(house.as_member().post("/me/consents", CONSENT, key=None), 428, "key_missing")
    nothing_happened()


@pytest.mark.parametrize("key", ["", "k" * 256, "k" * 129, "a\tb", "金鑰".encode().decode("latin-1"), "a b"])
def test_p02_an_impossible_key(house: House, key: str) -> None:
    is_problem(house.as_member().post("/me/consents", CONSENT, key=key), 400, "key_invalid")
    nothing_happened()


def test_p03_p04_the_same_again_gets_the_stored_answer(house: House) -> None:
    api = house.as_member()
    first = api.post("/me/consents", CONSENT, key="k1")
    raw = b'{ "version":"1",\n "given" : true, "purpose":"marketing_sms" }'
    second = api.call("POST", "/me/consents", raw=raw, key="k1")
    assert first.status_code == second.status_code == 201
    assert first.content == second.content and second.headers["Idempotent-Replayed"] == "true"
    assert Consent.objects.count() == 1


def test_p05_the_key_with_another_body_or_at_another_address(house: House) -> None:
    api = house.as_member()
    assert api.post("/me/consents", CONSENT, key="k1").status_code == 201
    is_problem(api.post("/me/consents", {**CONSENT, "given": False}, key="k1"), 422, "key_taken")
    is_problem(api.put("/me/carrier", {"code": "/ABC+123"}, key="k1"), 422, "key_taken")
    assert Consent.objects.count() == 1


def test_p06_the_key_of_another_caller_is_another_key(house: House) -> None:
    for member in (house.member, house.other):
        answer = house.as_member(member).post("/me/consents", CONSENT, key="k1")
        assert answer.status_code == 201 and "Idempotent-Replayed" not in answer.headers
    assert Consent.objects.count() == 2


def test_p08_an_answer_that_was_never_read_is_found_again(house: House) -> None:
    api = house.as_member()
    assert api.get("/operations/k1").json()["state"] == "never_seen"
    api.post("/me/consents", CONSENT, key="k1")
    found = api.get("/operations/k1").json()
    assert (found["state"], found["status"]) == ("final", 201)
    assert house.as_member(house.other).get("/operations/k1").json()["state"] == "never_seen"


class Numbers(fields.StrictSerializer):
    points = fields.PointsField()


GOOD_POINTS = ["1", "1000000"]
BAD_POINTS = [
    "0", "-1", "1.5", "1000001", str(2**63), "1" + "0" * 30, '"10"', '" 10 "', '"1_000"', '"１０"', '"10.0"',
    "1e3", "true", "null", "[]", "{}", "NaN", "Infinity", "-Infinity", "1e400", "10.0", "01", "1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_POINTS)
def test_p09_to_p11_points_are_json_integers_from_one_to_a_million(text: str) -> None:
    try:
        body = parsing.strict_object(f'{{"points":{text}}}'.encode())
    except parsing.ParseError:
        return
    form = Numbers(data=body)
    assert not form.is_valid(), form.validated_data


@pytest.mark.parametrize("text", GOOD_POINTS)
def test_control_good_points_pass(text: str) -> None:
    form = Numbers(data=parsing.strict_object(f'{{"points":{text}}}'.encode()))
    assert form.is_valid() and form.validated_data["points"] == int(text)


@pytest.mark.parametrize("leaf", ["1", '"a"', "null"])
@pytest.mark.parametrize("beside", ["1", "[1]"])
def test_p12_the_deepest_level_is_the_same_whatever_stands_beside(leaf: str, beside: str) -> None:
    def nested(levels: int) -> bytes:
        return f'{{"a":{beside},"b":{"[" * (levels - 2)}{leaf}{"]" * (levels - 2)}}}'.encode()

    assert parsing.strict_object(nested(parsing.DEEPEST))
    with pytest.raises(parsing.ParseError):
        parsing.strict_object(nested(parsing.DEEPEST + 1))


def test_control_the_librarys_own_field_takes_what_ours_refuses() -> None:
    lax = serializers.IntegerField()
    assert [lax.run_validation(value) for value in ("1_000", " 10 ", "１０", "10.0")] == [1000, 10, 10, 10]


BODIES = [
    (b'{"purpose":"terms","purpose":"marketing_sms","given":true}', 400, "parse_error"),
    (b"", 400, "invalid"),
    (b"{", 400, "parse_error"),
    (b"[]", 400, "parse_error"),
    (b'"text"', 400, "parse_error"),
    (b"null", 400, "parse_error"),
    (b'{"purpose": NaN}', 400, "parse_error"),
    (b'\xef\xbb\xbf{"given": true}', 400, "parse_error"),
    ('{"purpose": "terms"}'.encode("utf-16"), 400, "parse_error"),
    (b'{"purpose": "\xff\xfe"}', 400, "parse_error"),
    (b'{"purpose": "a\\u0000b"}', 400, "parse_error"),
    (b'{"purpose": "\\ud800"}', 400, "parse_error"),
    (b'{"\\u0000": 1}', 400, "parse_error"),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "parse_error"),
    (b'{"a":' * 21 + b"1" + b"}" * 21, 400, "parse_error"),
    (b'{"a":"' + b"x" * 5_000_000 + b'"}', 413, "body_too_large"),
]


@pytest.mark.parametrize(("raw", "status", "code"), BODIES, ids=range(len(BODIES)))
def test_p12_p14_p16_p17_bodies_that_are_none(house: House, raw: bytes, status: int, code: str) -> None:
    api = house.as_member()
    start = time.process_time()
    is_problem(api.call("POST", "/me/consents", raw=raw), status, code)
    assert time.process_time() - start < 1
    nothing_happened()


@pytest.mark.parametrize(
    "content_type",
    ["application/xml", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/json; charset=utf-16", ""],
)  # fmt: skip
def test_p14_another_content_type(house: House, content_type: str) -> None:
    api = house.as_member()
    raw = json.dumps(CONSENT).encode()
    assert api.call("POST", "/me/consents", raw=raw, content_type=content_type).status_code in (400, 415)
    nothing_happened()


def test_p16_a_packed_body_is_not_unpacked(house: House) -> None:
    import gzip

    raw = gzip.compress(json.dumps(CONSENT).encode())
    is_problem(house.as_member().call("POST", "/me/consents", raw=raw, Content_Encoding="gzip"), 415)


@pytest.mark.parametrize(
    "name", ["balance", "tier", "is_staff", "member_id", "status", "points", "id", "phone"]
)
def test_p13_t4_unknown_fields_are_refused_and_nothing_is_written(house: House, name: str) -> None:
    api = house.as_member()
    before = Member.objects.values().get(pk=house.member.pk)
    etag = api.get("/me").headers["ETag"]
    answer = api.patch("/me", {"name": "新名字", name: 1}, If_Match=etag)
    is_problem(answer, 400, "invalid")
    assert name in answer.json()["fields"]
    assert Member.objects.values().get(pk=house.member.pk) == before


def test_t4_no_field_of_the_row_but_the_profile_can_be_written(house: House) -> None:
    api = house.as_member()
    etag = api.get("/me").headers["ETag"]
    open_fields = {"name", "gender", "birthday", "email", "county", "district", "address"}
    for field in Member._meta.fields:
        if field.name not in open_fields:
            is_problem(api.patch("/me", {field.name: 1}, If_Match=etag), 400, "invalid")
    assert not AuditEvent.objects.filter(action="member.change_profile").exists()


IDS = ["-1", "0", str(2**63), "9" * 40, "abc", "%00", "..%2f", "1%20", "1.0", "١", "01"]


@pytest.mark.parametrize("text", IDS)
def test_p18_ids_that_cannot_be(house: House, text: str) -> None:
    api = house.as_member()
    is_problem(api.get(f"/me/receipts/{text}"), 404)
    is_problem(api.delete(f"/me/sessions/{text}"), 404)


def test_p19_a_foreign_id_answers_byte_for_byte_like_an_unknown_one(house: House) -> None:
    theirs, _tokens = house.session(house.other)
    api = house.as_member()
    for path in ("/me/sessions/{}",):
        foreign = api.delete(path.format(theirs.pk), X_Request_ID="same-request-id")
        unknown = api.delete(path.format(999_999), X_Request_ID="same-request-id")
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.content == unknown.content
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


TOKENS = [
    "", "x", "Bearer", "skm_" + "A" * 43, "skk_0123456789ab_" + "A" * 43, "skr_1.1.x", "a" * 300, "權杖",
    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIn0.", "sk_live_0000000000000000000000000000",
]  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
def test_p20_tokens_that_are_none(house: House, token: str) -> None:
    given = token.encode().decode("latin-1")
    answer = Api().get("/me", Authorization=f"Bearer {given}")
    is_problem(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    is_problem(Api().get("/me", Authorization=f"Basic {given}"), 401)


def test_p21_callers_stay_on_their_side(house: House) -> None:
    is_problem(Api(house.key().secret).get("/me"), 403, "caller_not_allowed")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PROPFIND"])
def test_p22_p41_other_methods_have_no_effect(house: House, method: str) -> None:
    api = house.as_member()
    is_problem(api.call(method, "/me"), 405)
    is_problem(api.call(method, "/terms"), 405)


def test_p22_a_method_in_a_header_or_in_the_query_is_ignored(house: House) -> None:
    api = house.as_member()
    session, _tokens = house.session(device="another-device-000")
    answer = api.get(f"/me/sessions?_method=DELETE&id={session.pk}", X_HTTP_Method_Override="DELETE")
    assert answer.status_code == 200
    session.refresh_from_db()
    assert session.revoked_at is None


def test_p41_head_tells_what_get_would_and_nothing_more(house: House) -> None:
    answer = house.as_member().call("HEAD", "/me")
    assert (answer.status_code, answer.content) == (200, b"")


PAGES = [
    ("limit=0", 400), ("limit=-1", 400), ("limit=1000000000", 200), ("limit=10000000000", 400),
    ("limit=x", 400),
    ("limit=1&limit=2", 400), ("offset=1000000000", 400), ("cursor=forged", 400), ("cursor=", 400),
    ("cursor=" + "x" * 5000, 400), ("cursor=%00", 400), ("ordering=password", 400),
    ("filter[member__user__password__startswith]=p", 400), ("limit=%EF%BC%91", 400),
]  # fmt: skip


@pytest.mark.parametrize(("query", "status"), PAGES)
def test_p25_p26_pages_that_nobody_offered(house: House, query: str, status: int) -> None:
    give(house.account, 5)
    for path in ("/me/points/main/entries", "/me/receipts"):
        answer = house.as_member().get(f"{path}?{query}")
        assert answer.status_code == status, answer.content
        if status != 200:
            is_problem(answer, status)


def test_p25_a_cursor_of_another_list_or_member_is_forged(house: House) -> None:
    for _entry in range(3):
        give(house.account, 5)
    cursor = house.as_member().get("/me/points/main/entries?limit=1").json()["next"]
    assert cursor
    is_problem(house.as_member().get(f"/me/receipts?cursor={cursor}"), 400, "cursor_invalid")
    tampered = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    is_problem(house.as_member().get(f"/me/points/main/entries?cursor={tampered}"), 400, "cursor_invalid")


BIRTHDAYS = [
    "2026-02-30",
    "0001-01-01",
    "9999-01-01",
    "01/02/1990",
    "19900102",
    "1990-1-2",
    19900102,
    "",
    True,
]


@pytest.mark.parametrize("text", BIRTHDAYS)
def test_p28_dates_that_are_none(house: House, text: Any) -> None:
    api = house.as_member()
    etag = api.get("/me").headers["ETag"]
    is_problem(api.patch("/me", {"birthday": text}, If_Match=etag), 400)


TIMES = [
    "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:00",
    "0001-01-01T00:00:00Z",
    "9999-01-01T00:00:00Z",
    1,
    None,
    "",
]


@pytest.mark.parametrize("text", TIMES)
def test_p28_times_need_their_zone_and_a_likely_year(text: Any) -> None:
    with pytest.raises(serializers.ValidationError):
        fields.StrictDateTime().run_validation(text)


@pytest.mark.parametrize(
    "text", ["Marketing_SMS", "marketing_sms ", "ｍarketing_sms", "mаrketing_sms", "", 1, None]
)
def test_p29_words_are_taken_exactly(house: House, text: Any) -> None:
    is_problem(house.as_member().post("/me/consents", {**CONSENT, "purpose": text}), 400, "invalid")
    nothing_happened()


@pytest.mark.parametrize("value", ["true", 1, "yes", None, "on"])
def test_p29_yes_is_true_and_nothing_else(house: House, value: Any) -> None:
    is_problem(house.as_member().post("/me/consents", {**CONSENT, "given": value}), 400, "invalid")


@pytest.mark.parametrize("text", ["1", "0.5", "12.34", "9999999999.99"])
def test_money_is_text_with_two_places(text: str) -> None:
    assert str(fields.MoneyField().run_validation(text)) == text


@pytest.mark.parametrize(
    "text", ["-1", "1.234", "01", ".5", "1e3", "１", 1, 1.5, None, "", "NaN", "10000000000"]
)
def test_money_that_is_none(text: Any) -> None:
    with pytest.raises(serializers.ValidationError):
        fields.MoneyField().run_validation(text)


def test_p38_a_forwarded_address_counts_only_behind_our_proxy(house: House, settings: Any) -> None:
    settings.API_STRANGERS_CALLS_PER_MINUTE = 3
    spoofed = [Api().get("/terms", X_Forwarded_For=f"203.0.{number}.1").status_code for number in range(5)]
    assert spoofed == [200] * 3 + [429] * 2
    settings.TRUSTED_PROXIES = 1
    assert Api().get("/terms", X_Forwarded_For="10.0.0.1, 192.0.2.7").status_code == 200


def test_p38_a_foreign_host_is_refused(house: House) -> None:
    assert Api().get("/terms", Host="evil.example").status_code == 400


def test_p39_no_foreign_origin_is_let_in(house: House) -> None:
    answer = Api().call("OPTIONS", "/me", Origin="https://evil.example", Access_Control_Request_Method="GET")
    assert answer.status_code in (401, 405)
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("sqlstate", "code", "retry"),
    [("55P03", "busy", "1"), ("57014", "busy", "2"), (None, "unavailable", "5")],
)
def test_p40_a_database_that_does_not_answer(
    house: House, monkeypatch: pytest.MonkeyPatch, sqlstate: str | None, code: str, retry: str
) -> None:
    api = house.as_member()

    def fail(**_told: Any) -> None:
        cause = Exception("connection to server at 10.0.0.1 failed")
        cause.sqlstate = sqlstate  # type: ignore[attr-defined]
        raise OperationalError("connection to server at 10.0.0.1 failed") from cause

    monkeypatch.setattr(sessions, "authenticate", fail)
    answer = api.get("/me")
    is_problem(answer, 503, code)
    assert answer.headers["Retry-After"] == retry
    assert "10.0.0.1" not in answer.content.decode()


@pytest.mark.parametrize(("status", "expected"), [("frozen", 409), ("erased", 401), ("merged", 401)])
def test_p42_members_who_are_not_active(house: House, status: str, expected: int) -> None:
    api = house.as_member()
    values: dict[str, Any] = {"status": status}
    if status == "erased":
        values |= {"phone": "", "name": "", "erased_at": house.member.joined_at}
    if status == "merged":
        values |= {"merged_into": house.other}
    Member.objects.filter(pk=house.member.pk).update(**values)
    etag = '"x"'
    if status == "frozen":
        assert api.get("/me").json()["status"] == "frozen"
    answer = api.post("/me/consents", CONSENT)
    if status == "frozen":
        # He may look and say no; the service decides what a frozen member may do.
        assert answer.status_code in (201, 409)
        etag = api.get("/me").headers["ETag"]
        assert api.patch("/me", {"county": "臺北市"}, If_Match=etag).status_code in (200, 409)
    else:
        assert answer.status_code == expected


def test_errors_speak_the_callers_language(house: House) -> None:
    english = Api().get("/me", Accept_Language="en").json()["message"]
    chinese = Api().get("/me", Accept_Language="zh-TW").json()["message"]
    assert english.isascii() and not chinese.isascii()


def test_an_unhandled_fault_answers_without_its_insides(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("secret inside")

    api = house.as_member()
    api.http.raise_request_exception = False
    monkeypatch.setattr(Operation, "answer", broken)
    answer = api.get("/me")
    is_problem(answer, 500, "internal")
    assert "secret inside" not in answer.content.decode()


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/me", "/api/", "/api/v1/me/"])
def test_an_address_that_is_none_answers_like_every_error(house: House, path: str) -> None:
    is_problem(Api().get(path), 404, "not_found")


def test_each_answer_says_who_asked_and_how_often_he_still_may(house: House, settings: Any) -> None:
    settings.API_CALLS_PER_MINUTE = 30
    cache.clear()
    api = house.as_member()
    answers = [api.get("/me", X_Request_ID=f"request-{number:04d}") for number in range(31)]
    assert answers[0].headers["X-Request-ID"] == "request-0000"
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in answers[:30]]
    assert left == sorted(left, reverse=True) and left[-1] == 0
    assert int(answers[-1].headers["Retry-After"]) >= 1
    is_problem(answers[-1], 429, "limit_reached")


def test_a_request_id_that_could_forge_a_log_line_is_replaced(house: House) -> None:
    for given in ("a\nb", "x" * 65, "short", "秘密秘密秘密秘密".encode().decode("latin-1")):
        assert Api().get("/terms", X_Request_ID=given).headers["X-Request-ID"] != given


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_p07_fifty_at_once_have_one_effect_and_one_answer(house: House, together: Any) -> None:
    api = house.as_member()
    forget_limits()
    bodies: list[bytes] = []
    for _burst in range(5):
        calls = [lambda: Api(api.token).post("/me/consents", CONSENT, key="k1")] * 10
        for answer in together(calls):
            assert answer.status_code in (201, 409)
            if answer.status_code == 201:
                bodies.append(answer.content)
    assert len(set(bodies)) == 1
    assert Consent.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_n12_a_write_under_way_is_in_progress(house: House, together: Any) -> None:
    from django.utils import timezone

    client = f"member:{house.member.pk}"
    seen: list[str] = []

    def look() -> str:
        return idempotency.state_of(client=client, key="k1", now=timezone.now()).state

    def verb() -> dict[str, Any]:
        seen.extend(together([look]))
        return {"done": True}

    assert look() == "never_seen"
    idempotency.run_once(client=client, key="k1", request={}, now=timezone.now(), verb=verb)
    assert seen == ["in_progress"] and look() == "final"
    assert IdempotencyKey.objects.count() == 1
