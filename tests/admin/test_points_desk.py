"""The remaining verbs of points as staff meet them: holds, grace, limits, goods that come back, four eyes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.models import AuditEvent
from members.models import Member, PurchaseReturn, StaffCard
from points.choices import AdjustmentStatus, EntryKind
from points.models import Account, Adjustment, CorrectionLimit, Entry, Hold
from points.postings import Source
from points.services import corrections, expiry, ledger
from tests.admin.test_verbs import confirm, correct_url, hidden
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory
from tests.factories.points import TESTER, context, fresh, take

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

ENGLISH = {"accept-language": "en"}
WHY = {"reason": "other", "note": "購物車放著"}


def messages_at(client: Client, answer: Any) -> list[str]:
    return [str(message) for message in client.get(answer["Location"]).context["messages"]]


def ask(user: Any, account: Account, points: int, key: str) -> int:
    return corrections.correct(
        account_id=account.pk,
        points=points,
        reason="goodwill",
        note="x",
        key=key,
        actor=Actor.staff(user),
        now=timezone.now(),
    ).adjustment_id


class TestRelease:
    def url(self, shop: Shop) -> str:
        return reverse("admin:points_hold_release", args=[shop.hold.pk])

    def test_a_manager_frees_a_hold_once_however_often_he_clicks(self, shop: Shop) -> None:
        manager = shop.client("manager")
        page = manager.get(self.url(shop), headers=ENGLISH)
        assert "Available" in page.content.decode() and "790" in page.content.decode()
        fields = {**hidden(page), **WHY}
        for _click in range(2):
            answer = confirm(manager, self.url(shop), fields)
            assert answer.status_code == 302
        assert Hold.objects.get().status == "voided"
        assert AuditEvent.objects.filter(action="points.hold.release").count() == 1
        assert messages_at(manager, answer)[-1].startswith("The hold was released: 10 points")

    def test_the_second_person_is_told_how_it_ended(self, shop: Shop) -> None:
        support, manager = shop.client("support"), shop.client("manager")
        fields = {**hidden(support.get(self.url(shop))), **WHY}
        confirm(manager, self.url(shop), {**hidden(manager.get(self.url(shop))), **WHY})
        answer = confirm(support, self.url(shop), fields)
        assert answer.status_code == 409
        assert "This hold is no longer open" in answer.content.decode()

    @pytest.mark.parametrize("role", ["clerk", "marketer", "finance", "auditor", "administrator"])
    def test_roles_without_it(self, shop: Shop, role: str) -> None:
        assert shop.client(role).post(self.url(shop), {"key": "k", **WHY}).status_code == 403
        assert Hold.objects.get().status == "open"


class TestGrace:
    def test_the_effect_is_shown_and_grace_is_given_once(self, shop: Shop) -> None:
        now = timezone.now()
        lot = ledger.credit(
            account_id=shop.account.pk,
            kind=EntryKind.BONUS,
            points=70,
            source=fresh(),
            expires_at=now - timedelta(days=1),
            context=context(now=now - timedelta(days=9)),
        )
        list(expiry.expire_all(as_of=now, actor=TESTER, now=now))
        lapse = Entry.objects.get(kind="expire", lot_uses__lot=lot.entry_id)
        url = reverse("admin:points_entry_grace", args=[lapse.pk])
        manager, support = shop.client("manager"), shop.client("support")
        page = manager.get(url, headers=ENGLISH)
        assert "870" in page.content.decode()
        other = hidden(support.get(url))
        fields = {"days": 30, "note": "體諒"}
        assert confirm(manager, url, {**hidden(page), **fields}).status_code == 302
        assert Account.objects.get(pk=shop.account.pk).balance == 870
        answer = confirm(support, url, {**other, **fields})
        assert messages_at(support, answer) == [
            "Grace for these points had been given before; nothing was added."
        ]
        assert Account.objects.get(pk=shop.account.pk).balance == 870

    def test_grace_that_was_refused_can_be_asked_for_again(self, shop: Shop) -> None:
        now = timezone.now()
        lot = ledger.credit(
            account_id=shop.account.pk,
            kind=EntryKind.BONUS,
            points=1_500,
            source=fresh(),
            expires_at=now - timedelta(days=1),
            context=context(now=now - timedelta(days=9)),
        )
        list(expiry.expire_all(as_of=now, actor=TESTER, now=now))
        lapse = Entry.objects.get(kind="expire", lot_uses__lot=lot.entry_id)
        url = reverse("admin:points_entry_grace", args=[lapse.pk])
        manager, support = shop.client("manager"), shop.client("support")
        button = f'href="{url}"'
        story = reverse("admin:members_member_change", args=[shop.account.member_id])
        late = hidden(support.get(url))
        fields = {"days": 30, "note": "體諒"}
        assert confirm(manager, url, {**hidden(manager.get(url)), **fields}).status_code == 302
        asked = Adjustment.objects.get(lapse=lapse)
        assert button not in manager.get(story).content.decode()
        corrections.reject(
            adjustment_id=asked.pk, note="", actor=Actor.staff(shop.staff["support"]), now=timezone.now()
        )
        assert button in manager.get(story).content.decode()
        answer = confirm(support, url, {**late, **fields})
        assert messages_at(support, answer) == [
            "The request waits for a second person. No points have moved yet."
        ]
        assert Adjustment.objects.filter(lapse=lapse, status="pending").count() == 1


class TestUndoAboveTheLimits:
    def test_the_page_says_that_it_waits_and_the_second_person_sees_what_it_is_about(
        self, shop: Shop
    ) -> None:
        CorrectionLimit.objects.update(per_clerk_day=100)
        account, now = shop.account, timezone.now()
        spent = take(account, 150, now=now)
        before = Account.objects.get(pk=account.pk).balance
        clerk, manager = shop.client("clerk"), shop.client("manager")
        url = reverse("admin:points_entry_undo", args=[spent.entry_id])
        page = clerk.get(url, headers=ENGLISH)
        assert "the request will wait" in page.content.decode()
        fields = {"points": 150, "reason": "wrong_redemption", "note": "按錯了"}
        answer = confirm(clerk, url, {**hidden(page), **fields})
        assert messages_at(clerk, answer) == [
            "The request waits for a second person. No points have moved yet."
        ]
        asked = Adjustment.objects.get(undoes=spent.entry_id)
        story = reverse("admin:members_member_change", args=[account.member_id])
        assert "Undoing asked: +150" in manager.get(story, headers=ENGLISH).content.decode()
        decide = reverse("admin:points_adjustment_approve", args=[asked.pk])
        seen = manager.get(decide, headers=ENGLISH)
        assert f"Undoes entry {spent.entry_id}" in seen.content.decode()
        assert confirm(manager, decide, {**hidden(seen), "note": ""}).status_code == 302
        assert Account.objects.get(pk=account.pk).balance == before + 150
        page = manager.get(reverse("admin:points_adjustment_change", args=[asked.pk]), headers=ENGLISH)
        assert f"{spent.entry_id}: Redeemed" in page.content.decode()


class TestLimits:
    def url(self) -> str:
        return reverse("admin:points_correctionlimit_set", args=[CorrectionLimit.objects.get(role="").pk])

    def fields(self, page: Any, **values: Any) -> dict[str, Any]:
        row = CorrectionLimit.objects.get(role="")
        names = (
            "per_request", "per_receiver_day", "per_clerk_day", "per_store_day", "mutual_above", "mutual_days"
        )  # fmt: skip
        return {name: getattr(row, name) for name in names} | {"note": "週年慶", **hidden(page), **values}

    def test_finance_looks_twice_and_sets(self, shop: Shop) -> None:
        finance = shop.client("finance")
        page = finance.get(self.url())
        fields = self.fields(page, per_request=400, per_store_day=50_000)
        shown = finance.post(self.url(), {**fields, "step": "preview"}, headers=ENGLISH)
        text = shown.content.decode()
        assert "Looser than before: Given by one store a day." in text and "(tighter)" in text
        assert CorrectionLimit.objects.get(role="").per_request == 1_000
        answer = confirm(finance, self.url(), {**fields, **hidden(shown)})
        assert answer.status_code == 302
        assert CorrectionLimit.objects.get(role="").per_request == 400
        assert AuditEvent.objects.get(action="points.limits.loosen").changes["per_request"] == [1000, 400]

    def test_above_the_house_and_by_others(self, shop: Shop) -> None:
        finance = shop.client("finance")
        fields = self.fields(finance.get(self.url()), per_clerk_day=5_001)
        assert finance.post(self.url(), {**fields, "step": "confirm"}).status_code == 200
        for role in ("clerk", "manager", "support", "marketer", "auditor"):
            assert shop.client(role).post(self.url(), fields).status_code == 403
        assert CorrectionLimit.objects.get(role="").version == 1


class TestGoods:
    def url(self, shop: Shop) -> str:
        return reverse("admin:purchase_return", args=[shop.purchase.pk])

    def test_pieces_come_back_with_a_look_first_and_once(self, shop: Shop) -> None:
        clerk = shop.client("clerk")
        page = clerk.get(self.url(shop), headers=ENGLISH)
        assert "Line 1 GROCERY, pieces" in page.content.decode()
        fields = {"line_1": "1", "return_no": "S-1", "reason": "defect", "note": "", **hidden(page)}
        shown = clerk.post(self.url(shop), {**fields, "step": "preview"}, headers=ENGLISH)
        assert "Money to pay back" in shown.content.decode() and "NT$1,000" in shown.content.decode()
        assert not PurchaseReturn.objects.exists()
        fields |= hidden(shown)
        for _click in range(2):
            assert confirm(clerk, self.url(shop), fields).status_code == 302
        assert PurchaseReturn.objects.get().return_no == "S-1"
        # Nothing is left: the form offers no line and the amount is refused.
        again = clerk.get(self.url(shop))
        assert "line_1" not in again.content.decode()
        fields = {"amount": "1", "return_no": "S-2", "reason": "other", "note": "", **hidden(again)}
        answer = clerk.post(self.url(shop), {**fields, "step": "preview"}, headers=ENGLISH)
        assert answer.status_code == 409

    def test_another_stores_clerk_hears_it_before_he_types(self, shop: Shop) -> None:
        other = StoreFactory(brand=shop.brand)
        client = Client()
        client.force_login(UserFactory(role=Role.CLERK, stores=[other]))
        answer = client.get(self.url(shop), headers=ENGLISH)
        assert answer.status_code == 409
        assert "This happened at another store" in answer.content.decode()

    @pytest.mark.parametrize("role", ["marketer", "finance", "auditor", "administrator"])
    def test_roles_without_it(self, shop: Shop, role: str) -> None:
        assert shop.client(role).post(self.url(shop), {"key": "k"}).status_code == 403


class TestFourEyes:
    """I31, I32 and T18 by every door that staff have."""

    def approve_url(self, pk: int) -> str:
        return reverse("admin:points_adjustment_approve", args=[pk])

    def waiting(self, shop: Shop, user: Any, points: int = 3_500) -> int:
        return ask(user, shop.account, points, f"k{Adjustment.objects.count()}")

    def test_the_second_person_sees_the_effect_and_why_it_waits(self, shop: Shop) -> None:
        text = shop.client("manager").get(self.approve_url(shop.waiting.pk), headers=ENGLISH).content.decode()
        assert "5,800" in text and "More points than one correction may move" in text

    def test_a_double_click_approves_once(self, shop: Shop) -> None:
        manager, url = shop.client("manager"), self.approve_url(shop.waiting.pk)
        fields = hidden(manager.get(url))
        for _click in range(2):
            assert confirm(manager, url, fields).status_code == 302
        assert Account.objects.get(pk=shop.account.pk).balance == 5_800

    def test_a_balance_that_moved_is_shown_before_the_approval(self, shop: Shop) -> None:
        manager, url = shop.client("manager"), self.approve_url(shop.waiting.pk)
        fields = hidden(manager.get(url))
        ledger.spend(
            account_id=shop.account.pk, points=7, source=Source("t", "1"), context=context(now=timezone.now())
        )
        answer = confirm(manager, url, fields)
        assert answer.status_code == 409 and "The account changed meanwhile" in answer.content.decode()
        assert Adjustment.objects.get(pk=shop.waiting.pk).status == AdjustmentStatus.PENDING

    def test_two_do_not_approve_each_other(self, shop: Shop) -> None:
        manager, support = shop.staff["manager"], shop.staff["support"]
        first = self.waiting(shop, manager)
        client = shop.client("support")
        url = self.approve_url(first)
        assert confirm(client, url, hidden(client.get(url))).status_code == 302
        second = self.waiting(shop, support)
        client = shop.client("manager")
        for answer in (
            client.get(self.approve_url(second), headers=ENGLISH),
            confirm(client, self.approve_url(second), {"key": "k"}),
        ):
            assert answer.status_code == 409
            assert "Let somebody else decide" in answer.content.decode()
        third = UserFactory(role=Role.MANAGER)
        client.force_login(third)
        fields = hidden(client.get(self.approve_url(second)))
        assert confirm(client, self.approve_url(second), fields).status_code == 302

    def test_own_card_through_a_merge(self, shop: Shop) -> None:
        old = MemberFactory()
        StaffCard.objects.filter(user=shop.staff["clerk"]).delete()
        StaffCard.objects.create(user=shop.staff["clerk"], member=old)
        Member.objects.filter(pk=old.pk).update(status="merged", merged_into=shop.member)
        client = shop.client("clerk")
        fields = {"points": 5, "reason": "goodwill", "note": "x", "key": "k"}
        assert confirm(client, correct_url(shop), fields).status_code == 409
        assert Account.objects.get(pk=shop.account.pk).balance == 800

    def test_there_is_no_action_in_bulk(self, shop: Shop) -> None:
        url = reverse("admin:points_adjustment_changelist")
        for action in ("approve", "approve_selected", "delete_selected"):
            shop.client("manager").post(url, {"action": action, "_selected_action": shop.waiting.pk})
        assert Adjustment.objects.get(pk=shop.waiting.pk).status == AdjustmentStatus.PENDING
