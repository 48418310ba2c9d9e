"""The till side over HTTP: looks, receipts, quotes, holds, returns; what is refused; what is told twice."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from backoffice.choices import ApiKeyKind, ApiScope
from campaigns.models import Award, PointsGivenBack, Reservation, TillItem, TillRecord
from members.choices import MemberStatus
from members.models import Member, Purchase
from members.services import card_codes
from points.models import Account, Entry, Hold
from points.services.holds import release_by_staff
from tests.api.conftest import Api, House
from tests.factories.points import AccountFactory, ProgramFactory, give

pytestmark = pytest.mark.django_db
NUMBERS = itertools.count(1)


def till(house: House, **values: Any) -> Api:
    return Api(house.key(**values).secret)


def receipt(house: House, paid: str = "135.00", **values: Any) -> dict[str, Any]:
    told = {
        "receipt_no": f"R{next(NUMBERS)}",
        "card": house.member.card_no,
        "purchased_at": timezone.now().isoformat(),
        "paid": paid,
    }
    return {name: value for name, value in (told | values).items() if value is not None}


def hold(house: House, points: int, amount: str = "1000.00", **values: Any) -> dict[str, Any]:
    return {
        "hold_no": f"H{next(NUMBERS)}",
        "card": house.member.card_no,
        "amount": amount,
        "points": points,
    } | values


def points_of(house: House) -> tuple[int, int]:
    account = Account.objects.get(pk=house.account.pk)
    return account.balance, account.held


def ok(answer: Any, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.content.decode()
    return dict(answer.json())


def refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.content.decode()


# --- Looks ------------------------------
def test_a_look_by_card_code_or_phone_answers_masked_and_a_token_that_serves(house: House) -> None:
    api = till(house)
    code = card_codes.issue(member=house.member, now=timezone.now()).code
    for who in ({"card": house.member.card_no}, {"card": code}, {"phone": "0912-345-678"}):
        body = ok(api.post("/looks", who))
        assert body["member"] == {
            "name": "王○明", "phone": "0912-***-678", "card": f"…{house.member.card_no[-4:]}",
            "status": "active",
        }  # fmt: skip
        assert house.member.phone not in str(body) and house.member.card_no not in str(body)
        assert ok(api.post("/purchases", receipt(house, card=body["token"])))["member"] == body["member"]


def test_a_look_is_replayed_byte_for_byte_and_its_token_stands_in_no_table(house: House) -> None:
    from backoffice.models import IdempotencyKey

    api = till(house)
    first = api.post("/looks", {"phone": "0912345678"}, key="k1")
    second = api.post("/looks", {"phone": "0912345678"}, key="k1")
    assert first.content == second.content and second.headers["Idempotent-Replayed"] == "true"
    assert "token" not in IdempotencyKey.objects.get(key="k1").body


def test_strangers_and_people_of_another_brand_get_one_answer(house: House) -> None:
    house.other.brand = house.other_store.brand
    house.other.save(update_fields=["brand"])
    api = till(house)
    unknown = api.post("/looks", {"phone": "0955555555"}, X_Request_ID="same-request")
    foreign = api.post("/looks", {"phone": "0987654321"}, X_Request_ID="same-request")
    refused(unknown, 404, "no_such_customer")
    assert unknown.content == foreign.content


def test_a_token_serves_at_its_own_store_only_and_for_half_an_hour(house: House, time_machine: Any) -> None:
    token = ok(till(house).post("/looks", {"phone": "0912345678"}))["token"]
    other = till(house, store=house.other_store)
    refused(other.post("/quotes", {"card": token, "amount": "10.00"}), 400, "card_code_invalid")
    time_machine.move_to(timezone.now() + timedelta(minutes=31))
    answer = till(house).post("/quotes", {"card": token, "amount": "10.00"})
    assert answer.json()["code"] == "card_code_expired"
    refused(
        till(house).post("/quotes", {"card": token[:-4] + "AAAA", "amount": "1.00"}), 400, "card_code_invalid"
    )


def test_looks_are_counted_also_the_ones_in_vain(house: House, settings: Any) -> None:
    settings.TILL_LOOKUPS_PER_HOUR = 3
    api = till(house)
    assert [api.post("/looks", {"phone": "0955555555"}).status_code for _ in range(5)] == [404] * 3 + [
        429
    ] * 2


# --- Receipts ------------------------------
def test_s66_s68_a_receipt_earns_says_why_and_prints_the_next_expiry(house: House) -> None:
    told = receipt(
        house,
        "135.00",
        discount="15.00",
        lines=[
            {"sku": "A", "amount": "150.00", "quantity": "2"},
            {"category": "discount", "amount": "-15.00"},
        ],
        tenders=[{"method": "cash", "amount": "135.00"}],
        invoice_no="AB12345678",
        cashier="C7",
        order_type="take_away",
    )
    api = till(house)
    body = ok(api.post("/purchases", told))
    assert body["state"] == "settled" and body["earned"][0]["points"] == 135 and body["earned"][0]["why"]
    assert body["balances"][0]["available"] == 135
    assert any("can be used through" in line for line in body["messages"]), body["messages"]
    stored = Purchase.objects.get(pk=body["purchase_id"])
    assert (stored.gross, stored.cashier, stored.lines.count()) == (Decimal("150.00"), "C7", 2)
    assert ok(api.get(f"/purchases/{told['receipt_no']}")) == body


def test_p24_the_same_receipt_under_a_new_key_has_no_second_effect(house: House) -> None:
    api, told = till(house), receipt(house)
    first, second = ok(api.post("/purchases", told)), ok(api.post("/purchases", told))
    assert first == second and Entry.objects.count() == 1 and TillRecord.objects.count() == 1
    refused(api.post("/purchases", {**told, "paid": "999.00"}), 409, "receipt_differs")
    assert points_of(house) == (135, 0)


def test_the_answer_is_replayed_byte_for_byte_whatever_happened_since(house: House) -> None:
    api, told = till(house), receipt(house)
    first = api.post("/purchases", told, key="k1")
    ok(api.post("/purchases", receipt(house, "500.00")))
    again = api.post("/purchases", told, key="k1")
    assert again.content == first.content and again.headers["Idempotent-Replayed"] == "true"


def test_t14_another_stores_receipt_is_unknown(house: House) -> None:
    told = receipt(house)
    ok(till(house).post("/purchases", told))
    other = till(house, store=house.other_store)
    refused(other.get(f"/purchases/{told['receipt_no']}"), 404, "not_found")
    back = {"return_no": "T1", "returned_at": timezone.now().isoformat(), "amount": "135.00"}
    refused(other.post(f"/purchases/{told['receipt_no']}/returns", back), 404, "no_such_purchase")
    # The same number over there is another receipt.
    assert ok(other.post("/purchases", told))["state"] == "settled"
    assert Purchase.objects.count() == 2


def test_n1_a_receipt_without_a_card_and_of_a_frozen_member_says_why_it_gives_nothing(house: House) -> None:
    api = till(house)
    nobody = ok(api.post("/purchases", receipt(house, card=None)))
    assert nobody["member"] is None and "no member was named" in nobody["earned"][0]["why"][0]
    Member.objects.filter(pk=house.member.pk).update(status=MemberStatus.FROZEN)
    frozen = ok(api.post("/purchases", receipt(house)))
    assert frozen["earned"][0]["points"] == 0 and "not active" in frozen["earned"][0]["why"][0]


def test_n23_small_change_is_told(house: House) -> None:
    house.program.carry_over, house.program.earn_amount = True, Decimal(50)
    house.program.save()
    api = till(house)
    first = ok(api.post("/purchases", receipt(house, "30.00")))
    assert first["small_change"] == [{"program": "main", "amount": "30.00"}]
    second = ok(api.post("/purchases", receipt(house, "20.00")))
    assert second["earned"][0]["points"] == 1 and second["small_change"][0]["amount"] == "0.00"


@pytest.mark.parametrize(("shift", "reason"), [({"days": 1}, "clock_ahead"), ({"days": -30}, "clock_old")])
def test_p36_a_clock_that_is_off_goes_to_review_and_gives_nothing(
    house: House, shift: Any, reason: str
) -> None:
    api = till(house)
    told = receipt(house, purchased_at=(timezone.now() + timedelta(**shift)).isoformat())
    body = ok(api.post("/purchases", told))
    assert (body["state"], body["inbox"]["reason"]) == ("review", reason)
    assert ok(api.post("/purchases", told)) == body and TillItem.objects.count() == 1
    assert not Purchase.objects.exists() and points_of(house) == (0, 0)
    assert ok(api.get(f"/purchases/{told['receipt_no']}"))["state"] == "review"
    refused(api.post("/purchases", {**told, "paid": "1.00"}), 409, "told_differently")


def test_a_late_receipt_inside_the_window_counts_by_its_own_day_once(house: House) -> None:
    at = timezone.now() - timedelta(days=6, hours=23)
    told = receipt(house, purchased_at=at.isoformat())
    api = till(house)
    assert ok(api.post("/purchases", told)) == ok(api.post("/purchases", told))
    assert Entry.objects.get().occurred_at == at


def test_t14_unusually_many_points_go_to_review(house: House, settings: Any) -> None:
    settings.TILL_RECEIPT_MOST_POINTS, settings.TILL_DAY_MOST_POINTS = 1000, 1500
    api = till(house)
    assert ok(api.post("/purchases", receipt(house, "1001.00")))["inbox"]["reason"] == "many_points"
    assert [ok(api.post("/purchases", receipt(house, "800.00")))["state"] for _ in range(3)] == [
        "settled", "review", "review",
    ]  # fmt: skip
    assert points_of(house) == (800, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"paid": "-1.00"}, {"paid": 135}, {"paid": "1.234"}, {"purchased_at": "2026-11-22T10:00:00"},
        {"receipt_no": "a/b"}, {"receipt_no": "單號"}, {"order_type": "In_Store"}, {"store": 2},
        {"lines": [{"amount": "1.00", "quantity": "0"}]}, {"lines": [{"amount": "1.00"}] * 501},
        {"lines": [{"amount": "1.00", "line_no": 1}, {"amount": "1.00", "line_no": 1}]},
        {"redeem": {}}, {"redeem": {"points": 0}}, {"redeem": {"points": True}}, {"card": "x" * 101},
    ],
)  # fmt: skip
def test_bad_receipts_are_refused_and_leave_nothing(house: House, wrong: dict[str, Any]) -> None:
    answer = till(house).post("/purchases", receipt(house) | wrong)
    assert answer.status_code == 400, answer.content
    assert not Purchase.objects.exists() and not TillItem.objects.exists()


# --- Quotes, holds, spending ------------------------------
def test_n24_every_listed_split_can_be_held_and_committed_as_it_is(house: House) -> None:
    now = timezone.now()
    give(house.account, 120, now=now, expires_at=now + timedelta(days=10))
    give(house.account, 600, now=now, expires_at=now + timedelta(days=300))
    api = till(house)
    asked = {"card": house.member.card_no, "amount": "10.00", "cash": "8.00"}
    quote = ok(api.post("/quotes", asked))
    splits = {split["name"]: (split["points"], split["cash"]) for split in quote["splits"]}
    assert splits == {
        "points_first": (300, "0.00"), "suggested": (120, "6.00"), "cash_first": (60, "8.00"),
        "cash_only": (0, "10.00"),
    }  # fmt: skip
    assert {split["name"]: split["earns"]["main"] for split in quote["splits"]} == {
        "points_first": 0, "suggested": 6, "cash_first": 8, "cash_only": 10,
    }  # fmt: skip
    for split in quote["splits"]:
        if not split["points"]:
            continue
        held = ok(api.post("/holds", hold(house, split["points"], "10.00")), 201)
        assert (held["worth"], held["cash"]) == (split["worth"], split["cash"])
        done = ok(api.post(f"/holds/{held['hold_no']}/commit", {}))
        assert (done["state"], done["spent"]) == ("committed", split["points"])
    assert points_of(house) == (720 - 480, 0)


def test_s106_too_few_points_are_refused_before_anybody_is_charged(house: House) -> None:
    give(house.account, 50, now=timezone.now())
    asked = {"card": house.member.card_no, "amount": "10.00", "cash": "8.00"}
    refused(till(house).post("/quotes", asked), 409, "insufficient_points")


def test_p23_exactly_the_balance_one_more_and_what_is_held(house: House) -> None:
    give(house.account, 100, now=timezone.now())
    api = till(house)
    refused(api.post("/holds", hold(house, 101)), 409, "insufficient_points")
    held = ok(api.post("/holds", hold(house, 100)), 201)
    refused(api.post("/holds", hold(house, 1)), 409, "insufficient_points")
    assert points_of(house) == (100, 100)
    ok(api.post(f"/holds/{held['hold_no']}/commit"))
    assert points_of(house) == (0, 0)


def test_p33_a_hold_is_committed_once_not_above_it_and_not_after_its_end(
    house: House, time_machine: Any
) -> None:
    give(house.account, 500, now=timezone.now())
    api = till(house)

    def number(**values: Any) -> str:
        return str(ok(api.post("/holds", hold(house, 100, **values)), 201)["hold_no"])

    part = number()
    refused(api.post(f"/holds/{part}/commit", {"points": 101}), 409, "hold_too_small")
    assert ok(api.post(f"/holds/{part}/commit", {"points": 40}))["spent"] == 40
    assert ok(api.post(f"/holds/{part}/commit", {"points": 40}))["spent"] == 40
    refused(api.post(f"/holds/{part}/commit", {"points": 41}), 409, "reservation_closed")
    refused(api.post(f"/holds/{part}/release"), 409, "reservation_closed")
    let_go = number()
    assert [ok(api.post(f"/holds/{let_go}/release"))["state"] for _ in range(2)] == ["released"] * 2
    refused(api.post(f"/holds/{let_go}/commit"), 409, "reservation_closed")
    freed = number()
    row = Hold.objects.filter(status="open").get()
    release_by_staff(hold_id=row.pk, reason="other", note="", actor=_staff(house), now=timezone.now())
    refused(api.post(f"/holds/{freed}/commit"), 409, "reservation_closed")
    assert ok(api.get(f"/holds/{freed}"))["state"] == "released"
    over = number(minutes=5)
    time_machine.move_to(timezone.now() + timedelta(minutes=5))
    refused(api.post(f"/holds/{over}/commit"), 409, "reservation_closed")
    assert ok(api.get(f"/holds/{over}"))["state"] == "expired"
    assert Account.objects.get(pk=house.account.pk).balance == 460


def _staff(house: House) -> Any:
    from backoffice.actors import Actor
    from backoffice.choices import Role
    from tests.factories.backoffice import UserFactory

    return Actor.staff(UserFactory(role=Role.MANAGER, stores=[house.store]))


def test_a_hold_number_is_one_hold_and_of_one_store(house: House) -> None:
    give(house.account, 500, now=timezone.now())
    api, told = till(house), hold(house, 100)
    assert ok(api.post("/holds", told), 201) == ok(api.post("/holds", told), 201)
    assert Hold.objects.count() == 1
    refused(api.post("/holds", {**told, "points": 60}), 409, "reservation_differs")
    other = till(house, store=house.other_store)
    for path in (f"/holds/{told['hold_no']}/commit", f"/holds/{told['hold_no']}/release"):
        refused(other.post(path), 404, "no_such_reservation")
    refused(other.get(f"/holds/{told['hold_no']}"), 404, "no_such_reservation")


def test_a_hold_number_that_is_used_again_for_another_member_is_refused(
    house: House, time_machine: Any
) -> None:
    give(house.account, 500, now=timezone.now())
    give(AccountFactory(member=house.other, program=house.program), 500, now=timezone.now())
    api = till(house)
    code = card_codes.issue(member=house.member, now=timezone.now()).code
    told = hold(house, 100, card=code)
    first = ok(api.post("/holds", told), 201)
    refused(api.post("/holds", {**told, "card": house.other.card_no}), 409, "reservation_differs")
    assert ok(api.post("/holds", {**told, "card": house.member.card_no}), 201) == first
    # The code on the screen is over by now, the hold is the same.
    time_machine.move_to(timezone.now() + timedelta(minutes=6), tick=False)
    assert ok(api.post("/holds", told), 201) == first
    assert Hold.objects.get().account_id == house.account.pk


def test_s99_what_a_bill_does_not_allow_is_refused_with_the_range(house: House) -> None:
    house.program.min_spend, house.program.spend_step, house.program.max_share_percent = 60, 30, 50
    house.program.save()
    give(house.account, 5000, now=timezone.now())
    api = till(house)
    quote = ok(api.post("/quotes", {"card": house.member.card_no, "amount": "10.00"}))
    assert (quote["least"], quote["most"], quote["step"]) == (60, 150, 30)
    for points in (30, 61, 180):
        refused(api.post("/holds", hold(house, points, "10.00")), 400, "bill_out_of_range")
    assert not Hold.objects.exists() and not Reservation.objects.exists()


@pytest.mark.parametrize(
    ("status", "code", "answer"),
    [("frozen", 409, "member_not_served"), ("erased", 404, "no_such_card"), ("merged", 201, "")],
)
def test_p42_members_who_are_not_active(house: House, status: str, code: int, answer: str) -> None:
    now = timezone.now()
    give(house.account, 500, now=now)
    told = hold(house, 100)
    values: dict[str, Any] = {"status": status}
    if status == "erased":
        values |= {"phone": "", "name": "", "erased_at": now}
    if status == "merged":
        from points.services import ledger

        values["merged_into"] = house.other
        account = ledger.open_account(member_id=house.other.pk, program_id=house.program.pk, now=now)
        give(Account.objects.get(pk=account), 300, now=now)
    Member.objects.filter(pk=house.member.pk).update(**values)
    found = till(house).post("/holds", told)
    assert found.status_code == code and (not answer or found.json()["code"] == answer), found.content
    if status == "merged":
        assert Reservation.objects.get().member_id == house.other.pk
    else:
        assert not Hold.objects.exists()


def test_s121_one_call_spends_and_earns(house: House) -> None:
    give(house.account, 120, now=timezone.now())
    api = till(house)
    told = receipt(house, "6.00", redeem={"points": 120})
    body = ok(api.post("/purchases", told))
    assert (body["redeemed"]["spent"], body["redeemed"]["worth"]) == (120, "4.00")
    assert body["earned"][0]["points"] == 6 and points_of(house) == (6, 0)
    assert ok(api.post("/purchases", told)) == body
    refused(api.post("/purchases", {**told, "redeem": {"points": 60}}), 409, "reservation_differs")
    assert points_of(house) == (6, 0)
    entry = Entry.objects.get(kind="spend")
    assert (entry.explanation["worth"], entry.explanation["amount"]) == ("4.00", "10.00")


def test_points_that_a_receipt_earns_cannot_pay_it(house: House) -> None:
    refused(
        till(house).post("/purchases", receipt(house, "1000.00", redeem={"points": 60})),
        409,
        "insufficient_points",
    )
    assert not Purchase.objects.exists() and not Reservation.objects.exists()


def test_a_receipt_commits_its_hold_and_nobody_elses(house: House) -> None:
    give(house.account, 200, now=timezone.now())
    api = till(house)
    held = ok(api.post("/holds", hold(house, 120, "10.00")), 201)
    told = receipt(house, "6.00", redeem={"hold_no": held["hold_no"]})
    refused(api.post("/purchases", {**told, "card": house.other.card_no}), 409, "receipt_differs")
    assert points_of(house) == (200, 120)
    body = ok(api.post("/purchases", told))
    assert body["redeemed"]["state"] == "committed" and points_of(house) == (86, 0)
    second = receipt(house, "6.00", redeem={"hold_no": held["hold_no"]})
    refused(api.post("/purchases", second), 409, "receipt_differs")
    assert points_of(house) == (86, 0)


def test_a_receipt_cannot_begin_to_redeem_when_it_is_told_again(house: House) -> None:
    give(house.account, 200, now=timezone.now())
    api, told = till(house), receipt(house)
    ok(api.post("/purchases", told))
    refused(api.post("/purchases", {**told, "redeem": {"points": 60}}), 409, "receipt_differs")
    assert points_of(house) == (335, 0)


def test_spending_needs_its_scope(house: House) -> None:
    give(house.account, 200, now=timezone.now())
    api = till(house, scopes=[ApiScope.PURCHASES_WRITE])
    refused(api.post("/purchases", receipt(house, redeem={"points": 60})), 403, "caller_not_allowed")
    refused(api.post("/holds", hold(house, 60)), 403, "caller_not_allowed")
    refused(
        Api(house.key(ApiKeyKind.PARTNER).secret).post("/holds", hold(house, 60)), 403, "caller_not_allowed"
    )
    assert points_of(house) == (200, 0)


# --- Returns ------------------------------
def back(amount: str | None = None, **values: Any) -> dict[str, Any]:
    told = {"return_no": f"T{next(NUMBERS)}", "returned_at": timezone.now().isoformat()}
    return told | ({"amount": amount} if amount else {}) | values


def test_p32_returns_unknown_too_much_twice(house: House) -> None:
    api, told = till(house), receipt(house, "100.00")
    refused(api.post("/purchases/unknown/returns", back("1.00")), 404, "no_such_purchase")
    ok(api.post("/purchases", told))
    path = f"/purchases/{told['receipt_no']}/returns"
    refused(api.post(path, back("100.01")), 409, "return_exceeds_payment")
    once = back("60.00")
    first = ok(api.post(path, once))
    assert first["taken_back"][0]["taken"] == 60
    assert ok(api.post(path, once)) == first and points_of(house) == (40, 0)
    refused(api.post(path, {**once, "amount": "50.00"}), 409, "return_differs")
    refused(api.post(path, back("40.01")), 409, "return_exceeds_payment")
    ok(api.post(path, back("40.00")))
    assert points_of(house) == (0, 0)


def test_p32_a_return_before_its_receipt_waits_and_is_applied_with_it_once(house: House) -> None:
    api, told = till(house), receipt(house, "100.00")
    path = f"/purchases/{told['receipt_no']}/returns"
    early, too_much = back("60.00", park=True), back("50.00", park=True)
    assert ok(api.post(path, early))["state"] == "parked"
    assert ok(api.post(path, early))["state"] == "parked" and TillItem.objects.count() == 1
    assert ok(api.post(path, too_much))["state"] == "parked"
    body = ok(api.post("/purchases", told))
    assert (body["returned"], body["earned"][0]["kept"]) == ("60.00", 40)
    assert points_of(house) == (40, 0)
    assert ok(api.post(path, early))["state"] == "settled"
    waiting = ok(api.post(path, too_much))
    assert (waiting["state"], waiting["inbox"]["code"]) == ("review", "return_exceeds_payment")
    ok(api.post("/purchases", told))
    assert points_of(house) == (40, 0)


def test_n2_returns_by_line_add_up_and_spent_points_come_back_exactly(house: House) -> None:
    now = timezone.now()
    deadline = now + timedelta(days=40)
    give(house.account, 300, now=now, expires_at=deadline)
    api = till(house)
    told = receipt(
        house, "90.00", redeem={"points": 300},
        lines=[{"amount": "70.00"}, {"amount": "30.00"}],
    )  # fmt: skip
    ok(api.post("/purchases", told))
    assert points_of(house) == (90, 0)
    path = f"/purchases/{told['receipt_no']}/returns"
    given, taken = [], []
    for part in (
        {"lines": [{"line_no": 2, "quantity": "1", "amount": "27.00"}]}, {"amount": "31.00"},
        {"amount": "32.00"},
    ):  # fmt: skip
        body = ok(api.post(path, back(**part)))
        given.append(body["given_back"])
        taken.append(body["taken_back"][0]["taken"])
    assert given == [90, 103, 107] and taken == [27, 31, 32]
    assert points_of(house) == (300, 0)
    assert PointsGivenBack.objects.count() == 3
    balance = ok(api.post("/looks", {"card": house.member.card_no}))["balances"][0]
    assert [part["expires_at"] for part in balance["expiring"]] == [deadline.isoformat()]


def test_a_return_after_the_points_were_spent_is_debt_and_after_expiry_lapsed(
    house: House, time_machine: Any
) -> None:
    api, told = till(house), receipt(house, "100.00")
    ok(api.post("/purchases", told))
    held = ok(api.post("/holds", hold(house, 80)), 201)
    ok(api.post(f"/holds/{held['hold_no']}/commit"))
    body = ok(api.post(f"/purchases/{told['receipt_no']}/returns", back("100.00")))
    assert body["taken_back"][0]["debt"] == 80
    account = Account.objects.get(pk=house.account.pk)
    assert (account.balance, account.debt) == (0, 80)
    # The redemption is undone after the lot's last day: the debt is paid first or the points lapse again.
    time_machine.move_to(timezone.now() + timedelta(days=800))
    api = till(house)
    again = ok(api.post(f"/holds/{held['hold_no']}/refunds", {"refund_no": "X1"}))
    assert again["points"] == 80
    assert ok(api.post(f"/holds/{held['hold_no']}/refunds", {"refund_no": "X1"}))["points"] == 80
    refused(
        api.post(f"/holds/{held['hold_no']}/refunds", {"refund_no": "X2", "points": 1}),
        409,
        "already_reversed",
    )


def test_a_bill_that_points_paid_whole_is_given_back_by_its_number(house: House) -> None:
    give(house.account, 300, now=timezone.now())
    api = till(house)
    told = receipt(house, "0.00", redeem={"points": 300})
    body = ok(api.post("/purchases", told))
    number = body["redeemed"]["hold_no"]
    back_ = ok(api.post(f"/holds/{number}/refunds", {"refund_no": "V1", "points": 100}))
    assert (back_["points"], back_["hold"]["given_back"]) == (100, 100)
    assert ok(api.post(f"/holds/{number}/refunds", {"refund_no": "V2"}))["points"] == 200
    assert points_of(house) == (300, 0)


# --- Corrections and the report ------------------------------
def test_a_correction_is_asked_for_and_nothing_moves(house: House) -> None:
    api = till(house)
    told = {
        "correction_no": "C1", "card": house.member.card_no, "points": 50, "reason": "missing_earn",
        "note": "收據未掃",
    }  # fmt: skip
    first = ok(api.post("/corrections", told), 202)
    assert ok(api.post("/corrections", told), 202) == first
    refused(api.post("/corrections", {**told, "points": 60}), 409, "told_differently")
    assert TillItem.objects.get().state == "waiting" and points_of(house) == (0, 0)
    assert api.post("/corrections", {**told, "correction_no": "C2", "points": 0}).status_code == 400


def test_the_day_report_counts_one_tills_own_local_day(house: House, time_machine: Any) -> None:
    zone = house.brand.zone
    noon = timezone.now().astimezone(zone).replace(hour=12, minute=0, second=0, microsecond=0)
    time_machine.move_to(noon)
    midnight = noon.replace(hour=0)
    api, another = till(house), till(house)
    for at in (midnight - timedelta(seconds=1), midnight, noon):
        ok(api.post("/purchases", receipt(house, "100.00", purchased_at=at.isoformat())))
    ok(another.post("/purchases", receipt(house, "55.00")))
    told = receipt(house, "10.00", redeem={"points": 60})
    ok(api.post("/purchases", told))
    ok(api.post(f"/purchases/{told['receipt_no']}/returns", back("5.00")))
    report = ok(api.get(f"/reports/days/{noon.date().isoformat()}"))
    assert (report["purchases"], report["paid"], report["earned"]) == (3, "210.00", {"main": 210})
    assert (report["redemptions"], report["redeemed"], report["redeemed_worth"]) == (1, {"main": 60}, "2.00")
    assert (report["returns"], report["returned"], report["taken_back"]) == (1, "5.00", {"main": 5})
    assert report["given_back"] == {"main": 30}
    yesterday = (noon - timedelta(days=1)).date().isoformat()
    assert ok(api.get(f"/reports/days/{yesterday}"))["purchases"] == 1
    for day in ("2026-02-30", "today", "0001-01-01", "20261122x"):
        assert api.get(f"/reports/days/{day}").status_code == 404


def test_awards_of_two_programs_are_all_told(house: House) -> None:
    ProgramFactory(code="stars", earn_amount=Decimal(100), spendable=False)
    body = ok(till(house).post("/purchases", receipt(house, "250.00")))
    assert {one["program"]: one["points"] for one in body["earned"]} == {"main": 250, "stars": 2}
    assert Award.objects.count() == 2


def test_t15_points_of_a_receipt_with_money_come_back_only_with_its_return(house: House) -> None:
    give(house.account, 300)
    api = till(house)
    held = ok(api.post("/holds", hold(house, 60, "8.00")), 201)["hold_no"]
    ok(api.post("/purchases", receipt(house, "6.00", redeem={"hold_no": held})))
    before = points_of(house)
    refused(api.post(f"/holds/{held}/refunds", {"refund_no": "Z1"}), 409, "paid_with_money")
    assert points_of(house) == before
