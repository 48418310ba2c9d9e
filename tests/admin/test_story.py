"""One story of a member: every app's events in order, page by page, filtered; balances as of any second."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.actors import Actor
from members.models import Member
from members.selectors.story import Cursor, StoryPage, lineage_ids, story_kinds, story_page
from members.services import card_numbers, consents, notes, phone_numbers, standing
from points.choices import EntryKind
from points.models import Account, Entry
from points.postings import Source
from points.selectors import balances_as_of
from points.services import ledger
from tests.factories.members import MemberFactory, PurchaseFactory, PurchaseReturnFactory
from tests.factories.points import NOON, AccountFactory, context, fresh, give, take

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

ENGLISH = {"accept-language": "en"}


def story(shop: Shop, role: str = "manager", member: Member | None = None, **asked: Any) -> StoryPage:
    return story_page(member_ids=lineage_ids(member or shop.member), user=shop.staff[role], **asked)


def anchors(page: StoryPage) -> list[str]:
    return [told.anchor for told in page.events]


def member_url(member: Member) -> str:
    return reverse("admin:members_member_change", args=[member.pk])


def busy(shop: Shop) -> None:
    """Some of everything that can happen to a member."""
    now, actor = timezone.now(), Actor.staff(shop.staff["support"])
    card_numbers.replace_card(
        member=shop.member, expected_card_no=shop.member.card_no, reason="遺失", actor=actor, now=now
    )
    phone_numbers.change_phone(member=shop.member, phone="0911222333", reason="換號", actor=actor, now=now)
    standing.freeze(member=shop.member, reason="查證", actor=actor, now=now)
    standing.unfreeze(member=shop.member, reason="無誤", actor=actor, now=now)
    consents.give(
        member=shop.member, purpose="marketing_line", version="", source="store", actor=actor, now=now
    )
    notes.strike_note(note=shop.member.notes.get(), reason="寫錯人", actor=actor, now=now)
    PurchaseReturnFactory(purchase=shop.purchase, return_no="T0000000009")


def test_all_kinds_stand_in_the_order_of_their_time(shop: Shop) -> None:
    busy(shop)
    page = story(shop)
    times = [told.at for told in page.events]
    assert times == sorted(times, reverse=True)
    sources = {anchor.split("-")[0] for anchor in anchors(page)}
    assert sources == {"act", "asked", "consent", "entry", "hold", "note", "receipt", "return"}
    titles = [told.event.title for told in page.events]
    assert {"Card replaced", "Phone changed", "Frozen", "Unfrozen", "Note struck out"} <= set(titles)


def test_pages_of_every_size_tell_the_same_story(shop: Shop) -> None:
    busy(shop)
    # Ten events of one instant: the cursor has to tell them apart by source and number.
    at = timezone.now() - timedelta(days=3)
    for number in range(5):
        PurchaseFactory(member=shop.member, store=shop.store, purchased_at=at, receipt_no=f"S{number}")
        notes.add_note(member=shop.member, text=f"第{number}", actor=Actor.job("tests"), now=at)
    whole = anchors(story(shop, limit=200))
    assert len(whole) == len(set(whole)) > 20
    for size in (1, 3, 7):
        found: list[str] = []
        before: Cursor | None = None
        while True:
            page = story(shop, limit=size, before=before)
            found += anchors(page)
            if page.older is None:
                break
            before = Cursor.parse(str(page.older))
            assert before == page.older
        assert found == whole, size


@pytest.mark.parametrize("text", ["", "x", "2026-01-01~entry~1", "2026-01-01T00:00:00+00:00~entry~-1", "~~"])
def test_a_forged_cursor_is_the_first_page(shop: Shop, text: str) -> None:
    assert Cursor.parse(text) is None
    assert shop.client("clerk").get(member_url(shop.member), {"before": text}).status_code == 200


def test_kinds_and_texts_narrow_it(shop: Shop) -> None:
    busy(shop)
    assert {anchor.split("-")[0] for anchor in anchors(story(shop, kinds=["note"]))} == {"note"}
    mixed = story(shop, kinds=["card", "receipt"])
    assert {told.event.title for told in mixed.events} == {
        "Card replaced",
        "Phone changed",
        "Receipt R0000000001",
    }
    assert [told.event.detail for told in story(shop, text="寫錯").events] == ["寫錯人"]
    assert {a.split("-")[0] for a in anchors(story(shop, text="R0000000001"))} == {"receipt", "return"}
    # What people read they look for: the words of a kind, in their language.
    assert anchors(story(shop, text="redeemed")) == [f"entry-{shop.spent.pk}"]
    assert story(shop, text="%").events == []
    assert story(shop, kinds=["nothing"]).events == []


def test_each_number_says_why_and_offers_its_verbs(shop: Shop) -> None:
    events = {told.anchor: told.event for told in story(shop).events}
    earned, spent = events[f"entry-{shop.earned.pk}"], events[f"entry-{shop.spent.pk}"]
    assert "NT$1,000 paid; each NT$1 gives 1 points." in earned.why
    assert (earned.points, earned.balance, spent.points, spent.balance) == (1000, 1000, -200, 800)
    assert f"Lot {shop.earned.pk}: −200, usable through" in " ".join(spent.why)
    assert [verb.url for verb in spent.verbs] == [reverse("admin:points_entry_undo", args=[shop.spent.pk])]
    asked = events[f"asked-{shop.waiting.pk}"]
    assert (asked.title, asked.actor) == ("Correction asked: +5,000", shop.staff["support"].name)


def test_it_is_cut_to_the_role_and_masked_for_everybody(shop: Shop) -> None:
    busy(shop)
    shop.client("manager").post(
        reverse("admin:members_member_reveal", args=[shop.member.pk]),
        {"purpose": "contact", "reason": "回電", "key": "k1", "step": "confirm"},
        headers=ENGLISH,
    )
    assert "look" in dict(story_kinds(shop.staff["manager"]))
    titles = [told.event.title for told in story(shop, "manager").events]
    assert "Unmasked: Contact the member" in titles
    clerks = story(shop, "clerk").events
    assert not [told for told in clerks if "Unmasked" in told.event.title]
    # The change of the phone is told to all, its masked old and new value to those who may read the trail.
    changed = next(told.event for told in clerks if told.event.title == "Phone changed")
    assert changed.why == []
    why = next(t.event.why for t in story(shop, "manager").events if t.event.title == "Phone changed")
    assert why == ["mobile phone: ***678 → ***333"]


def test_the_story_of_an_absorbed_member_goes_on_in_the_survivors(shop: Shop) -> None:
    duplicate = MemberFactory(merged=True, merged_into=shop.member)
    note = notes.add_first(duplicate, "舊卡的備註", "general", Actor.job("tests"), NOON)
    assert f"note-{note.pk}" in anchors(story(shop))


def test_the_number_of_queries_does_not_grow(shop: Shop) -> None:
    client = shop.client("manager")

    def queries(**asked: Any) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(member_url(shop.member), asked).status_code == 200
        return len(caught)

    queries()
    first = queries()
    busy(shop)
    for number in range(40):
        at = NOON - timedelta(days=number)
        PurchaseFactory(member=shop.member, store=shop.store, purchased_at=at)
        take(shop.account, 1, source=fresh("story"), now=timezone.now(), occurred_at=at)
    assert queries() == first
    assert queries(kind=["points", "note"], text="a") == first


def test_the_story_itself_is_one_query(shop: Shop) -> None:
    busy(shop)
    user, ids = shop.staff["manager"], lineage_ids(shop.member)
    user.get_all_permissions()
    with CaptureQueriesContext(connection) as caught:
        page = story_page(member_ids=ids, user=user)
    assert len(page.events) > 10
    assert len(caught) == 1


@pytest.mark.django_db
def test_balance_as_of_any_second_equals_the_replayed_ledger() -> None:
    rng = random.Random(20260615)
    account = AccountFactory()
    clock = NOON
    for _step in range(60):
        # Clocks of two tills: bookings are not always in the order of their times.
        clock += timedelta(seconds=rng.randrange(-2, 30))
        if rng.random() < 0.6 or Account.objects.get(pk=account.pk).balance < 50:
            give(account, rng.randrange(50, 500), now=clock)
        else:
            take(account, rng.randrange(1, 50), now=clock)
    entries = list(Entry.objects.filter(account=account))
    for second in range(-5, int((clock - NOON).total_seconds()) + 5, 7):
        moment = NOON + timedelta(seconds=second)
        replayed = sum(entry.points for entry in entries if entry.created_at <= moment)
        past = balances_as_of(member_ids=[account.member_id], moment=moment)
        assert sum(one.balance - one.debt for one in past) == replayed
    assert past[0].balance == Account.objects.get(pk=account.pk).balance


def test_the_page_shows_the_balance_of_a_past_second(shop: Shop) -> None:
    at = datetime(2026, 6, 15, 4, 0, 0, 400_000, tzinfo=UTC)
    ledger.credit(
        account_id=shop.account.pk,
        kind=EntryKind.BONUS,
        points=37,
        source=Source("test", "past"),
        context=context(now=at),
    )
    client = shop.client("clerk")

    def figures(moment: str) -> str:
        page = client.get(member_url(shop.member), {"as_of": moment}, headers=ENGLISH).content.decode()
        assert f"Balances as of {moment.replace('T', ' ')}" in page
        return page[page.index('id="past"') : page.index("sk-timeline")]

    # 12:00:00 in Taipei, to the end of that second.
    assert "37 <small>" in figures("2026-06-15T12:00:00")
    assert "Nothing had been booked by then." in figures("2026-06-15T11:59:59")


def test_the_future_has_no_balance(shop: Shop) -> None:
    page = shop.client("clerk").get(member_url(shop.member), {"as_of": "2999-01-01T00:00"}, headers=ENGLISH)
    assert "Choose a moment in the past." in page.content.decode()
    page = shop.client("clerk").get(member_url(shop.member), {"as_of": "gestern", "kind": "??"})
    assert page.status_code == 200


def test_scripts_in_notes_and_receipts_are_inert(shop: Shop) -> None:
    attack = "<script>alert(1)</script>"
    notes.add_note(member=shop.member, text=attack, actor=Actor.job(attack), now=timezone.now())
    PurchaseFactory(member=shop.member, store=shop.store, receipt_no=attack)
    take(shop.account, 1, source=fresh("story"), now=timezone.now(), note=attack)
    html = shop.client("manager").get(member_url(shop.member), {"text": attack}).content.decode()
    assert "<script>alert" not in html and "&lt;script&gt;alert" in html
