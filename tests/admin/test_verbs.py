"""The verbs as a clerk meets them: look, see the effect, confirm once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from backoffice.models import AuditEvent, IdempotencyKey, User
from members.models import StaffCard
from points.choices import AdjustmentStatus
from points.models import Account, Adjustment, Entry
from points.services import ledger
from tests.factories.points import context, fresh

if TYPE_CHECKING:
    from django.test import Client

    from tests.admin.conftest import Shop

HIDDEN = re.compile(r'<input type="hidden" name="(key|expected_seq|previewed)" value="([^"]*)"')


def hidden(response: Any) -> dict[str, str]:
    """The hidden fields of a verb's form, as the browser sends them back."""
    return dict(HIDDEN.findall(response.content.decode()))


def undo_url(shop: Shop) -> str:
    return reverse("admin:points_entry_undo", args=[shop.spent.pk])


def correct_url(shop: Shop) -> str:
    return reverse("admin:points_account_correct", args=[shop.account.pk])


def confirm(client: Client, url: str, fields: dict[str, Any], **values: Any) -> Any:
    return client.post(url, {**fields, "step": "confirm", **values}, headers={"accept-language": "en"})


def undo(shop: Shop, client: Client, **values: Any) -> Any:
    page = client.get(undo_url(shop))
    filled = {"points": 200, "reason": "wrong_redemption", "note": "按錯", **hidden(page)}
    return confirm(client, undo_url(shop), filled, **values)


def test_undo_shows_the_effect_and_gives_the_points_back(shop: Shop) -> None:
    client = shop.client("clerk")
    page = client.get(undo_url(shop))
    assert page.status_code == 200
    assert "800" in page.content.decode() and "1,000" in page.content.decode()
    before = Account.objects.get(pk=shop.account.pk).balance
    answer = undo(shop, client)
    assert answer.status_code == 302
    assert answer["Location"] == reverse("admin:members_member_change", args=[shop.member.pk])
    after = Account.objects.get(pk=shop.account.pk)
    assert after.balance == before + 200
    refund = Entry.objects.get(reverses=shop.spent)
    assert (refund.points, refund.reason, refund.note) == (200, "wrong_redemption", "按錯")
    assert refund.actor_id == str(shop.staff["clerk"].pk)
    # The points are back in the lot that they came from.
    assert [use.lot_id for use in refund.lot_uses.all()] == [shop.earned.pk]


def test_looking_writes_nothing(shop: Shop) -> None:
    rows = (Entry.objects.count(), AuditEvent.objects.count(), Adjustment.objects.count())
    shop.client("clerk").get(undo_url(shop))
    fields = {"points": 5, "reason": "goodwill", "note": "x", "key": "k", "step": "preview"}
    assert shop.client("clerk").post(correct_url(shop), fields).status_code == 200
    assert rows == (Entry.objects.count(), AuditEvent.objects.count(), Adjustment.objects.count())


def test_double_click_has_one_effect(shop: Shop) -> None:
    client = shop.client("clerk")
    page = client.get(undo_url(shop))
    fields = {"points": 200, "reason": "wrong_redemption", "note": "按錯", **hidden(page)}
    first = confirm(client, undo_url(shop), fields)
    second = confirm(client, undo_url(shop), fields)
    assert (first.status_code, second.status_code) == (302, 302)
    assert Entry.objects.filter(reverses=shop.spent).count() == 1
    assert IdempotencyKey.objects.filter(key=fields["key"]).count() == 1
    messages = [str(message) for message in client.get(second["Location"]).context["messages"]]
    assert len(set(messages)) == 1


def test_double_click_on_give_points_has_one_effect(shop: Shop) -> None:
    client = shop.client("clerk")
    page = client.get(correct_url(shop))
    fields = {"points": 50, "reason": "goodwill", "note": "補", **hidden(page)}
    shown = client.post(correct_url(shop), {**fields, "step": "preview"})
    fields |= hidden(shown)
    for _click in range(2):
        assert confirm(client, correct_url(shop), fields).status_code == 302
    assert Entry.objects.filter(adjustment__key__endswith=fields["key"]).count() == 1
    assert Account.objects.get(pk=shop.account.pk).balance == 850


def test_the_same_key_with_other_values_is_refused(shop: Shop) -> None:
    client = shop.client("clerk")
    page = client.get(undo_url(shop))
    fields = {"points": 200, "reason": "wrong_redemption", "note": "按錯", **hidden(page)}
    confirm(client, undo_url(shop), fields)
    answer = confirm(client, undo_url(shop), fields, note="other words")
    assert answer.status_code == 409
    assert Entry.objects.filter(reverses=shop.spent).count() == 1


def test_second_clerk_is_told_that_the_account_moved(shop: Shop) -> None:
    client = shop.client("clerk")
    page = client.get(correct_url(shop))
    fields = {"points": 50, "reason": "goodwill", "note": "補", **hidden(page)}
    shown = client.post(correct_url(shop), {**fields, "step": "preview"})
    ledger.spend(account_id=shop.account.pk, points=7, source=fresh(), context=context())
    answer = confirm(client, correct_url(shop), {**fields, **hidden(shown)})
    assert answer.status_code == 409
    assert "The account changed meanwhile" in answer.content.decode()
    assert Account.objects.get(pk=shop.account.pk).balance == 793
    # He looks at the new figures and confirms: one more click.
    again = confirm(client, correct_url(shop), {**fields, **hidden(answer)})
    assert again.status_code == 302
    assert Account.objects.get(pk=shop.account.pk).balance == 843


def test_other_points_than_those_shown_are_shown_first(shop: Shop) -> None:
    client = shop.client("clerk")
    answer = undo(shop, client, points=120)
    assert answer.status_code == 200
    assert not Entry.objects.filter(reverses=shop.spent).exists()
    fields = {"points": 120, "reason": "wrong_redemption", "note": "一部分", **hidden(answer)}
    assert confirm(client, undo_url(shop), fields).status_code == 302
    assert Entry.objects.get(reverses=shop.spent).points == 120


def test_an_undone_entry_says_so(shop: Shop) -> None:
    client = shop.client("clerk")
    undo(shop, client)
    page = client.get(undo_url(shop), headers={"accept-language": "en"})
    assert page.status_code == 409
    assert "Only 0 of these points are left to undo." in page.content.decode()


def test_note_and_reason_are_asked_for(shop: Shop) -> None:
    client = shop.client("clerk")
    answer = undo(shop, client, note="", reason="")
    assert answer.status_code == 200
    assert not Entry.objects.filter(reverses=shop.spent).exists()


def test_large_corrections_wait_for_a_second_person(shop: Shop) -> None:
    client = shop.client("clerk")
    page = client.get(correct_url(shop))
    fields = {"points": 3000, "reason": "goodwill", "note": "大筆", **hidden(page)}
    shown = client.post(correct_url(shop), {**fields, "step": "preview"}, headers={"accept-language": "en"})
    assert "This needs a second person" in shown.content.decode()
    assert confirm(client, correct_url(shop), {**fields, **hidden(shown)}).status_code == 302
    request = Adjustment.objects.get(key__endswith=fields["key"])
    assert request.status == AdjustmentStatus.PENDING
    assert Account.objects.get(pk=shop.account.pk).balance == 800

    manager = shop.client("manager")
    url = reverse("admin:points_adjustment_approve", args=[request.pk])
    assert confirm(manager, url, hidden(manager.get(url))).status_code == 302
    request.refresh_from_db()
    assert (request.status, request.approved_by) == (AdjustmentStatus.APPLIED, shop.staff["manager"])
    assert Account.objects.get(pk=shop.account.pk).balance == 3800


def test_nobody_approves_his_own_request(shop: Shop) -> None:
    support = shop.client("support")
    url = reverse("admin:points_adjustment_approve", args=[shop.waiting.pk])
    for answer in (support.get(url, headers={"accept-language": "en"}), confirm(support, url, {"key": "k"})):
        assert answer.status_code == 409
        assert "A second person has to approve" in answer.content.decode()
    shop.waiting.refresh_from_db()
    assert shop.waiting.status == AdjustmentStatus.PENDING


def test_rejecting_moves_nothing(shop: Shop) -> None:
    manager = shop.client("manager")
    url = reverse("admin:points_adjustment_reject", args=[shop.waiting.pk])
    assert confirm(manager, url, hidden(manager.get(url)), note="不同意").status_code == 302
    shop.waiting.refresh_from_db()
    assert shop.waiting.status == AdjustmentStatus.REJECTED
    assert Account.objects.get(pk=shop.account.pk).balance == 800


def test_own_card_is_refused(shop: Shop) -> None:
    StaffCard.objects.filter(user=shop.staff["clerk"]).update(member=shop.member)
    client = shop.client("clerk")
    assert client.get(undo_url(shop)).status_code == 409
    fields = {"points": 200, "reason": "wrong_redemption", "note": "x", "key": "k"}
    assert confirm(client, undo_url(shop), fields).status_code == 409
    assert not Entry.objects.filter(reverses=shop.spent).exists()


@pytest.mark.parametrize("role", ["marketer", "finance", "auditor", "administrator"])
def test_roles_without_the_verb_cannot_post_it(shop: Shop, role: str) -> None:
    client = shop.client(role)
    fields = {"points": 10, "reason": "goodwill", "note": "x", "key": "k", "step": "confirm"}
    assert client.post(correct_url(shop), fields).status_code == 403
    assert client.post(undo_url(shop), fields).status_code == 403
    assert Account.objects.get(pk=shop.account.pk).balance == 800


def test_verbs_of_other_brands_members_do_not_exist(shop: Shop, other_store_clerk: User, client: Any) -> None:
    shop.member.brand = shop.brand
    shop.member.save()
    client.force_login(other_store_clerk)
    fields = {"points": 10, "reason": "goodwill", "note": "x", "key": "k", "step": "confirm"}
    for url in (correct_url(shop), undo_url(shop)):
        assert client.get(url).status_code == 404
        assert client.post(url, fields).status_code == 404
