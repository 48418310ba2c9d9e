"""Finding a member, his page, his profile, programs and the overview."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from backoffice.models import AuditEvent
from members.models import Member
from points.models import Program, Proof
from tests.admin.test_verbs import hidden
from tests.factories.members import MemberFactory

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

ENGLISH = {"accept-language": "en"}


PHONE_FORMS = ("0912-345-678", "0912345678", "+886 912 345 678", "０９１２３４５６７８", "912345678")


@pytest.mark.parametrize("typed", [*PHONE_FORMS, "345678", "王小明"])
def test_one_hit_opens_the_member(shop: Shop, typed: str) -> None:
    answer = shop.client("clerk").get(reverse("admin:find"), {"q": typed})
    assert answer.status_code == 302
    assert answer["Location"] == reverse("admin:members_member_change", args=[shop.member.pk])


def test_the_lists_own_search_goes_the_same_way(shop: Shop) -> None:
    answer = shop.client("clerk").get(
        reverse("admin:members_member_changelist"), {"q": "0912-345-678"}, follow=True
    )
    assert answer.redirect_chain[-1][0] == reverse("admin:members_member_change", args=[shop.member.pk])


def test_no_hit_shows_what_was_understood(shop: Shop) -> None:
    page = shop.client("clerk").get(reverse("admin:find"), {"q": "0987 654-321"}, headers=ENGLISH)
    assert "No member has the phone 0987-654-321." in page.content.decode()


def test_several_hits_are_listed(shop: Shop) -> None:
    MemberFactory(name="王小明")
    page = shop.client("manager").get(reverse("admin:find"), {"q": "王小明"})
    assert page.status_code == 200
    assert page.content.decode().count("王○明</a>") == 2


def test_the_member_page_explains_each_number(shop: Shop) -> None:
    url = reverse("admin:members_member_change", args=[shop.member.pk])
    html = shop.client("clerk").get(url, headers=ENGLISH).content.decode()
    assert "NT$1,000 paid; each NT$1 gives 1 points." in html
    assert ">−200</span>" in html and ">+1,000</span>" in html
    # 790 of 800 points may be spent, at 60 = NT$2, rounded down to the cent.
    assert "NT$26.33" in html
    assert reverse("admin:points_entry_undo", args=[shop.spent.pk]) in html


def test_older_entries_are_a_page_away(shop: Shop) -> None:
    client = shop.client("clerk")
    url = reverse("admin:points_account_change", args=[shop.account.pk])
    older = client.get(url, {"before": "2"}).content.decode()
    assert f'id="entry-{shop.earned.pk}"' in older
    assert f'id="entry-{shop.spent.pk}"' not in older


def edit(shop: Shop, **values: Any) -> Any:
    client = shop.client("manager")
    url = reverse("admin:members_member_profile", args=[shop.member.pk])
    page = client.get(url)
    form = page.context["form"]
    fields = {name: form.initial.get(name) or "" for name in form.fields}
    return client.post(url, {**fields, **hidden(page), "step": "confirm", **values}, headers=ENGLISH)


def test_profile_is_saved_with_a_trail(shop: Shop) -> None:
    assert edit(shop, county="高雄市").status_code == 302
    assert Member.objects.get(pk=shop.member.pk).county == "高雄市"
    event = AuditEvent.objects.filter(action="member.change_profile").latest("id")
    assert event.changes == {"county": ["", "高雄市"]}
    page = shop.client("manager").get(reverse("admin:members_member_change", args=[shop.member.pk]))
    assert "高雄市" in page.content.decode()


def test_a_profile_that_somebody_changed_is_not_overwritten(shop: Shop) -> None:
    answer = edit(shop, county="高雄市", version="2020-01-01T00:00:00+00:00")
    assert answer.status_code == 409
    assert "Somebody changed this member meanwhile" in answer.content.decode()


def test_impossible_values_are_named_at_their_field(shop: Shop) -> None:
    answer = edit(shop, birthday="1800-01-01")
    assert answer.status_code == 409
    assert "A birthday lies between 1900 and today." in answer.content.decode()


def program_form(client: Any, program: Program) -> dict[str, Any]:
    page = client.get(reverse("admin:points_program_change", args=[program.pk]))
    form = page.context["adminform"].form
    fields = {name: form.initial.get(name) for name in form.fields}
    management = {"terms-TOTAL_FORMS": 0, "terms-INITIAL_FORMS": 0}
    values = {name: value for name, value in fields.items() if value is not None and value is not False}
    return {**values, **management}


def test_an_insulting_return_rate_is_warned_of(shop: Shop) -> None:
    client = shop.client("marketer")
    fields = program_form(client, shop.program) | {
        "earn_amount": "5000",
        "cash_points": 1,
        "cash_amount": "1",
    }
    url = reverse("admin:points_program_change", args=[shop.program.pk])
    page = client.post(url, fields, follow=True, headers=ENGLISH)
    text = page.content.decode()
    assert "Members get 0.0200 % of what they pay back in points." in text
    assert "they may take it for an insult" in text
    program = Program.objects.get(pk=shop.program.pk)
    assert (program.earn_amount, program.version) == (Decimal(5000), 2)


def test_renaming_a_program_renames_it_everywhere(shop: Shop) -> None:
    client = shop.client("marketer")
    fields = program_form(client, shop.program) | {"name": "小樹點", "unit": "棵"}
    client.post(reverse("admin:points_program_change", args=[shop.program.pk]), fields)
    page = client.get(reverse("admin:members_member_change", args=[shop.member.pk])).content.decode()
    assert "小樹點" in page and "棵" in page
    assert Program.objects.get(pk=shop.program.pk).version == 1


def test_the_overview_is_cut_to_the_role(shop: Shop) -> None:
    clerk = shop.client("clerk").get("/", headers=ENGLISH).content.decode()
    assert "Find a member" in clerk and "Outstanding" not in clerk and "Waiting approvals" not in clerk
    manager = shop.client("manager").get("/", headers=ENGLISH).content.decode()
    assert "Waiting approvals" in manager and "Outstanding" not in manager
    finance = shop.client("finance").get("/", headers=ENGLISH).content.decode()
    assert "Outstanding" in finance and "Books balance" in finance and "Net" in finance


def test_the_overview_shows_faults_of_the_last_proof(shop: Shop) -> None:
    proof = Proof.objects.latest("id")
    Proof.objects.create(
        started_at=proof.started_at, finished_at=proof.finished_at, checks=9, entries=2, faults=3
    )
    page = shop.client("auditor").get("/", headers=ENGLISH).content.decode()
    assert "3 faults" in page


def test_the_sign_in_page_offers_both_languages(client: Any, db: Any) -> None:
    page = client.get(reverse("admin:login"))
    html = page.content.decode()
    assert 'lang="zh-hant"' in html and "English" in html and "登入" in html
    assert "unsafe-inline" not in page["Content-Security-Policy"].split("script-src")[1].split(";")[0]
    client.post(reverse("set_language"), {"language": "en", "next": "/login/"})
    assert "Log in" in client.get(reverse("admin:login")).content.decode()
