"""What keeps a member from paying with points at a till until he has done something himself (S21, T6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from backoffice.models import AuditEvent, IdempotencyKey
from backoffice.services import idempotency
from campaigns.services.tills.points_parts import worth_since
from members.models import MembershipTerms, OneTimeCode, PhoneChange, StepUp
from members.selectors.standing import unproven_since
from members.services.secrets_of_rows import code_of
from points.models import Entry, Hold
from tests.api.conftest import Api, House, code_for, forget_limits, wrong
from tests.api.test_tills import hold, ok, receipt, refused, till
from tests.factories.points import give

pytestmark = pytest.mark.django_db


@pytest.fixture
def rich(house: House) -> House:
    give(house.account, 5_000)
    return house


def new_terms() -> None:
    MembershipTerms.objects.create(version="2", effective_from=timezone.now() - timedelta(hours=1))


def test_new_terms_are_agreed_to_before_points_are_spent(rich: House) -> None:
    api, app = till(rich), rich.as_member()
    new_terms()
    told = hold(rich, 100)
    refused(api.post("/holds", told), 409, "terms_not_accepted")
    assert not Hold.objects.exists()
    # Collecting goes on.
    ok(api.post("/purchases", receipt(rich)))
    app.post("/me/consents", {"purpose": "terms", "given": True, "version": "2"})
    ok(api.post("/holds", told), 201)


def test_spending_with_the_receipt_is_refused_as_well_and_nothing_is_stored(rich: House) -> None:
    new_terms()
    before = Entry.objects.count()
    told = receipt(rich, paid="35.00", redeem={"points": 120})
    answer = till(rich).post("/purchases", told)
    refused(answer, 409, "terms_not_accepted")
    assert Entry.objects.count() == before


def test_after_a_change_of_phone_large_spending_needs_a_code(rich: House, settings: Any) -> None:
    settings.STEP_UP_ABOVE_TWD = 6
    api, app = till(rich), rich.as_member()
    PhoneChange.objects.create(member=rich.member, proven=True, at=timezone.now() - timedelta(hours=1))
    ok(api.post("/holds", hold(rich, 180)), 201)
    refused(api.post("/holds", hold(rich, 181)), 409, "step_up_needed")
    assert app.get("/me").json()["step_up_until"] is not None
    challenge = ok(app.post("/me/codes", {"purpose": "spend"}), 202)["challenge_id"]
    code = code_of(OneTimeCode.objects.get(challenge=challenge).nonce)
    ok(app.post("/me/step-up", {"challenge_id": challenge, "code": code}))
    ok(api.post("/holds", hold(rich, 181)), 201)
    assert AuditEvent.objects.filter(action="member.step_up").count() == 1


def test_many_small_bills_are_a_large_one(rich: House, settings: Any) -> None:
    settings.STEP_UP_ABOVE_TWD = 6
    api = till(rich)
    PhoneChange.objects.create(member=rich.member, proven=True, at=timezone.now() - timedelta(hours=1))
    let_go, kept = hold(rich, 120), hold(rich, 120)
    ok(api.post("/holds", let_go), 201)
    ok(api.post(f"/holds/{let_go['hold_no']}/release", {}))
    ok(api.post("/holds", kept), 201)
    refused(api.post("/holds", hold(rich, 120)), 409, "step_up_needed")
    ok(api.post(f"/holds/{kept['hold_no']}/commit", {}))
    before = Entry.objects.count()
    refused(api.post("/holds", hold(rich, 120)), 409, "step_up_needed")
    told = receipt(rich, paid="35.00", redeem={"points": 120})
    refused(api.post("/purchases", told), 409, "step_up_needed")
    assert Entry.objects.count() == before
    ok(api.post("/holds", hold(rich, 60)), 201)


def test_what_a_proof_covered_is_not_counted_after_it(rich: House, settings: Any) -> None:
    settings.STEP_UP_ABOVE_TWD = 6
    api, now = till(rich), timezone.now()
    PhoneChange.objects.create(member=rich.member, proven=True, at=now - timedelta(hours=2))
    ok(api.post("/holds", hold(rich, 180)), 201)
    StepUp.objects.create(member=rich.member, at=now - timedelta(minutes=1))
    ok(api.post("/holds", hold(rich, 600)), 201)
    later = now + timedelta(minutes=40)
    since = unproven_since(rich.member, now + timedelta(hours=22), later)
    assert worth_since(member_id=rich.member.pk, since=since, now=later) == 0


def test_a_day_after_the_change_nothing_is_asked(rich: House) -> None:
    PhoneChange.objects.create(member=rich.member, proven=True, at=timezone.now() - timedelta(hours=24))
    ok(till(rich).post("/holds", hold(rich, 900)), 201)


def test_the_security_question_is_set_and_its_answer_never_told(rich: House) -> None:
    app = rich.as_member()
    assert ok(app.get("/me/security-question")) == {"question": None}
    plain = {"question": "您畢業的國小", "answer": "大安國小"}
    assert set(app.put("/me/security-question", plain).json()["fields"]) == {"challenge_id", "code"}
    refused(app.put("/me/security-question", plain | proof_of(app, "spend")), 401, "code_wrong")
    proof = proof_of(app, "answer")
    bad = plain | proof | {"code": wrong(proof["code"])}
    refused(app.put("/me/security-question", bad), 401, "code_wrong")
    assert ok(app.get("/me/security-question")) == {"question": None}
    told = plain | proof
    for _time in (1, 2):
        assert ok(app.put("/me/security-question", told, key="same")) == {"question": "您畢業的國小"}
    assert "大安" not in app.get("/me/data").content.decode()
    assert OneTimeCode.objects.get(challenge=proof["challenge_id"]).attempts == 2
    refused(app.put("/me/security-question", told | {"answer": "信義國小"}, key="same"), 422, "key_taken")
    refused(app.put("/me/security-question", told | {"answer": "信義國小"}), 401, "code_wrong")
    assert app.put("/me/security-question", {"question": "q", "answer": ""}).status_code == 400


def test_what_is_stored_of_the_request_does_not_tell_the_answer_to_who_guesses(rich: House) -> None:
    app = rich.as_member()
    told = {"question": "q", "answer": "大安國小"} | proof_of(app, "answer")
    ok(app.put("/me/security-question", told, key="same"))
    guess = {"method": "PUT", "path": "/api/v1/me/security-question", "body": told}
    assert IdempotencyKey.objects.get(key="same").request_hash != idempotency.request_hash(guess)


def proof_of(app: Api, purpose: str) -> dict[str, str]:
    challenge = app.post("/me/codes", {"purpose": purpose}).json()["challenge_id"]
    forget_limits()
    return {"challenge_id": challenge, "code": code_for(challenge)}
