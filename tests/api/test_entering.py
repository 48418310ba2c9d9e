"""From a phone number to a signed-in device, and everything that must not get that far."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.models import Alarm, AuditEvent, IdempotencyKey, LimitCounter, OutboxMessage
from members.choices import FieldNeed, ProfileField
from members.models import Consent, Member, MemberSession, OneTimeCode, Referral
from members.services import code_limits, codes, referrals, sessions
from members.services.text_messages import FakeSms
from tests.api.conftest import DEVICE, Api, House, Race, ask_code, code_for, deliver, forget_limits, wrong
from tests.factories.members import MemberFactory, ProfileFieldRuleFactory

pytestmark = pytest.mark.django_db


def enter(api: Api, challenge: str, code: str, **more: Any) -> Any:
    return api.post("/sessions", {"challenge_id": challenge, "code": code, "device_id": DEVICE}, **more)


def sign_up(api: Api, phone: str, **values: Any) -> Any:
    challenge = ask_code(api, phone)
    ticket = enter(api, challenge, code_for(challenge)).json()["sign_up_token"]
    body = {"sign_up_token": ticket, "name": "新會員", "terms_version": "1", "device_id": DEVICE, **values}
    return api.post("/members", body)


def test_a_stranger_signs_up_and_sees_himself(house: House) -> None:
    answer = sign_up(Api(), "0955-111-222", store_code="TPE01", marketing={"marketing_sms": True})
    assert answer.status_code == 201, answer.content
    me = Api(answer.json()["access_token"]).get("/me").json()
    assert (me["name"], me["phone"], me["status"]) == ("新會員", "0955-***-222", "active")
    assert me["terms"] == {"accepted": "1", "current": "1", "must_accept": False}
    assert me["referring_store"] == "TPE01" and len(me["referral_code"]) == 8
    member = Member.objects.get(phone="+886955111222")
    assert member.phone_verified_at is not None
    assert dict(Consent.objects.filter(member=member).values_list("purpose", "given")) == {
        "terms": True,
        "marketing_sms": True,
    }


def test_a_member_signs_in_and_no_second_member_appears(house: House) -> None:
    api = Api()
    challenge = ask_code(api)
    answer = enter(api, challenge, code_for(challenge))
    assert answer.status_code == 200 and answer.json()["outcome"] == "signed_in"
    assert Api(answer.json()["access_token"]).get("/me").json()["id"] == house.member.pk
    assert Member.objects.filter(phone="+886912345678").count() == 1


def test_the_text_message_leaves_through_the_outbox_and_no_table_holds_the_code(house: House) -> None:
    challenge = ask_code(Api())
    assert FakeSms.sent == []
    [text] = deliver()
    code = code_for(challenge)
    assert code in text and FakeSms.sent[0].phone == "+886912345678"
    row = OneTimeCode.objects.get(challenge=challenge)
    assert code not in {row.code_hash, row.nonce} and row.sent_at is not None
    assert OutboxMessage.objects.get(topic="sms.code").payload == {"code": row.pk}
    assert code not in str(IdempotencyKey.objects.values_list("body", flat=True))


def test_no_table_holds_a_token(house: House) -> None:
    answer = sign_up(Api(), "0955-111-222").json()
    secrets = {answer["access_token"], answer["refresh_token"]}
    stored = str(list(IdempotencyKey.objects.values())) + str(list(MemberSession.objects.values()))
    assert not [secret for secret in secrets if secret in stored]


def test_known_and_unknown_phones_get_the_same_answer(house: House) -> None:
    known = Api().post("/codes", {"phone": "0912345678"}, X_Request_ID="same-request-id")
    unknown = Api().post("/codes", {"phone": "0955000111"}, X_Request_ID="same-request-id")
    assert known.status_code == unknown.status_code == 202
    assert set(known.json()) == set(unknown.json())
    same = {"resend_after_seconds"}
    assert {name: known.json()[name] for name in same} == {name: unknown.json()[name] for name in same}
    assert len(known.content) == len(unknown.content)
    assert len(deliver()) == 2


def test_t10_asking_for_a_known_and_an_unknown_phone_is_the_same_work(house: House) -> None:
    """As many statements, and none that looks at members: the time cannot tell whose phone it is."""
    counts = []
    # The first ask warms up what a process keeps.
    for phone in ("0966-666-666", "0912-345-678", "0977-777-777"):
        with CaptureQueriesContext(connection) as asked:
            ask_code(Api(), phone)
        counts.append(len(asked))
        assert not any("members_member" in (query["sql"] or "") for query in asked)
        forget_limits()
    assert counts[1] == counts[2]


def test_p34_the_sixth_try_is_not_compared_even_when_it_is_right(house: House) -> None:
    challenge = ask_code(Api())
    right = code_for(challenge)
    answers = [enter(Api(), challenge, wrong(right)) for _try in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 5
    sixth = enter(Api(), challenge, right)
    assert sixth.status_code == 429 and sixth.json()["code"] == "too_many_attempts"
    assert int(sixth.headers["Retry-After"]) > 0
    assert not MemberSession.objects.exists()


def test_p34_a_right_code_works_once(house: House) -> None:
    challenge = ask_code(Api())
    assert enter(Api(), challenge, code_for(challenge)).status_code == 200
    again = enter(Api(), challenge, code_for(challenge))
    assert (again.status_code, again.json()["code"]) == (401, "code_wrong")


def test_a_retry_of_the_right_code_gets_the_same_tokens_and_burns_nothing(house: House) -> None:
    challenge = ask_code(Api())
    first = enter(Api(), challenge, code_for(challenge), key="retry-1")
    second = enter(Api(), challenge, code_for(challenge), key="retry-1")
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    assert OneTimeCode.objects.get(challenge=challenge).attempts == 1
    assert MemberSession.objects.count() == 1


def test_p34_the_code_of_another_phone_and_the_one_before_are_worthless(house: House) -> None:
    mine, others = ask_code(Api()), ask_code(Api(), "0987654321")
    assert enter(Api(), mine, code_for(others)).status_code == 401
    forget_limits()
    newer = ask_code(Api())
    assert enter(Api(), mine, code_for(mine)).status_code == 401
    assert enter(Api(), newer, code_for(newer)).status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 401), (601, 401)])
def test_p34_a_code_lives_for_ten_minutes(house: House, seconds: int, status: int) -> None:
    challenge = ask_code(Api())
    row = OneTimeCode.objects.get(challenge=challenge)
    with time_machine.travel(row.created_at + timedelta(seconds=seconds), tick=False):
        assert enter(Api(), challenge, code_for(challenge)).status_code == status


@pytest.mark.parametrize("challenge", ["unknown", "0" * 32])
def test_an_unknown_challenge_answers_like_a_wrong_code(house: House, challenge: str) -> None:
    known = ask_code(Api())
    one = enter(Api(), challenge, "123456", X_Request_ID="same-request-id")
    other = enter(Api(), known, wrong(code_for(known)), X_Request_ID="same-request-id")
    assert one.status_code == other.status_code == 401 and one.content == other.content


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_t7_two_hundred_guesses_at_once_are_compared_five_times(house: House, together: Race) -> None:
    challenge = ask_code(Api())
    guess = wrong(code_for(challenge))
    compared: list[str] = []
    plain = codes.same

    def counted(one: str, other: str) -> bool:
        compared.append(one)
        return plain(one, other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codes, "same", counted)
        for _burst in range(10):
            answers = together([lambda: enter(Api(), challenge, guess).status_code] * 20)
            assert set(answers) <= {401, 429, 503}
    assert 1 <= len(compared) <= 5
    assert OneTimeCode.objects.get(challenge=challenge).attempts <= 5


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_control_a_counter_that_is_read_first_lets_more_guesses_through(house: House, together: Race) -> None:
    row = OneTimeCode.objects.get(challenge=ask_code(Api()))
    compared: list[int] = []

    def naive() -> None:
        fresh = OneTimeCode.objects.get(pk=row.pk)
        if fresh.attempts < 5:
            compared.append(1)
            fresh.attempts += 1
            fresh.save(update_fields=["attempts"])

    for _burst in range(3):
        together([naive] * 12)
    assert len(compared) > 5


def test_p35_asking_again_within_a_minute_is_refused_and_sends_nothing(house: House) -> None:
    ask_code(Api())
    again = Api().post("/codes", {"phone": "+886 912 345 678"})
    assert (again.status_code, again.json()["code"]) == (429, "limit_reached")
    assert 1 <= int(again.headers["Retry-After"]) <= 60
    assert len(deliver()) == 1


def test_p35_ten_codes_a_day_and_three_in_ten_minutes(house: House) -> None:
    start = timezone.now()
    sent = []
    for minute in range(0, 24 * 60, 2):
        with time_machine.travel(start + timedelta(minutes=minute), tick=False):
            sent.append(Api().post("/codes", {"phone": "0912345678"}).status_code)
    assert sent.count(202) == 10
    assert sent[:6] == [202, 202, 202, 429, 429, 202]


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        ("02-2345-6789", "invalid_phone"),
        ("0204-123-456", "invalid_phone"),
        ("0800-000-123", "invalid_phone"),
        ("+1 900 555 0123", "invalid_phone"),
        ("+852 5123 4567", "country_not_served"),
        ("+371 2 1234567", "country_not_served"),
        ("0912345678x", "invalid_phone"),
    ],
)
def test_p35_landlines_premium_and_foreign_numbers_get_no_message(
    house: House, phone: str, code: str
) -> None:
    answer = Api().post("/codes", {"phone": phone})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert deliver() == [] and not LimitCounter.objects.filter(bucket__startswith="sms:").exists()


def test_pumping_stops_at_network_block_and_budget(house: House, settings: Any) -> None:
    settings.SMS_DAILY_BUDGET, settings.SMS_PER_NETWORK_AN_HOUR, settings.SMS_PER_PREFIX_AN_HOUR = 25, 10, 8
    settings.API_STRANGERS_CALLS_PER_MINUTE = 10_000
    statuses = [
        Api(address=f"203.0.{number % 5}.{number}").post(
            "/codes", {"phone": f"09{number % 3}1000{number:03d}"}
        )
        for number in range(120)
    ]
    assert {answer.status_code for answer in statuses} == {202, 429}
    assert OneTimeCode.objects.count() <= 24
    outbox_messages = OutboxMessage.objects.filter(topic="sms.code").count()
    assert outbox_messages == OneTimeCode.objects.count()


def test_the_budget_of_the_day_is_a_hard_stop_with_an_alarm(house: House, settings: Any) -> None:
    settings.SMS_DAILY_BUDGET = 5
    answers = [Api().post("/codes", {"phone": f"09100000{number:02d}"}).status_code for number in range(8)]
    assert answers == [202] * 5 + [429] * 3
    assert Alarm.objects.filter(kind="members.sms_budget").count() == 2


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_asks_for_one_phone_at_once_send_one_message(house: House, together: Race) -> None:
    answers = together([lambda: Api().post("/codes", {"phone": "0912345678"}).status_code] * 12)
    assert answers.count(202) == 1
    assert OneTimeCode.objects.count() == 1


def test_without_a_provider_nobody_is_asked_to_wait_for_a_code(house: House, settings: Any) -> None:
    settings.SMS_TRANSPORT = ""
    answer = Api().post("/codes", {"phone": "0912345678"})
    assert (answer.status_code, answer.json()["code"]) == (503, "sms_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_t9_the_victim_of_an_attack_on_his_phone_goes_on_using_his_session(house: House) -> None:
    mine = house.as_member()
    challenge = ask_code(Api(address="203.0.113.9"))
    for _try in range(7):
        enter(Api(address="203.0.113.9"), challenge, wrong(code_for(challenge)))
    assert mine.get("/me").status_code == 200


def test_a_ticket_works_once_and_for_half_an_hour(house: House) -> None:
    api = Api()
    challenge = ask_code(api, "0955111222")
    ticket = enter(api, challenge, code_for(challenge)).json()["sign_up_token"]
    body = {"sign_up_token": ticket, "name": "新", "terms_version": "1", "device_id": DEVICE}
    row = OneTimeCode.objects.get(challenge=challenge)
    with time_machine.travel(row.ticket_expires_at, tick=False):
        assert api.post("/members", body).json()["code"] == "ticket_wrong"
    assert api.post("/members", body).status_code == 201
    assert api.post("/members", body).json()["code"] == "ticket_wrong"
    assert Member.objects.filter(phone="+886955111222").count() == 1


def test_a_phone_that_became_a_members_meanwhile_signs_in(house: House) -> None:
    api = Api()
    challenge = ask_code(api, "0955111222")
    ticket = enter(api, challenge, code_for(challenge)).json()["sign_up_token"]
    member = MemberFactory(phone="+886955111222")
    body = {"sign_up_token": ticket, "name": "新", "terms_version": "1", "device_id": DEVICE}
    answer = api.post("/members", body)
    assert Api(answer.json()["access_token"]).get("/me").json()["id"] == member.pk


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"terms_version": "0"}, 409, "terms_outdated"),
        ({"referral_code": "NOBODY22"}, 400, "no_such_referral_code"),
        ({"store_code": "NOWHERE"}, 400, "unknown_store"),
        ({"name": ""}, 400, "invalid"),
        ({"is_staff": True}, 400, "invalid"),
        ({"status": "active"}, 400, "invalid"),
    ],
)
def test_a_refused_sign_up_leaves_nobody_behind_and_the_ticket_whole(
    house: House, values: dict[str, Any], status: int, code: str
) -> None:
    count = Member.objects.count()
    answer = sign_up(Api(), "0955111222", **values)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Member.objects.count() == count
    assert not OneTimeCode.objects.exclude(ticket_used_at=None).exists()


def test_s10_what_the_brand_requires_is_asked_for_by_name_and_can_be_given(house: House) -> None:
    ProfileFieldRuleFactory(brand=house.brand, field=ProfileField.ADDRESS, need=FieldNeed.REQUIRED)
    api, count = Api(), Member.objects.count()
    challenge = ask_code(api, "0955111222")
    ticket = enter(api, challenge, code_for(challenge)).json()["sign_up_token"]
    body = {
        "sign_up_token": ticket,
        "name": "新",
        "terms_version": "1",
        "device_id": DEVICE,
        "store_code": "TPE01",
    }
    refused = api.post("/members", body)
    assert (refused.status_code, refused.json()["code"]) == (400, "profile_incomplete")
    assert set(refused.json()["fields"]) == {"address"} and Member.objects.count() == count
    assert api.post("/members", body | {"birthday": "1899-01-01", "address": "x"}).json()[
        "fields"
    ].keys() == {"birthday"}
    told = {"address": "中正路 1 號", "birthday": "1990-05-12", "gender": "female", "county": "臺北市"}
    answer = api.post("/members", body | told)
    assert answer.status_code == 201, answer.content
    me = Api(answer.json()["access_token"]).get("/me").json()
    assert {name: me[name] for name in told} == told
    assert house.as_member().get("/me").status_code == 200


def test_who_brought_the_new_member_is_kept_once(house: House) -> None:
    code = referrals.code_of(member=house.member)
    assert sign_up(Api(), "0955111222", referral_code=code.lower()).status_code == 201
    assert Referral.objects.get().referrer == house.member
    assert referrals.code_of(member=house.member) == code


def test_refreshing_gives_a_new_pair_and_ends_the_old_one(house: House) -> None:
    _session, tokens = house.session()
    answer = Api().post("/sessions/refresh", {"refresh_token": tokens.refresh, "device_id": DEVICE})
    assert answer.status_code == 200
    assert Api(tokens.access).get("/me").status_code == 401
    assert Api(answer.json()["access_token"]).get("/me").status_code == 200


def test_a_copied_refresh_token_ends_the_whole_session(house: House) -> None:
    _session, tokens = house.session()
    body = {"refresh_token": tokens.refresh, "device_id": DEVICE}
    newer = Api().post("/sessions/refresh", body).json()
    thief = Api().post("/sessions/refresh", body)
    assert (thief.status_code, thief.json()["code"]) == (401, "refresh_refused")
    assert Api(newer["access_token"]).get("/me").status_code == 401
    again = Api().post("/sessions/refresh", {"refresh_token": newer["refresh_token"], "device_id": DEVICE})
    assert again.status_code == 401
    assert AuditEvent.objects.filter(action="session.end").count() == 1


def test_a_refresh_token_on_another_device_ends_the_session(house: House) -> None:
    _session, tokens = house.session()
    body = {"refresh_token": tokens.refresh, "device_id": "the-device-of-a-thief"}
    assert Api().post("/sessions/refresh", body).status_code == 401
    assert Api(tokens.access).get("/me").status_code == 401


def test_a_lost_answer_to_a_refresh_is_asked_for_again_without_harm(house: House) -> None:
    _session, tokens = house.session()
    body = {"refresh_token": tokens.refresh, "device_id": DEVICE}
    first = Api().post("/sessions/refresh", body, key="refresh-1")
    second = Api().post("/sessions/refresh", body, key="refresh-1")
    assert first.content == second.content
    assert Api(first.json()["access_token"]).get("/me").status_code == 200


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_retries_of_a_refresh_at_once_get_one_answer_and_the_session_lives(
    house: House, together: Race
) -> None:
    _session, tokens = house.session()
    body = {"refresh_token": tokens.refresh, "device_id": DEVICE}
    answers = together([lambda: Api().post("/sessions/refresh", body, key="refresh-1").content] * 6)
    assert len(set(answers)) == 1
    assert MemberSession.objects.get().revoked_at is None
    assert MemberSession.objects.get().generation == 2


@pytest.mark.parametrize(
    "token", ["", "skr_", "skr_1.1.x", "skr_999999999999999999999.1.x", "skm_x", "skr_1.²."]
)
def test_a_made_up_refresh_token_is_refused(house: House, token: str) -> None:
    answer = Api().post("/sessions/refresh", {"refresh_token": token or "x", "device_id": DEVICE})
    assert answer.status_code == 401


def test_access_lasts_a_quarter_of_an_hour_and_signing_in_again_replaces_the_device(house: House) -> None:
    session, tokens = house.session()
    with time_machine.travel(session.created_at + sessions.ACCESS_LIFE, tick=False):
        assert Api(tokens.access).get("/me").status_code == 401
    house.session()
    assert Api(tokens.access).get("/me").status_code == 401
    assert MemberSession.objects.filter(revoked_at=None).count() == 1


@pytest.mark.parametrize("code", ["000000", "123456", "111111"])
def test_there_is_no_code_for_everybody(house: House, code: str) -> None:
    challenge = ask_code(Api())
    if code != code_for(challenge):
        assert enter(Api(), challenge, code).status_code == 401


def test_codes_that_nobody_enters_ring_an_alarm_once(house: House) -> None:
    now = timezone.now()
    OneTimeCode.objects.bulk_create(
        OneTimeCode(
            challenge=f"{number:032d}", nonce="0" * 32, purpose="enter", phone=f"+8869{number:08d}",
            code_hash="0" * 64, created_at=now - timedelta(minutes=30), expires_at=now,
            used_at=now if number % 3 == 0 else None,
        )
        for number in range(60)
    )  # fmt: skip
    assert [code_limits.watch_codes(now=now) for _time in range(2)] == [33, 33]
    assert Alarm.objects.filter(kind="members.sms_pumping").count() == 1
    assert code_limits.watch_codes(now=now + timedelta(hours=3)) == 100


def test_old_codes_and_counters_go_and_the_budget_of_today_stays(house: House, settings: Any) -> None:
    settings.SMS_DAILY_BUDGET = 1
    ask_code(Api())
    codes.forget_old(now=timezone.now())
    assert OneTimeCode.objects.count() == 1
    assert Api().post("/codes", {"phone": "0955111222"}).status_code == 429
    codes.forget_old(now=timezone.now() + timedelta(days=4))
    assert not OneTimeCode.objects.exists() and not LimitCounter.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        assert Api().post("/codes", {"phone": "0955111222"}).status_code == 202
