"""A till without a line: its allowance, its queue, what becomes of conflicts, and who decides them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import ApiScope, Role
from backoffice.errors import OutOfReach
from backoffice.models import AuditEvent
from campaigns.choices import TimeTaken
from campaigns.errors import ItemDecided
from campaigns.models import OfflineItem, OfflinePack, TillItem, TillRecord
from campaigns.services.tills import decisions, inbox, purchases
from members.models import Purchase
from members.services import card_codes
from points.errors import InsufficientPoints, NotAllowed, OwnCard
from points.models import Adjustment, Entry
from tests.api.conftest import Api, House
from tests.api.test_tills import back, ok, points_of, receipt, refused, till
from tests.factories.backoffice import UserFactory
from tests.factories.members import StaffCardFactory
from tests.factories.points import AccountFactory, give

pytestmark = pytest.mark.django_db


def allowance(api: Api, **values: Any) -> str:
    return str(ok(api.post("/offline/allowances", values), 201)["allowance"])


def spend(house: House, points: int, number: str, **values: Any) -> dict[str, Any]:
    told = {
        "hold_no": number, "card": house.member.card_no, "amount": "1000.00", "points": points,
        "redeemed_at": timezone.now().isoformat(),
    }  # fmt: skip
    return {"redemption": told | values}


def queue(api: Api, token: str, *items: dict[str, Any], start: int = 1, **more: Any) -> Any:
    numbered = [{"seq": seq, **item} for seq, item in enumerate(items, start)]
    return api.post("/offline/queue", {"allowance": token, "items": numbered}, **more)


def states(answer: Any) -> list[str]:
    return [item["state"] for item in ok(answer)["items"]]


def staff(house: House, role: Role = Role.MANAGER, **values: Any) -> Actor:
    return Actor.staff(UserFactory(role=role, **({"stores": [house.store]} | values)))


# --- The queue ------------------------------
def test_n13_a_receipt_of_tuesday_that_comes_on_wednesday_is_tuesdays_once(
    house: House, time_machine: Any
) -> None:
    zone = house.brand.zone
    noon = timezone.now().astimezone(zone).replace(hour=12, minute=0, second=0, microsecond=0)
    time_machine.move_to(noon)
    api = till(house)
    token = allowance(api)
    late = noon.replace(hour=23, minute=58)
    time_machine.move_to(noon + timedelta(days=1))
    told = {"purchase": receipt(house, "100.00", purchased_at=late.isoformat())}
    assert states(queue(api, token, told)) == ["settled"]
    assert states(queue(api, token, told)) == ["settled"]
    assert Entry.objects.get().occurred_at == late
    assert ok(api.get(f"/reports/days/{noon.date().isoformat()}"))["purchases"] == 1
    assert ok(api.get(f"/reports/days/{(noon + timedelta(days=1)).date().isoformat()}"))["purchases"] == 0


def test_the_queue_is_replayed_in_its_own_order(house: House) -> None:
    api = till(house)
    token = allowance(api)
    earned = {"purchase": receipt(house, "100.00")}
    items = [
        {"seq": 3, "goods_return": {**back("40.00"), "receipt_no": earned["purchase"]["receipt_no"]}},
        {"seq": 2, **spend(house, 60, "S1", amount="10.00")},
        {"seq": 1, **earned},
    ]
    body = ok(api.post("/offline/queue", {"allowance": token, "items": items}))
    assert [(item["seq"], item["state"]) for item in body["items"]] == [
        (1, "settled"), (2, "settled"), (3, "settled"),
    ]  # fmt: skip
    assert points_of(house) == (0, 0)
    assert [entry.kind for entry in Entry.objects.order_by("seq")][:2] == ["earn", "spend"]


def test_pieces_of_a_queue_may_overlap_and_come_again_but_leave_no_gap(house: House) -> None:
    api = till(house)
    token = allowance(api)
    items = [{"purchase": receipt(house, "10.00")} for _ in range(5)]
    assert states(queue(api, token, *items[:3])) == ["settled"] * 3
    gap = queue(api, token, items[4], start=5)
    refused(gap, 409, "queue_gap")
    assert "Number 4" in gap.json()["detail"]
    assert states(queue(api, token, *items[1:], start=2)) == ["settled"] * 4
    assert points_of(house) == (50, 0) and TillRecord.objects.count() == 5
    other = {"purchase": receipt(house, "11.00")}
    refused(queue(api, token, other, start=2), 409, "told_differently")


def test_a_broken_line_in_the_middle_loses_and_doubles_nothing(house: House, monkeypatch: Any) -> None:
    api = till(house)
    token = allowance(api)
    items = [{"purchase": receipt(house, "10.00")} for _ in range(4)]
    plain, calls = purchases.post, []

    def breaks(**values: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise OperationalError("gone")
        return plain(**values)

    monkeypatch.setattr(purchases, "post", breaks)
    assert queue(api, token, *items, key="k1").status_code == 503
    assert points_of(house) == (20, 0)
    first = queue(api, token, *items, key="k1")
    assert states(first) == ["settled"] * 4 and points_of(house) == (40, 0)
    assert queue(api, token, *items, key="k1").content == first.content


def test_an_allowance_is_of_one_till_and_cannot_be_forged(house: House) -> None:
    api, another = till(house), till(house)
    token = allowance(api)
    for wrong in (token + "x", "nonsense", token.replace(token[:4], "eyJ9")):
        refused(queue(api, wrong, {"purchase": receipt(house)}), 400, "allowance_wrong")
    refused(queue(another, token, {"purchase": receipt(house)}), 400, "allowance_wrong")
    assert not Purchase.objects.exists()


def test_a_new_allowance_ends_the_one_before(house: House) -> None:
    give(house.account, 500, now=timezone.now())
    api = till(house)
    old = allowance(api)
    first = OfflinePack.objects.get()
    new = allowance(api)
    first.refresh_from_db()
    assert first.valid_until <= timezone.now()
    # Before its end the old one still counts; after it, it does not.
    assert states(queue(api, old, spend(house, 60, "S1"))) == ["inbox"]
    assert states(queue(api, new, spend(house, 60, "S2"))) == ["settled"]


def test_p31_a_queue_has_a_hundred_items_at_most_and_is_bounded_in_every_way(house: House) -> None:
    api = till(house)
    token = allowance(api)
    assert queue(api, token, *[{"purchase": receipt(house)}] * 101).status_code == 400
    assert queue(api, token).status_code == 400
    assert queue(api, token, {"purchase": receipt(house), **spend(house, 1, "S")}).status_code == 400
    refused(
        queue(till(house, scopes=[ApiScope.PURCHASES_WRITE]), token, spend(house, 60, "S1")),
        400,
        "allowance_wrong",
    )
    assert not OfflineItem.objects.exists()


def test_a_till_without_the_scope_does_not_spend_offline_either(house: House) -> None:
    give(house.account, 500, now=timezone.now())
    issued = house.key()
    token = allowance(Api(issued.secret))
    type(issued.key).objects.filter(pk=issued.key.pk).update(scopes=["purchases.write"])
    refused(queue(Api(issued.secret), token, spend(house, 60, "S1")), 403, "caller_not_allowed")
    assert points_of(house) == (500, 0)


# --- Conflicts ------------------------------
def test_conflicts_go_to_the_inbox_and_the_rest_goes_on(house: House, settings: Any) -> None:
    settings.OFFLINE_MOST_POINTS, settings.OFFLINE_MOST_REDEMPTIONS = 200, 3
    give(house.account, 100, now=timezone.now())
    api = till(house)
    token = allowance(api)
    late = (timezone.now() + timedelta(hours=20)).isoformat()
    early_code = card_codes.issue(member=house.member, now=timezone.now() - timedelta(hours=1)).code
    answer = queue(
        api,
        token,
        spend(house, 60, "S1"),
        spend(house, 60, "S2"),
        spend(house, 150, "S3"),
        spend(house, 1, "S4", redeemed_at=late),
        {"purchase": receipt(house, card=early_code)},
        {"purchase": receipt(house, card="9000000000000000")},
        {"purchase": receipt(house, "7.00")},
    )
    body = ok(answer)
    assert [(item["state"], (item["inbox"] or {}).get("code")) for item in body["items"]] == [
        ("settled", None), ("inbox", "insufficient_points"), ("inbox", "allowance_exceeded"),
        ("inbox", "allowance_exceeded"), ("inbox", "card_code_expired"), ("inbox", "card_code_invalid"),
        ("settled", None),
    ]  # fmt: skip
    pack = OfflinePack.objects.get()
    # What went to the inbox has used nothing of the allowance.
    assert (pack.used_points, pack.used_redemptions, pack.next_seq) == (60, 1, 8)
    assert points_of(house) == (47, 0) and OfflineItem.objects.count() == 7


def test_a_number_that_another_member_had_is_a_conflict_and_not_settled(house: House) -> None:
    give(house.account, 300, now=timezone.now())
    theirs = AccountFactory(member=house.other, program=house.program)
    give(theirs, 300, now=timezone.now())
    api = till(house)
    done = queue(
        api, allowance(api), spend(house, 100, "N1"), spend(house, 100, "N1", card=house.other.card_no)
    )
    assert states(done) == ["settled", "inbox"]
    assert TillItem.objects.get().code == "reservation_differs"
    theirs.refresh_from_db()
    assert (points_of(house), theirs.balance) == ((200, 0), 300)


def test_staff_settle_a_conflict_when_it_has_become_possible(house: House) -> None:
    give(house.account, 30, now=timezone.now())
    api = till(house)
    token = allowance(api)
    assert states(queue(api, token, spend(house, 60, "S1", amount="10.00"))) == ["inbox"]
    item, actor = TillItem.objects.get(), staff(house)
    assert item.member_id == house.member.pk

    def settle() -> TillItem:
        return decisions.settle_item(item_id=item.pk, note="looked at", actor=actor, now=timezone.now())

    with pytest.raises(InsufficientPoints):
        settle()
    assert TillItem.objects.get().state == "waiting"
    give(house.account, 30, now=timezone.now())
    assert settle().state == "settled" and points_of(house) == (0, 0)
    with pytest.raises(ItemDecided):
        settle()
    assert AuditEvent.objects.filter(action="till_item.settled").count() == 1


def test_staff_name_the_card_of_a_receipt_whose_code_was_over(house: House) -> None:
    api = till(house)
    token = allowance(api)
    queue(api, token, {"purchase": receipt(house, "70.00", card="9000000000000000")})
    item = TillItem.objects.get()
    decisions.settle_item(
        item_id=item.pk,
        card_no=house.member.card_no,
        note="",
        actor=staff(house),
        now=timezone.now(),
    )
    assert points_of(house) == (70, 0) and Purchase.objects.get().member_id == house.member.pk


def test_staff_refuse_for_good_and_nothing_moves(house: House) -> None:
    api = till(house)
    told = receipt(house, purchased_at=(timezone.now() + timedelta(days=1)).isoformat())
    ok(api.post("/purchases", told))
    item, actor = TillItem.objects.get(), staff(house)
    inbox.refuse(item_id=item.pk, note="no such sale", actor=actor, now=timezone.now())
    with pytest.raises(ItemDecided):
        decisions.settle_item(item_id=item.pk, note="", actor=actor, now=timezone.now())
    assert ok(api.post("/purchases", told))["state"] == "refused"
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("taken", list(TimeTaken))
def test_p36_staff_accept_a_receipt_with_the_time_that_they_choose(house: House, taken: TimeTaken) -> None:
    api = till(house)
    told = receipt(house, "80.00", purchased_at=(timezone.now() - timedelta(days=30)).isoformat())
    early = back("30.00")
    ok(api.post("/purchases", told))
    # A return of what lies in the inbox waits there, too.
    path = f"/purchases/{told['receipt_no']}/returns"
    assert ok(api.post(path, early))["state"] == "parked"
    item = TillItem.objects.get(kind="purchase")
    decisions.settle_item(
        item_id=item.pk,
        time_taken=taken,
        note="clock was wrong",
        actor=staff(house),
        now=timezone.now(),
    )
    purchase = Purchase.objects.get()
    assert purchase.purchased_at == (item.occurred_at if taken == TimeTaken.TOLD else item.received_at)
    assert points_of(house) == (50, 0)
    body = ok(api.post("/purchases", told))
    assert (body["state"], body["earned"][0]["kept"]) == ("settled", 50)
    assert ok(api.post(path, early))["state"] == "settled"
    assert points_of(house) == (50, 0) and TillRecord.objects.count() == 2


def test_a_correction_is_made_by_the_person_in_his_own_name_and_within_his_limits(house: House) -> None:
    api = till(house)
    for number, points in (("C1", 50), ("C2", 90_000)):
        told = {
            "correction_no": number, "card": house.member.card_no, "points": points, "reason": "missing_earn",
            "note": "收據",
        }  # fmt: skip
        ok(api.post("/corrections", told), 202)
    actor = staff(house)
    for item in TillItem.objects.order_by("id"):
        decisions.settle_item(item_id=item.pk, note="", actor=actor, now=timezone.now())
    assert points_of(house) == (50, 0)
    assert [row.status for row in Adjustment.objects.order_by("id")] == ["applied", "pending"]
    assert {row.requested_by for row in Adjustment.objects.all()} == {actor.user}


def test_who_may_decide(house: House) -> None:
    api = till(house)
    ok(api.post("/purchases", receipt(house, purchased_at=(timezone.now() + timedelta(days=1)).isoformat())))
    item = TillItem.objects.get()

    def decide(actor: Actor) -> None:
        decisions.settle_item(item_id=item.pk, note="", actor=actor, now=timezone.now())

    for role in (Role.CLERK, Role.MARKETER, Role.AUDITOR):
        with pytest.raises(NotAllowed):
            decide(staff(house, role))
    with pytest.raises(OutOfReach):
        decide(staff(house, stores=[house.other_store]))
    owner = staff(house)
    StaffCardFactory(user=owner.user, member=house.member)
    with pytest.raises(OwnCard):
        decide(owner)
    assert TillItem.objects.get().state == "waiting" and points_of(house) == (0, 0)


def test_a_return_that_still_waits_beside_its_receipt_is_swept(house: House) -> None:
    from campaigns.services.tills import returns

    api, told = till(house), receipt(house, "100.00")
    early = back("30.00", park=True)
    path = f"/purchases/{told['receipt_no']}/returns"
    ok(api.post(path, early))
    job = Actor.job("test")
    assert returns.sweep_parked(actor=job, now=timezone.now()) == 0
    # By another door: a file that names the same source.
    from campaigns.services.settlement import settle_purchase
    from tests.factories.campaigns import receipt as told_by_file

    source = f"till:{house.store.pk}"
    data = told_by_file(house.store, house.member, "100.00", source=source, receipt_no=told["receipt_no"])
    settle_purchase(receipt=data, actor=job, now=timezone.now())
    assert returns.sweep_parked(actor=job, now=timezone.now()) == 1
    assert points_of(house) == (70, 0)
    assert returns.sweep_parked(actor=job, now=timezone.now()) == 0
