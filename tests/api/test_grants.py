"""Points that a service gives over HTTP: each rule, each refusal with nothing written, each repetition."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import ApiKeyKind, ApiScope, Reach, Role
from backoffice.models import AuditEvent, IdempotencyKey, LimitCounter, OutboxMessage
from campaigns.models import Grant, GrantCancel
from campaigns.services.confirming import confirm_due
from members.choices import MemberStatus
from members.models import Member
from members.services import card_codes
from members.services.merging import merge
from points.models import Account, Entry, Lot, PendingCredit
from points.services import corrections, proofs
from tests.api.conftest import HOUSE, Api, House
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import MemberFactory, StaffCardFactory
from tests.factories.points import ProgramFactory, give, take

pytestmark = pytest.mark.django_db
NUMBERS = itertools.count(1)


def partner(house: House, **values: Any) -> Api:
    return Api(house.key(ApiKeyKind.PARTNER, **values).secret)


def grant(house: House, points: int = 100, **values: Any) -> dict[str, Any]:
    return {
        "grant_no": f"G{next(NUMBERS)}",
        "card": house.member.card_no,
        "points": points,
        "occurred_at": timezone.now().isoformat(),
        "service": "music",
    } | values


def ok(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.content.decode()
    return dict(answer.json())


def refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.content.decode()


def written() -> tuple[int, ...]:
    """Everything that a grant leaves behind."""
    return (
        *tuple(
            model.objects.count()
            for model in (Grant, Entry, Lot, PendingCredit, IdempotencyKey, OutboxMessage)
        ),
        given_today(),
    )


def given_today() -> int:
    """What the counters of all keys have counted."""
    counters = LimitCounter.objects.filter(bucket__startswith="grant-points:")
    return sum(counters.values_list("used", flat=True))


def sound(at: datetime | None = None) -> None:
    """What `audit_ledger` says of the books: nothing."""
    report = proofs.prove(now=at or timezone.now())
    assert not [check.as_json() for check in report.checks if not check.ok]


def balance(house: House, member: Member | None = None) -> int:
    return int(Account.objects.get(member=member or house.member, program=house.program).balance)


# --- The rule -----------------------------
def test_a_grant_is_a_bonus_with_the_deadline_of_its_own_time_and_says_why(house: House) -> None:
    at = timezone.now() - timedelta(days=3)
    told = grant(house, 1200, occurred_at=at.isoformat(), reason="十月的月費")
    api = partner(house)
    body = ok(api.post("/grants", told))
    row = Grant.objects.get()
    entry = row.entry
    assert entry is not None and (entry.kind, entry.points, entry.source_type) == ("bonus", 1200, "grant")
    assert (entry.source_id, entry.occurred_at, entry.actor_type) == (str(row.pk), at, "pos")
    assert (row.brand, row.account, row.status, row.reason) == (
        house.brand, house.account, "posted", "十月的月費",
    )  # fmt: skip
    assert body | {"expires_at": 0, "usable_through": 0} == {
        "grant_no": told["grant_no"], "state": "posted", "program": "main", "points": 1200, "balance": 1200,
        "available": 1200, "debt_paid": 0, "confirm_at": None, "cancelled": None, "expires_at": 0,
        "usable_through": 0,
        "why": [f"“music” gave 1,200 points, number {told['grant_no']}.", "It says: 十月的月費"],
    }  # fmt: skip
    assert datetime.fromisoformat(body["expires_at"]) == entry.lot.expires_at
    assert body == ok(api.get(f"/grants/{told['grant_no']}"))
    (mine,) = ok(house.as_member().get("/me/points/main/entries"))["items"]
    assert mine["why"] == body["why"] and mine["kind"] == "bonus"
    chinese = ok(api.get(f"/grants/{told['grant_no']}", Accept_Language="zh-TW"))
    assert chinese["why"][0] == f"「music」給了 1,200 點，編號 {told['grant_no']}。"
    sound()


def test_what_is_stored_is_what_was_sent(house: House) -> None:
    answer = partner(house).post("/grants", grant(house, reason="茶"), key="k1")
    again = IdempotencyKey.objects.get(key="k1")
    assert (again.status, again.body) == (200, answer.json())


def test_a_code_on_the_screen_a_merged_member_and_a_first_account(house: House) -> None:
    api = partner(house)
    code = card_codes.issue(member=house.member, now=timezone.now()).code
    assert ok(api.post("/grants", grant(house, card=code)))["balance"] == 100
    assert ok(api.post("/grants", grant(house, card=house.other.card_no)))["balance"] == 100
    became_other(house)
    body = ok(api.post("/grants", grant(house)))
    assert body["balance"] == 200 and balance(house, house.other) == 200


def became_other(house: House) -> None:
    Member.objects.filter(pk=house.member.pk).update(
        status=MemberStatus.MERGED, merged_into=house.other, phone=""
    )


def test_debt_is_paid_first_and_lapsed_points_are_not_available(house: House) -> None:
    api = partner(house)
    first = grant(house, 300)
    ok(api.post("/grants", first))
    take(house.account, 300, now=timezone.now())
    ok(api.post(f"/grants/{first['grant_no']}/cancel", {"reason": "by mistake"}))
    body = ok(api.post("/grants", grant(house, 200)))
    assert (body["debt_paid"], body["balance"], body["expires_at"], body["usable_through"]) == (
        200,
        0,
        None,
        None,
    )
    body = ok(api.post("/grants", grant(house, 150)))
    assert (body["debt_paid"], body["balance"], body["available"]) == (100, 50, 50) and body["expires_at"]
    give(
        house.account,
        7,
        now=timezone.now() - timedelta(days=9),
        expires_at=timezone.now() - timedelta(days=1),
    )
    body = ok(api.post("/grants", grant(house, 1)))
    assert (body["balance"], body["available"]) == (58, 51)
    assert body == ok(api.get(f"/grants/{body['grant_no']}"))


def test_a_program_with_waiting_days(house: House) -> None:
    program = ProgramFactory(code="later", pending_days=3)
    api, told = partner(house), grant(house, 40, program="later")
    body = ok(api.post("/grants", told))
    assert (body["state"], body["balance"], body["expires_at"]) == ("pending", 0, None)
    assert body == ok(api.get(f"/grants/{told['grant_no']}"))
    assert body["confirm_at"] == PendingCredit.objects.get().confirm_at.astimezone(UTC).isoformat()
    due = timezone.now() + timedelta(days=4)
    assert confirm_due(actor=HOUSE, now=due) == 1 and confirm_due(actor=HOUSE, now=due) == 0
    row = Grant.objects.get()
    assert row.status == "posted" and row.entry is not None and row.entry.points == 40
    body = ok(api.get(f"/grants/{told['grant_no']}"))
    assert (body["state"], body["balance"]) == ("posted", 40) and body["expires_at"]
    assert Account.objects.get(program=program).balance == 40
    sound(due)


def test_a_sliding_program_is_moved_by_it(house: House) -> None:
    house.program.expiry_policy, house.program.expiry_value = "sliding", 1
    house.program.save()
    soon = timezone.now() + timedelta(days=2)
    give(house.account, 5, now=timezone.now(), expires_at=soon)
    body = ok(partner(house).post("/grants", grant(house)))
    assert {lot.expires_at for lot in Lot.objects.all()} == {datetime.fromisoformat(body["expires_at"])}


def test_a_rule_counts_from_the_very_next_grant_and_the_default_may_move(house: House) -> None:
    api = partner(house)
    ok(api.post("/grants", grant(house)))
    house.program.expiry_policy = "never"
    house.program.save()
    assert ok(api.post("/grants", grant(house)))["expires_at"] is None
    house.program.is_default = False
    house.program.save()
    ProgramFactory(code="stars", is_default=True)
    assert ok(api.post("/grants", grant(house)))["program"] == "stars"
    assert ok(api.post("/grants", grant(house, program="main")))["balance"] == 300


# --- Refused, and nothing written ---------
def test_refusals_leave_nothing(house: House, settings: Any) -> None:
    settings.GRANT_MOST_POINTS, settings.TILL_OLDEST_DAYS = 500, 7
    ProgramFactory(code="off", is_active=False)
    ProgramFactory(code="full", ratio_exceeded_at=timezone.now(), over_ratio="stop")
    ProgramFactory(code="theirs", brand=house.other_store.brand)
    foreign = MemberFactory(brand=house.other_store.brand)
    gone = MemberFactory(status=MemberStatus.ERASED, phone="", name="", erased_at=timezone.now())
    api = partner(house)
    ok(api.post("/grants", grant(house)))
    before = written()
    now = timezone.now()
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"points": 501}, 400, "grant_too_large"),
        ({"occurred_at": (now + timedelta(minutes=6)).isoformat()}, 400, "time_not_believed"),
        ({"occurred_at": (now - timedelta(days=8)).isoformat()}, 400, "time_not_believed"),
        ({"program": "off"}, 409, "program_closed"),
        ({"program": "full"}, 409, "issuing_stopped"),
        ({"program": "theirs"}, 404, "program_unknown"),
        ({"program": "nothing"}, 404, "program_unknown"),
        ({"card": foreign.card_no}, 404, "no_such_card"),
        ({"card": gone.card_no}, 404, "no_such_card"),
        ({"card": "9" * 16}, 400, "card_code_invalid"),
        ({"card": "skt_" + "A" * 40}, 400, "card_code_invalid"),
    ]
    for values, status, code in cases:
        told = grant(house, **values)
        answer = api.post("/grants", told)
        refused(answer, status, code)
        assert written() == before, values
        assert api.get(f"/grants/{told['grant_no']}").status_code == 404


def test_p42_a_frozen_member_gets_nothing(house: House) -> None:
    Member.objects.filter(pk=house.member.pk).update(status=MemberStatus.FROZEN)
    code = card_codes.issue(member=house.member, now=timezone.now()).code
    before = written()
    for card in (house.member.card_no, code):
        refused(partner(house).post("/grants", grant(house, card=card)), 409, "member_not_served")
    assert written() == before


def test_a_key_has_its_day(house: House, settings: Any) -> None:
    settings.PARTNER_DAY_MOST_POINTS = 250
    api, code = partner(house), card_codes.issue(member=house.member, now=timezone.now()).code
    told = grant(house, 100)
    ok(api.post("/grants", told))
    ok(api.post("/grants", grant(house, 100, card=code)))
    before = written()
    for card in (house.member.card_no, code):
        answer = api.post("/grants", grant(house, 51, card=card), key="later")
        refused(answer, 429, "grant_day_full")
        assert 0 < int(answer.headers["Retry-After"]) <= 24 * 3600 and written() == before
    # What is known is told whatever is left, and another key has a day of its own.
    ok(api.post("/grants", told))
    ok(api.post("/grants", grant(house, 50), key="later"))
    ok(partner(house).post("/grants", grant(house, 250)))
    assert balance(house) == 500


# --- Told again ---------------------------
def test_the_same_request_again_is_replayed_byte_for_byte_whatever_happened_since(
    house: House, settings: Any
) -> None:
    api, told = partner(house), grant(house)
    first = api.post("/grants", told, key="k1")
    settings.GRANT_MOST_POINTS = settings.PARTNER_DAY_MOST_POINTS = 1
    house.program.is_active = False
    house.program.save()
    Member.objects.filter(pk=house.member.pk).update(status=MemberStatus.FROZEN)
    again = api.post("/grants", told, key="k1")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    refused(api.post("/grants", told | {"points": 7}, key="k1"), 422, "key_taken")
    refused(api.post("/grants", told, key=None), 428, "key_missing")
    found = ok(api.get("/operations/k1"))
    assert (found["state"], found["status"]) == ("final", 200)
    assert Entry.objects.count() == 1


def test_the_same_number_under_another_key_and_by_another_caller_has_one_effect(house: House) -> None:
    api, other, told = partner(house), partner(house), grant(house, 80)
    first = ok(api.post("/grants", told))
    for caller in (api, other):
        again = caller.post("/grants", told)
        assert ok(again) == first and "Idempotent-Replayed" not in again.headers
    code = card_codes.issue(member=house.member, now=timezone.now()).code
    assert ok(other.post("/grants", told | {"card": code})) == first
    assert Entry.objects.count() == 1 and given_today() == 80
    elsewhere = Api(house.key(ApiKeyKind.PARTNER, brand=house.other_store.brand).secret)
    assert elsewhere.get(f"/grants/{told['grant_no']}").status_code == 404
    refused(elsewhere.post(f"/grants/{told['grant_no']}/cancel", {"reason": "x"}), 404, "no_such_grant")
    assert ok(elsewhere.post("/grants", told))["balance"] == 160


@pytest.mark.parametrize(
    "other",
    [{"points": 81}, {"service": "ride"}, {"reason": "y"}, {"program": "main"}, {"card": "other"},
     {"occurred_at": "later"}],
    ids=str,
)  # fmt: skip
def test_a_number_with_other_content_is_refused(house: House, other: dict[str, Any]) -> None:
    api, told = partner(house), grant(house, 80)
    ok(api.post("/grants", told))
    if "card" in other:
        other = {"card": house.other.card_no}
    if "occurred_at" in other:
        other = {"occurred_at": (timezone.now() - timedelta(minutes=1)).isoformat()}
    before = written()
    refused(api.post("/grants", told | other), 409, "grant_differs")
    assert written() == before


def test_a_known_number_of_a_merged_and_of_an_erased_member(house: House) -> None:
    api, told, theirs = partner(house), grant(house, 80), grant(house, 90, card=house.other.card_no)
    ok(api.post("/grants", told))
    ok(api.post("/grants", theirs))
    became_other(house)
    assert ok(api.post("/grants", told))["balance"] == 90
    refused(api.post("/grants", theirs | {"points": 80}), 409, "grant_differs")
    Member.objects.filter(pk=house.other.pk).update(
        status=MemberStatus.ERASED, phone="", name="", erased_at=timezone.now(), card_no="0" * 16
    )
    assert ok(api.post("/grants", theirs))["state"] == "posted"
    assert Grant.objects.count() == 2


# --- Taken back ---------------------------
def test_cancelled_once_whole_and_exact(house: House) -> None:
    api, told = partner(house), grant(house, 100)
    ok(api.post("/grants", told))
    path = f"/grants/{told['grant_no']}/cancel"
    body = ok(api.post(path, {"reason": "付款失敗"}))
    assert body["state"] == "cancelled" and body["balance"] == 0
    assert body["cancelled"] | {"at": 0} == {
        "at": 0, "reason": "付款失敗", "taken": 100, "debt": 0, "withhold": "0.00",
    }  # fmt: skip
    assert ok(api.post(path, {"reason": "again"})) == body == ok(api.get(f"/grants/{told['grant_no']}"))
    assert ok(api.post("/grants", told)) == body
    assert [entry.points for entry in Entry.objects.order_by("id")] == [100, -100]
    entry = ok(house.as_member().get("/me/points/main/entries"))["items"][0]
    assert entry["why"] == [
        f"“music” took its 100 points of number {told['grant_no']} back.", "It says: 付款失敗",
    ]  # fmt: skip
    assert AuditEvent.objects.get(action="grant.cancel").changes["points"] == [100, 0]
    sound()


@pytest.mark.parametrize(
    ("policy", "taken", "debt", "withhold"),
    [("debt", 100, 70, "0.00"), ("clamp", 30, 0, "0.00"), ("reduce_refund", 30, 0, "2.33")],
)
def test_spent_points_go_by_the_programs_policy(
    house: House, policy: str, taken: int, debt: int, withhold: str
) -> None:
    house.program.debt_policy = policy
    house.program.save()
    api, told = partner(house), grant(house, 100)
    ok(api.post("/grants", told))
    take(house.account, 70, now=timezone.now())
    cancelled = ok(api.post(f"/grants/{told['grant_no']}/cancel", {"reason": "x"}))["cancelled"]
    assert (cancelled["taken"], cancelled["debt"], cancelled["withhold"]) == (taken, debt, withhold)
    assert Account.objects.get(pk=house.account.pk).debt == debt
    sound()


def test_waiting_points_are_cancelled_where_they_wait_also_after_a_merge(house: House) -> None:
    program = ProgramFactory(code="later", pending_days=3)
    api, told, moved = partner(house), grant(house, program="later"), grant(house, 60, program="later")
    ok(api.post("/grants", told))
    ok(api.post("/grants", moved))
    body = ok(api.post(f"/grants/{told['grant_no']}/cancel", {"reason": "x"}))
    assert (body["state"], body["cancelled"]["taken"], Entry.objects.count()) == ("cancelled", 100, 0)
    merged(house)
    assert Grant.objects.get(number=moved["grant_no"]).account.member == house.other
    body = ok(api.post(f"/grants/{moved['grant_no']}/cancel", {"reason": "x"}))
    assert body["cancelled"]["taken"] == 60 and Account.objects.get(
        program=program, member=house.other
    ).pending == 0  # fmt: skip
    sound()


def merged(house: House) -> None:
    merge(
        duplicate=house.member, survivor=house.other, reason="same person", now=timezone.now(),
        actor=Actor.staff(UserFactory(is_superuser=True, reach=Reach.GROUP)),
    )  # fmt: skip


def test_after_a_merge_the_points_are_taken_from_whom_the_member_became(house: House) -> None:
    api, told = partner(house), grant(house, 100)
    ok(api.post("/grants", told))
    merged(house)
    body = ok(api.post(f"/grants/{told['grant_no']}/cancel", {"reason": "x"}))
    assert (body["balance"], body["cancelled"]["taken"]) == (0, 100)
    assert balance(house, house.other) == 0 and Account.objects.get(pk=house.account.pk).debt == 0
    sound()


def test_what_staff_have_undone_is_not_taken_twice(house: House) -> None:
    api, told = partner(house), grant(house, 100)
    ok(api.post("/grants", told))
    corrections.undo_entry(
        entry_id=Grant.objects.get().entry_id, points=40, reason="wrong_earn", note="", key="undo-1",
        actor=Actor.staff(UserFactory(is_superuser=True, reach=Reach.GROUP)), now=timezone.now(),
    )  # fmt: skip
    body = ok(api.post(f"/grants/{told['grant_no']}/cancel", {"reason": "x"}))
    assert (body["cancelled"]["taken"], body["balance"]) == (60, 0)


# --- Who may ------------------------------
def test_the_scope_and_the_kind(house: House) -> None:
    less = [scope for scope in ApiScope if scope != ApiScope.POINTS_GRANT]
    for api in (partner(house, scopes=less), Api(house.key().secret), house.as_member()):
        refused(api.post("/grants", grant(house)), 403, "caller_not_allowed")
        refused(api.get("/grants/G1"), 403, "caller_not_allowed")
        refused(api.post("/grants/G1/cancel", {"reason": "x"}), 403, "caller_not_allowed")
    assert not Grant.objects.exists() and not IdempotencyKey.objects.exists()


def script(house: House, owner: Any) -> Api:
    return Api(house.key(ApiKeyKind.STAFF, owner=owner).secret)


def test_a_persons_key_gives_within_his_limits_and_never_to_himself(house: House) -> None:
    clerk = UserFactory(role=Role.CLERK, stores=[house.store])
    api = script(house, clerk)
    body = ok(api.post("/grants", grant(house, 1000)))
    assert body["balance"] == 1000 and Grant.objects.get().brand == house.brand
    entry = Entry.objects.get()
    assert (entry.actor_type, entry.actor_id) == ("staff", str(clerk.pk))
    before = written()
    refused(api.post("/grants", grant(house, 1001)), 409, "over_limit")
    for _turn in range(4):
        ok(api.post("/grants", grant(house, 1000, card=house.other.card_no)))
    before = written()
    refused(api.post("/grants", grant(house, 1, card=MemberFactory().card_no)), 409, "over_limit")
    mine, told = MemberFactory(), grant(house)
    StaffCardFactory(user=clerk, member=mine)
    refused(api.post("/grants", grant(house, 1, card=mine.card_no)), 409, "own_card")
    assert written() == before
    ok(partner(house).post("/grants", told | {"card": mine.card_no}))
    refused(api.post(f"/grants/{told['grant_no']}/cancel", {"reason": "x"}), 409, "own_card")
    assert not GrantCancel.objects.exists()


def test_a_person_without_the_right_and_one_of_several_brands(house: House) -> None:
    auditor = UserFactory(role=Role.AUDITOR, reach=Reach.BRAND, brand=house.brand)
    refused(script(house, auditor).post("/grants", grant(house)), 403, "not_allowed")
    ok(partner(house).post("/grants", told := grant(house)))
    refused(
        script(house, auditor).post(f"/grants/{told['grant_no']}/cancel", {"reason": "x"}), 403, "not_allowed"
    )
    everywhere = UserFactory(role=Role.SUPPORT, reach=Reach.GROUP)
    refused(script(house, everywhere).post("/grants", grant(house)), 409, "grant_brand_unclear")
    of_both = UserFactory(role=Role.CLERK, stores=[house.store, StoreFactory(brand=BrandFactory())])
    refused(script(house, of_both).post("/grants", grant(house)), 409, "grant_brand_unclear")
    assert Grant.objects.count() == 1


def test_the_applications_own_role_gives_tells_and_takes_back(house: House) -> None:
    """It owns nothing: what a function needs has to be open to it."""
    clerk = UserFactory(role=Role.CLERK, stores=[house.store])
    api, person, told = partner(house), script(house, clerk), grant(house, 100)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE shuke_app")
        first = ok(api.post("/grants", told))
        assert ok(api.post("/grants", told)) == first
        assert ok(person.post("/grants", grant(house, 10)))["balance"] == 110
        body = ok(api.post(f"/grants/{told['grant_no']}/cancel", {"reason": "x"}))
        assert body["balance"] == 10 == ok(house.as_member().get("/me/points"))["items"][0]["balance"]
        cursor.execute("RESET ROLE")


# --- Bad input ----------------------------
BAD: list[tuple[str, Any]] = [
    *[("points", value) for value in (0, -1, 1.5, 1_000_001, 2**63, "10", True, None, [], {}, 10.0)],
    *[("grant_no", value) for value in ("", "a/b", "a b", "金", "x" * 65, 7, None, "a\u200b")],
    *[("card", value) for value in ("", "x" * 101, 1234567890123456, None)],
    *[("service", value) for value in ("", " ", "x" * 33, 1, None)],
    *[("reason", value) for value in ("x" * 201, 1, None)],
    *[("program", value) for value in ("x" * 33, 1, None)],
    *[("occurred_at", value) for value in ("2026-02-30T00:00:00Z", "2026-01-01T00:00:00", 1, None, "")],
    *[(name, 1) for name in ("member_id", "balance", "state", "store", "brand", "expires_at", "kind")],
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda value: repr(value)[:20])
def test_p09_to_p13_what_no_field_takes(house: House, name: str, value: Any) -> None:
    before = written()
    answer = partner(house).post("/grants", grant(house, **{name: value}))
    refused(answer, 400, "invalid")
    assert name in answer.json()["fields"] and written() == before


def test_phones_and_addresses_in_its_words_are_masked_before_they_are_stored(house: House) -> None:
    api, told = partner(house), grant(house, reason="call 0912-345-678, wang@example.com")
    body = ok(api.post("/grants", told))
    assert "345" not in str(body) and "wang" not in str(body)
    assert "345" not in Grant.objects.get().reason and ok(api.post("/grants", told)) == body
