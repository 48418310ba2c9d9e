"""The member about himself: profile, devices, card, phone, points, receipts, data, the way out."""

from __future__ import annotations

import base64
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from backoffice.models import AuditEvent, OutboxMessage
from members.errors import CardCodeExpired, CardCodeInvalid, CardReplaced, NoSuchCard
from members.models import (
    Consent,
    InvoiceCarrier,
    Member,
    MemberSession,
    OneTimeCode,
    PhoneChange,
    ReferralCode,
)
from members.selectors.standing import must_accept_terms, step_up_until
from members.services import card_codes, referrals
from members.services.card_numbers import replace_card
from members.services.phone_numbers import change_phone
from points.models import Entry
from points.services import ledger
from tests.api.conftest import HOUSE, Api, House, code_for, deliver, wrong
from tests.factories.backoffice import BrandFactory
from tests.factories.campaigns import bring_back, settle
from tests.factories.members import MemberFactory, ProfileFieldRuleFactory
from tests.factories.points import give, take

pytestmark = pytest.mark.django_db


def step_up(api: Api, purpose: str = "leave") -> dict[str, str]:
    challenge = api.post("/me/codes", {"purpose": purpose}).json()["challenge_id"]
    return {"challenge_id": challenge, "code": code_for(challenge)}


# --- Profile ------------------------------------------------------------------------------------------------
def test_the_profile_changes_with_the_version_that_was_looked_at(house: House) -> None:
    api = house.as_member()
    look = api.get("/me")
    etag = look.headers["ETag"]
    answer = api.patch("/me", {"county": "臺北市", "birthday": "1990-05-12"}, If_Match=etag)
    assert answer.status_code == 200 and answer.json()["county"] == "臺北市"
    assert answer.headers["ETag"] not in ("", etag) and "etag" not in answer.json()
    stale = api.patch("/me", {"county": "高雄市"}, If_Match=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "changed_meanwhile")
    for match in ({}, {"If_Match": "*"}):
        assert api.patch("/me", {"county": "高雄市"}, **match).json()["code"] == "precondition_missing"
    house.member.refresh_from_db()
    assert house.member.county == "臺北市"
    event = AuditEvent.objects.get(action="member.change_profile")
    assert (event.actor_type, event.actor_id) == ("member", str(house.member.pk))


def test_a_retry_of_a_change_is_the_stored_answer_though_the_version_has_moved(house: House) -> None:
    api = house.as_member()
    etag = api.get("/me").headers["ETag"]
    first = api.patch("/me", {"county": "臺北市"}, If_Match=etag, key="k1")
    second = api.patch("/me", {"county": "臺北市"}, If_Match=etag, key="k1")
    assert first.content == second.content and first.headers["ETag"] == second.headers["ETag"]
    assert second.headers["Idempotent-Replayed"] == "true"


def test_an_unchanged_profile_is_not_sent_again(house: House) -> None:
    api = house.as_member()
    etag = api.get("/me").headers["ETag"]
    answer = api.get("/me", If_None_Match=f'W/"other", {etag}')
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_wrong_value_names_its_field(house: House) -> None:
    api = house.as_member()
    etag = api.get("/me").headers["ETag"]
    answer = api.patch("/me", {"email": "nobody"}, If_Match=etag)
    assert answer.status_code == 400 and list(answer.json()["fields"]) == ["email"]


def test_one_question_at_a_time_the_required_ones_first(house: House) -> None:
    ProfileFieldRuleFactory(field="address")
    api = house.as_member()
    first = api.get("/me/question").json()
    assert (first["field"], first["is_required"]) == ("address", True)
    Member.objects.filter(pk=house.member.pk).update(address="某路 1 號")
    assert api.get("/me/question").json()["is_required"] is False
    Member.objects.filter(pk=house.member.pk).update(
        gender="female", birthday="1990-01-01", email="a@example.com", county="臺北市", district="信義區"
    )
    assert api.get("/me/question").json()["field"] is None


def test_consents_are_given_and_taken_back(house: House) -> None:
    api = house.as_member()
    api.post("/me/consents", {"purpose": "marketing_sms", "given": True, "version": "1"})
    api.post("/me/consents", {"purpose": "marketing_sms", "given": False})
    [item] = api.get("/me/consents").json()["items"]
    assert (item["purpose"], item["given"]) == ("marketing_sms", False)
    assert Consent.objects.count() == 2


def test_new_terms_have_to_be_agreed_to_again(house: House, settings: Any) -> None:
    api = house.as_member()
    assert api.get("/me").json()["terms"]["must_accept"] is True
    api.post("/me/consents", {"purpose": "terms", "given": True, "version": "1"})
    assert not must_accept_terms(house.member, timezone.now())
    settings.MEMBERSHIP_TERMS_VERSION = "2"
    assert must_accept_terms(house.member, timezone.now())
    assert api.get("/terms").json()["version"] == "2"


@pytest.mark.parametrize("code", ["/ABC+123", "/abc+123", " /1234567"])
def test_the_invoice_carrier_is_kept_and_forgotten(house: House, code: str) -> None:
    api = house.as_member()
    answer = api.put("/me/carrier", {"code": code.strip()})
    assert answer.json()["code"] == code.strip().upper() and answer.json()["barcode_svg"].startswith("<svg")
    assert api.delete("/me/carrier").json()["code"] is None
    assert not InvoiceCarrier.objects.exists()
    assert code.strip().upper() not in str(list(AuditEvent.objects.values_list("changes", flat=True)))


@pytest.mark.parametrize("code", ["ABC+1234", "/ABC", "/ABC_123", "/ABC1234", "/ＡBC+123", "//BC+123"])
def test_a_carrier_that_is_none_is_refused(house: House, code: str) -> None:
    answer = house.as_member().put("/me/carrier", {"code": code})
    assert (answer.status_code == 400) == (code != "/ABC1234")
    with pytest.raises(IntegrityError), transaction.atomic():
        InvoiceCarrier.objects.create(member=house.other, code="nonsense", updated_at=timezone.now())


# --- Devices ------------------------------------------------------------------------------------------------
def test_devices_are_listed_and_signed_out_one_by_one_or_all_but_this(house: House) -> None:
    api = house.as_member()
    lost, tokens = house.session(device="lost-device-00000")
    _third, others = house.session(device="third-device-0000")
    listed = api.get("/me/sessions").json()["items"]
    assert len(listed) == 3 and [item["current"] for item in listed].count(True) == 1
    assert api.delete(f"/me/sessions/{lost.pk}").json() == {"ended": 1}
    assert Api(tokens.access).get("/me").status_code == 401
    assert Api(others.access).get("/me").status_code == 200
    assert api.delete("/me/sessions").json() == {"ended": 1}
    assert Api(others.access).get("/me").status_code == 401
    assert api.get("/me").status_code == 200


def test_the_eleventh_device_signs_the_longest_unused_one_out(house: House) -> None:
    opened = [house.session(device=f"device-number-{number:04d}")[0] for number in range(12)]
    live = set(MemberSession.objects.filter(revoked_at=None).values_list("pk", flat=True))
    assert live == {session.pk for session in opened[2:]}


# --- Card ---------------------------------------------------------------------------------------------------
def test_the_card_shows_a_code_that_leads_to_the_member_for_five_minutes(house: House) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        card = house.as_member().get("/me/card").json()
    assert card["qr_svg"].startswith("<svg") and card["barcode_svg"].startswith("<svg")
    assert "style=" not in card["barcode_svg"] and len(card["code"]) == 32
    assert card_codes.resolve(card["code"], now) == house.member
    assert (
        card_codes.resolve(f" {card['code'].lower()} ", now + timedelta(minutes=3, seconds=59))
        == house.member
    )
    with pytest.raises(CardCodeExpired):
        card_codes.resolve(card["code"], now + card_codes.LIFE)


def test_a_code_that_was_touched_or_drawn_by_a_stranger_is_none(house: House) -> None:
    now = timezone.now()
    code = card_codes.issue(member=house.member, now=now).code
    raw = bytearray(base64.b32decode(code))
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(CardCodeInvalid):
            card_codes.resolve(base64.b32encode(bytes(changed)).decode(), now)
    for text in ("", "x", "A" * 32, "1" * 32, "９" * 16, code[:-1], code + "A", "☕" * 32):
        with pytest.raises(CardCodeInvalid):
            card_codes.resolve(text, now)


def test_a_replaced_card_kills_its_codes_and_says_so_for_its_number(house: House) -> None:
    now = timezone.now()
    code, number = card_codes.issue(member=house.member, now=now).code, house.member.card_no
    assert card_codes.resolve(number, now) == house.member
    row = replace_card(member=house.member, expected_card_no=number, reason="lost", actor=HOUSE, now=now)
    with pytest.raises(CardCodeInvalid):
        card_codes.resolve(code, now)
    with pytest.raises(CardReplaced):
        card_codes.resolve(number, now)
    assert card_codes.resolve(row.card_no, now) == row


def test_a_brands_own_member_is_unknown_elsewhere(house: House) -> None:
    now = timezone.now()
    own = MemberFactory(brand=house.brand)
    assert card_codes.resolve(own.card_no, now, brand_id=house.brand.pk) == own
    elsewhere = BrandFactory().pk
    for member_code in (own.card_no, card_codes.issue(member=own, now=now).code):
        with pytest.raises(NoSuchCard):
            card_codes.resolve(member_code, now, brand_id=elsewhere)
    assert card_codes.resolve(house.member.card_no, now, brand_id=elsewhere) == house.member


# --- Phone --------------------------------------------------------------------------------------------------
def both(api: Api, phone: str) -> dict[str, dict[str, str]]:
    answer = api.post("/me/phone", {"phone": phone})
    assert answer.status_code == 202, answer.content
    return {
        name: {"challenge_id": part["challenge_id"], "code": code_for(part["challenge_id"])}
        for name, part in answer.json().items()
    }


def test_a_phone_changes_with_codes_on_both_and_ends_the_other_devices(house: House) -> None:
    api = house.as_member()
    _lost, tokens = house.session(device="lost-device-00000")
    proofs = both(api, "0955-111-222")
    answer = api.post("/me/phone/confirm", proofs)
    assert answer.status_code == 200 and answer.json()["phone"] == "0955-***-222"
    house.member.refresh_from_db()
    assert house.member.phone == "+886955111222" and house.member.phone_verified_at is not None
    assert Api(tokens.access).get("/me").status_code == 401
    assert api.get("/me").json()["step_up_until"] is not None
    texts = deliver()
    assert len(texts) == 1 and "changed" in texts[0]
    assert "+886912345678" not in str(list(OutboxMessage.objects.values_list("payload", flat=True)))
    now = timezone.now()
    assert step_up_until(house.member, now) and not step_up_until(house.member, now + timedelta(hours=24))


@pytest.mark.parametrize("which", ["old", "new"])
def test_one_right_code_is_not_enough_and_the_other_may_be_tried_again(house: House, which: str) -> None:
    api = house.as_member()
    proofs = both(api, "0955111222")
    spoilt = {**proofs, which: {**proofs[which], "code": wrong(proofs[which]["code"])}}
    assert api.post("/me/phone/confirm", spoilt).json()["code"] == "code_wrong"
    house.member.refresh_from_db()
    assert house.member.phone == "+886912345678" and not PhoneChange.objects.exists()
    assert api.post("/me/phone/confirm", proofs).status_code == 200


def test_codes_of_another_member_or_purpose_open_nothing(house: House) -> None:
    mine, theirs = house.as_member(), house.as_member(house.other)
    proofs = both(theirs, "0955111222")
    assert mine.post("/me/phone/confirm", proofs).json()["code"] == "code_wrong"
    leave = step_up(mine)
    swapped = {"old": leave, "new": proofs["new"]}
    assert mine.post("/me/phone/confirm", swapped).json()["code"] == "code_wrong"
    entered = Api().post("/sessions", {**leave, "device_id": "a-device-of-nobody"})
    assert entered.json()["code"] == "code_wrong"


def test_who_has_the_new_phone_is_said_only_to_who_holds_it(house: House) -> None:
    api = house.as_member()
    proofs = both(api, "0987-654-321")
    answer = api.post("/me/phone/confirm", proofs)
    assert (answer.status_code, answer.json()["code"]) == (409, "phone_taken")
    assert str(house.other.pk) not in answer.json()["message"]


def test_a_change_by_staff_signs_the_devices_out_as_well(house: House) -> None:
    api = house.as_member()
    told = {"reason": "lost phone", "actor": HOUSE, "now": timezone.now()}
    change_phone(member=house.member, phone="0955111222", **told)
    assert api.get("/me").status_code == 401
    assert PhoneChange.objects.get().proven is False
    with pytest.raises(DatabaseError), transaction.atomic():
        PhoneChange.objects.update(proven=True)


# --- Points and receipts ------------------------------------------------------------------------------------
def test_balances_tell_everything_there_is_to_know(house: House) -> None:
    now = timezone.now()
    give(house.account, 100, expires_at=now + timedelta(days=10), now=now)
    give(house.account, 60, expires_at=now + timedelta(days=40), now=now)
    ledger.hold(
        account_id=house.account.pk, points=30, source=ledger.Source("till", "h1"),
        expires_at=now + timedelta(hours=1), context=ledger.Context(actor=HOUSE, now=now),
    )  # fmt: skip
    [item] = house.as_member().get("/me/points").json()["items"]
    figures = {name: item[name] for name in ("available", "balance", "held", "pending", "debt", "worth")}
    assert figures == {"available": 130, "balance": 160, "held": 30, "pending": 0, "debt": 0, "worth": "4.33"}
    assert [part["points"] for part in item["expiring"]] == [100, 60]
    assert item["expiring"][0]["usable_through"] <= item["expiring"][0]["expires_at"][:10]


def test_who_has_no_account_yet_has_nothing_in_every_program(house: House) -> None:
    [item] = house.as_member(house.other).get("/me/points").json()["items"]
    assert (item["program"], item["balance"], item["available"], item["expiring"]) == ("main", 0, 0, [])


def test_the_ledger_comes_in_pages_that_neither_lose_nor_repeat(house: House) -> None:
    for _entry in range(7):
        give(house.account, 10)
    take(house.account, 5)
    api = house.as_member()
    seen, cursor = [], ""
    while True:
        page = api.get(f"/me/points/main/entries?limit=3{cursor}").json()
        seen += [item["number"] for item in page["items"]]
        if len(seen) == 3:
            give(house.account, 10)
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [8, 7, 6, 5, 4, 3, 2, 1]
    assert house.as_member(house.other).get("/me/points/main/entries").status_code == 404


def test_receipts_say_what_they_earned_and_why(house: House) -> None:
    bought = settle(house.store, house.member, 300)
    bring_back(bought.purchase_id, 100)
    settle(house.store, house.other, 500)
    api = house.as_member()
    [item] = api.get("/me/receipts").json()["items"]
    [earned] = item["earned"]
    assert (earned["points"], earned["kept"]) == (300, 200) and len(earned["why"]) >= 2
    detail = api.get(f"/me/receipts/{item['id']}").json()
    assert detail["returns"][0]["amount"] == "100.00"
    assert house.as_member(house.other).get(f"/me/receipts/{item['id']}").status_code == 404


def test_pages_of_receipts_go_on_where_they_stopped(house: House) -> None:
    for number in range(5):
        settle(house.store, house.member, 100, receipt_no=f"P{number}")
    api = house.as_member()
    first = api.get("/me/receipts?limit=2").json()
    second = api.get(f"/me/receipts?limit=2&cursor={first['next']}").json()
    third = api.get(f"/me/receipts?limit=2&cursor={second['next']}").json()
    numbers = [item["receipt_no"] for page in (first, second, third) for item in page["items"]]
    assert numbers == ["P4", "P3", "P2", "P1", "P0"] and third["next"] is None


def test_a_look_at_the_balance_costs_two_queries_however_many_lots(
    house: House, django_assert_num_queries: Any
) -> None:
    api = house.as_member()
    for _lot in range(12):
        give(house.account, 10)
    api.get("/me/points")
    # The session with its member, and the accounts with their lots.
    with django_assert_num_queries(2):
        api.get("/me/points")


# --- Data and the way out -----------------------------------------------------------------------------------
def test_my_data_is_whole_and_every_look_is_written_down(house: House) -> None:
    give(house.account, 10)
    data = house.as_member().get("/me/data").json()["person"]
    assert data["name"] == "王小明" and data["points"]["main"]["balance"] == 10
    assert data["sign_in"]["devices"][0]["name"] == "phone"
    assert AuditEvent.objects.filter(action="member.export_person").count() == 1


def test_leaving_takes_the_person_out_and_leaves_the_books(house: House) -> None:
    give(house.account, 10)
    referrals.code_of(member=house.member)
    api = house.as_member()
    api.put("/me/carrier", {"code": "/ABC+123"})
    answer = api.post("/me/leave", step_up(api))
    assert answer.status_code == 200 and answer.json() == {"left": True}
    house.member.refresh_from_db()
    assert (house.member.status, house.member.phone, house.member.name) == ("erased", "", "")
    assert api.get("/me").status_code == 401
    for model in (InvoiceCarrier, ReferralCode, OneTimeCode):
        assert not model.objects.exists()
    assert set(MemberSession.objects.values_list("device_name", flat=True)) == {""}
    assert Entry.objects.count() == 1


def test_nobody_leaves_without_the_code_for_leaving(house: House) -> None:
    api = house.as_member()
    for proof in (step_up(api, "spend"), {"challenge_id": "0" * 32, "code": "123456"}):
        assert api.post("/me/leave", proof).json()["code"] == "code_wrong"
    house.member.refresh_from_db()
    assert house.member.status == "active"


def test_the_commands_export_and_erase(house: House, tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("export_member", house.member.pk, stdout=out)
    assert json.loads(out.getvalue())["name"] == "王小明"
    call_command(
        "export_member", house.member.pk, "--out", str(tmp_path / "member.json"), stdout=io.StringIO()
    )
    assert (tmp_path / "member.json").stat().st_mode & 0o077 == 0
    call_command("erase_member", house.member.pk, "--reason", "asked by letter", stdout=io.StringIO())
    house.member.refresh_from_db()
    assert house.member.status == "erased"
    for name in ("export_member", "erase_member"):
        with pytest.raises(CommandError):
            call_command(name, 999_999)
    with pytest.raises(CommandError):
        call_command("erase_member", house.member.pk)
