"""The desk around a member: found or enrolled, never twice; card, phone, freeze, notes, unmasking."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone

from backoffice.choices import Role
from backoffice.models import Alarm, AuditEvent, IdempotencyKey
from members.choices import FieldNeed, ProfileField
from members.models import Consent, LookCount, Member, MemberNote, RetiredCard
from members.policy import PAGES_PER_HOUR, UNMASKINGS_PER_HOUR
from members.services.looks import hour_of
from tests.admin.test_verbs import hidden
from tests.factories.backoffice import BrandFactory, StoreFactory, UserFactory
from tests.factories.members import MemberFactory, ProfileFieldRuleFactory

if TYPE_CHECKING:
    from django.test import Client

    from tests.admin.conftest import Shop

ENGLISH = {"accept-language": "en"}
NOBODYS = "0987-654-321"


def url(slug: str, member: Member) -> str:
    return reverse(f"admin:members_member_{slug}", args=[member.pk])


def page_of(client: Client, member: Member) -> str:
    return client.get(url("change", member), headers=ENGLISH).content.decode()


def confirm(client: Client, door: str, /, **values: Any) -> Any:
    """Open the page, fill it in, confirm; the effect is looked at first where the verb wants that."""
    page = client.get(door, headers=ENGLISH)
    form = page.context["form"]
    fields = {
        name: value for name in form.fields if (value := form.initial.get(name)) not in (None, "", False)
    }
    fields |= hidden(page) | values
    if page.context["has_effect"]:
        shown = client.post(door, {**fields, "step": "preview"}, headers=ENGLISH)
        fields |= hidden(shown)
    return client.post(door, {**fields, "step": "confirm"}, headers=ENGLISH)


# --- Merging ------------------------------------------------------------------------------------------------
def test_only_a_whole_number_names_the_row_that_goes(shop: Shop) -> None:
    """The end of a number may be somebody else's by the time that the merge is confirmed."""
    kept, gone = MemberFactory(), MemberFactory(phone="+886987111222", name="陳大文")
    client = shop.client("manager")
    for text in ("111222", "陳大文"):
        answer = confirm(client, url("merge", kept), other=text, reason="同一人")
        assert answer.status_code == 409, text
        assert "There is no member card with this number" in answer.content.decode()
    gone.refresh_from_db()
    assert gone.status == "active"
    assert confirm(client, url("merge", kept), other="0987-111-222", reason="同一人").status_code == 302
    gone.refresh_from_db()
    assert gone.merged_into_id == kept.pk


# --- Finding and enrolling ----------------------------------------------------------------------------------
def test_the_box_is_on_every_page_once(shop: Shop) -> None:
    client = shop.client("manager")
    for address in ("/", "/members/", "/points/entry/", url("change", shop.member), url("note", shop.member)):
        assert client.get(address).content.decode().count('id="sk-find"') == 1, address
    assert 'id="sk-find"' not in shop.client("manager").get("/login/").content.decode()


def test_the_themes_own_palette_is_off(shop: Shop) -> None:
    answer = shop.client("root").get(reverse("admin:search"), {"s": "member", "extended": "1"})
    assert answer.status_code == 404


def test_no_hit_offers_to_add_that_phone_and_nothing_else(shop: Shop) -> None:
    client = shop.client("clerk")
    page = client.get(reverse("admin:find"), {"q": "０９８７６５４３２１"}, headers=ENGLISH).content.decode()
    assert f"No member has the phone {NOBODYS}." in page
    assert f"{reverse('admin:enrol')}?phone={NOBODYS}" in page
    for typed in ("王二麻子", "nobody@example.com", "9999", "9000000000000001", "02-2345-6789"):
        page = client.get(reverse("admin:find"), {"q": typed}).content.decode()
        assert reverse("admin:enrol") not in page, typed
    auditor = shop.client("auditor").get(reverse("admin:find"), {"q": NOBODYS}).content.decode()
    assert reverse("admin:enrol") not in auditor


def enrol(client: Client, **values: Any) -> Any:
    address = f"{reverse('admin:enrol')}?phone={NOBODYS}"
    filled = {
        "name": "陳美麗", "address": "中山路 1 號", "source": "paper", "consent_terms": "on",
        "note": "紙本申請",
    } | values  # fmt: skip
    return confirm(client, address, **filled)


def test_a_paper_form_becomes_an_unverified_member(shop: Shop) -> None:
    clerk = UserFactory(username="counter", role=Role.CLERK, stores=[shop.store])
    client = shop.client("clerk")
    client.force_login(clerk)
    form = client.get(f"{reverse('admin:enrol')}?phone={NOBODYS}").context["form"]
    assert (form.initial["phone"], form.initial["store"]) == (NOBODYS, shop.store.pk)
    answer = enrol(
        client, birthday="79/02/03", consent_marketing_sms="on", signed_on="2026-01-05", version="2026"
    )
    member = Member.objects.get(phone="+886987654321")
    assert answer["Location"] == url("change", member)
    assert (member.name, str(member.birthday), member.source) == ("陳美麗", "1990-02-03", "paper")
    assert (member.joined_store, member.referring_store) == (shop.store, shop.store)
    given = {(row.purpose, row.at.date().isoformat()) for row in Consent.objects.filter(member=member)}
    assert given == {("terms", "2026-01-04"), ("marketing_sms", "2026-01-04")}
    assert MemberNote.objects.get(member=member).text == "紙本申請"
    page = page_of(client, member)
    assert "Unverified" in page and "cannot be spent until it is" in page


def test_a_double_click_enrols_one(shop: Shop) -> None:
    client = shop.client("support")
    address = reverse("admin:enrol")
    fields = {
        **hidden(client.get(address)), "phone": NOBODYS, "consent_terms": "on", "source": "paper",
        "signed_on": "2026-01-05", "step": "confirm",
    }  # fmt: skip
    answers = [client.post(address, fields) for _click in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert Member.objects.filter(phone="+886987654321").count() == 1


def test_a_phone_that_somebody_has_leads_to_him(shop: Shop) -> None:
    client = shop.client("clerk")
    opened = client.get(f"{reverse('admin:enrol')}?phone=0912345678")
    assert opened["Location"] == url("change", shop.member)
    before = Member.objects.count()
    refused = enrol(client, phone="+886 912 345 678")
    assert refused.status_code == 409
    text = refused.content.decode()
    assert "Another member already uses this phone." in text and url("change", shop.member) in text
    assert Member.objects.count() == before


def test_the_owner_of_another_brand_is_not_named(shop: Shop, other_store_clerk: Any, client: Client) -> None:
    Member.objects.filter(pk=shop.member.pk).update(brand=shop.brand)
    client.force_login(other_store_clerk)
    refused = enrol(client, phone="0912345678")
    assert refused.status_code == 409
    assert url("change", shop.member) not in refused.content.decode()


def test_the_brand_says_which_fields_the_form_asks_for(shop: Shop) -> None:
    ProfileFieldRuleFactory(brand=shop.brand, field=ProfileField.BIRTHDAY, need=FieldNeed.REQUIRED)
    ProfileFieldRuleFactory(brand=shop.brand, field=ProfileField.EMAIL, need=FieldNeed.HIDDEN)
    clerk = UserFactory(username="counter", role=Role.CLERK, stores=[shop.store])
    client = shop.client("clerk")
    client.force_login(clerk)
    form = client.get(reverse("admin:enrol")).context["form"]
    assert form.fields["birthday"].required and form.fields["address"].required
    assert "email" not in form.fields
    refused = enrol(client, address="")
    assert refused.context["form"].errors.keys() == {"birthday", "address"}
    assert not Member.objects.filter(phone="+886987654321").exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"phone": "912345678"}, "phone"),
        ({"phone": "0223456789"}, "phone"),
        ({"birthday": "05/06/1990"}, "birthday"),
        ({"consent_terms": ""}, "consent_terms"),
    ],
)
def test_what_is_wrong_on_the_form_is_said_at_its_field(
    shop: Shop, wrong: dict[str, str], field: str
) -> None:
    answer = enrol(shop.client("clerk"), **wrong)
    assert answer.status_code == 200 and list(answer.context["form"].errors) == [field]
    assert not Member.objects.filter(name="陳美麗").exists()


def test_a_lost_zero_is_asked_about(shop: Shop) -> None:
    answer = enrol(shop.client("clerk"), phone="987654321")
    assert "Did you mean 0987-654-321?" in answer.content.decode()


@pytest.mark.parametrize("role", ["marketer", "finance", "auditor", "administrator"])
def test_only_the_desk_enrols(shop: Shop, role: str) -> None:
    assert shop.client(role).get(reverse("admin:enrol")).status_code == 403
    assert shop.client(role).post(reverse("admin:enrol"), {"phone": NOBODYS}).status_code == 403


# --- Card, phone, standing ----------------------------------------------------------------------------------
def test_a_lost_card_dies_and_the_new_one_is_shown(shop: Shop) -> None:
    client, old = shop.client("clerk"), shop.member.card_no
    page = client.get(url("replace_card", shop.member), headers=ENGLISH).content.decode()
    assert old in page and "The old card stops working at once" in page
    answer = confirm(client, url("replace_card", shop.member), reason="遺失")
    assert answer["Location"] == url("card", shop.member)
    new = Member.objects.get(pk=shop.member.pk).card_no
    assert new != old and RetiredCard.objects.get().card_no == old
    card = client.get(answer["Location"], headers=ENGLISH).content.decode()
    assert f"{new[:4]} {new[4:8]}" in card
    images = re.findall(r'<img class="(sk-card-\w+)" src="data:image/svg\+xml[^"]+" alt="([^"]+)"', card)
    assert images == [
        ("sk-card-bars", "Barcode of the card number"),
        ("sk-card-qr", "QR code of the card number"),
    ]
    found = client.get(reverse("admin:find"), {"q": old}, headers=ENGLISH).content.decode()
    assert f"Card {old} was replaced and no longer works." in found


def test_a_second_click_does_not_kill_the_new_card(shop: Shop) -> None:
    client = shop.client("clerk")
    page = client.get(url("replace_card", shop.member))
    fields = {**hidden(page), "card_no": shop.member.card_no, "reason": "遺失", "step": "confirm"}
    client.post(url("replace_card", shop.member), fields)
    new = Member.objects.get(pk=shop.member.pk).card_no
    assert client.post(url("replace_card", shop.member), fields).status_code == 302
    # A colleague who still looks at the old number is told.
    late = client.post(url("replace_card", shop.member), {**fields, "key": "another"}, headers=ENGLISH)
    assert late.status_code == 409 and "Somebody changed this member meanwhile" in late.content.decode()
    assert Member.objects.get(pk=shop.member.pk).card_no == new


def test_a_phone_is_changed_after_a_look_at_the_effect(shop: Shop) -> None:
    client = shop.client("manager")
    answer = confirm(client, url("phone", shop.member), phone="0911-222-333", reason="換號")
    assert answer.status_code == 302
    member = Member.objects.get(pk=shop.member.pk)
    assert (member.phone, member.phone_verified_at) == ("+886911222333", None)
    assert "222" not in str(AuditEvent.objects.get(action="member.change_phone").changes)
    assert "911222333" not in str(list(IdempotencyKey.objects.values_list("body", flat=True)))


def test_a_phone_of_somebody_else_is_refused_with_the_way_to_him(shop: Shop) -> None:
    owner = MemberFactory(phone="+886911222333")
    client = shop.client("manager")
    answer = confirm(client, url("phone", shop.member), phone="0911222333", reason="換號")
    assert answer.status_code == 409
    assert url("change", owner) in answer.content.decode()
    assert Member.objects.get(pk=shop.member.pk).phone == "+886912345678"


def test_freezing_and_letting_go_on(shop: Shop) -> None:
    client = shop.client("manager")
    assert confirm(client, url("freeze", shop.member), reason="查證中").status_code == 302
    page = page_of(client, shop.member)
    assert "This member is frozen" in page
    assert url("unfreeze", shop.member) in page and url("freeze", shop.member) not in page
    assert confirm(client, url("freeze", shop.member), reason="再一次").status_code == 409
    assert confirm(client, url("unfreeze", shop.member), reason="無誤").status_code == 302
    assert Member.objects.get(pk=shop.member.pk).status == "active"
    assert AuditEvent.objects.filter(action__in=["member.freeze", "member.unfreeze"]).count() == 2


@pytest.mark.parametrize("slug", ["replace_card", "freeze", "reveal", "phone"])
def test_no_act_without_a_reason(shop: Shop, slug: str) -> None:
    before = Member.objects.filter(pk=shop.member.pk).values().get()
    address = url(slug, shop.member)
    values = {"phone": "0911222333", "card_no": shop.member.card_no, "purpose": "contact"}
    answer = shop.client("manager").post(address, {**values, "key": "k", "reason": " ", "step": "confirm"})
    assert answer.status_code == 200 and answer.context["form"].errors
    assert Member.objects.filter(pk=shop.member.pk).values().get() == before


# --- Notes and consents -------------------------------------------------------------------------------------
def test_a_note_is_written_and_struck(shop: Shop) -> None:
    clerk, manager = shop.client("clerk"), shop.client("manager")
    assert confirm(clerk, url("note", shop.member), kind="care", text="電洽 0912-345-678").status_code == 302
    note = MemberNote.objects.latest("id")
    assert (note.kind, note.text, note.author) == ("care", "電洽 ***678", shop.staff["clerk"])
    strike = reverse("admin:members_membernote_strike", args=[note.pk])
    assert strike not in page_of(clerk, shop.member) and strike in page_of(manager, shop.member)
    assert confirm(manager, strike, reason="寫錯人").status_code == 302
    page = page_of(clerk, shop.member)
    assert "struck out" in page and 'class="sk-struck"' in page
    assert confirm(manager, strike, reason="再一次").status_code == 409


def test_a_consent_is_recorded_with_its_effect_shown_first(shop: Shop) -> None:
    client = shop.client("clerk")
    filled = {"purpose": "marketing_line", "answer": "given", "source": "paper", "signed_on": "2026-01-05"}
    shown = client.post(
        url("consent", shop.member), {**filled, "key": "k", "step": "preview"}, headers=ENGLISH
    )
    assert "never asked" in shown.content.decode() and not Consent.objects.filter(purpose="marketing_line")
    assert confirm(client, url("consent", shop.member), **filled).status_code == 302
    assert Consent.objects.get(purpose="marketing_line").given
    filled |= {"answer": "withdrawn", "signed_on": timezone.localdate().isoformat()}
    assert confirm(client, url("consent", shop.member), **filled).status_code == 302
    assert not Consent.objects.filter(purpose="marketing_line").order_by("-at").first().given  # type: ignore[union-attr]
    late = confirm(client, url("consent", shop.member), **{**filled, "signed_on": "2999-01-01"})
    assert late.status_code == 409 and "has not come yet" in late.content.decode()


# --- Unmasking ----------------------------------------------------------------------------------------------
WHOLE = ("王小明", "0912-345-678", "+886912345678")


def unmask(shop: Shop, role: str = "manager", **values: Any) -> Any:
    filled = {"purpose": "contact", "reason": "回電給客人", "key": "k", "step": "confirm"} | values
    return shop.client(role).post(url("reveal", shop.member), filled, headers=ENGLISH)


@pytest.mark.parametrize("role", [*Role.values, "root"])
def test_everybody_sees_the_mask_everywhere(shop: Shop, role: str) -> None:
    MemberFactory(name="王大明", phone="+886912345679")
    client = shop.client(role)
    pages = [
        url("change", shop.member),
        url("card", shop.member),
        url("note", shop.member),
        url("phone", shop.member),
        reverse("admin:members_member_changelist"),
        reverse("admin:members_member_changelist") + "?q=345678&status__exact=active",
        reverse("admin:find") + "?q=王",
        reverse("admin:points_entry_undo", args=[shop.spent.pk]),
        reverse("admin:points_entry_change", args=[shop.spent.pk]),
        reverse("admin:points_account_history", args=[shop.account.pk]),
        reverse("admin:members_member_history", args=[shop.member.pk]),
        reverse("admin:members_staffcard_changelist"),
        reverse("admin:backoffice_auditevent_changelist"),
    ]
    seen = "".join(client.get(page, follow=True).content.decode() for page in pages)
    assert [word for word in WHOLE if word in seen] == []
    assert "王○明" in seen and "0912-***-678" in seen


def test_unmasking_shows_one_page_and_leaves_a_trace(shop: Shop) -> None:
    page = unmask(shop)
    text = page.content.decode()
    assert page.status_code == 200 and "王小明" in text and "0912-345-678" in text
    assert "Unmasked for this page only." in text
    assert "no-store" in page["Cache-Control"]
    event = AuditEvent.objects.get(action="member.reveal")
    assert (event.changes["purpose"], event.reason) == ("contact", "回電給客人")
    assert "王小明" not in page_of(shop.client("manager"), shop.member)
    # Nothing of the person was kept under the form's key.
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("role", ["clerk", "marketer", "finance", "auditor", "administrator"])
def test_who_may_not_unmask_gets_nothing(shop: Shop, role: str) -> None:
    answer = unmask(shop, role)
    assert answer.status_code == 403 and "王小明" not in answer.content.decode()
    assert url("reveal", shop.member) not in page_of(shop.client(role), shop.member)
    assert not AuditEvent.objects.filter(action="member.reveal").exists()


def test_unmasking_needs_a_purpose_and_looking_at_the_form_shows_nothing(shop: Shop) -> None:
    for answer in (unmask(shop, purpose=""), unmask(shop, step="preview"), unmask(shop, reason="")):
        assert "王小明" not in answer.content.decode()
    assert not LookCount.objects.filter(unmaskings__gt=0).exists()


def test_over_the_limit_it_is_refused_and_somebody_is_told(shop: Shop) -> None:
    LookCount.objects.create(
        user=shop.staff["manager"], hour=hour_of(timezone.now()), unmaskings=UNMASKINGS_PER_HOUR
    )
    answer = unmask(shop)
    text = answer.content.decode()
    assert answer.status_code == 409 and "王小明" not in text and "within this hour" in text
    assert Alarm.objects.filter(kind="members.many_unmaskings").count() == 1
    # The form that shows the whole person counts like an unmasking.
    form = shop.client("manager").get(url("profile", shop.member), headers=ENGLISH)
    assert form.status_code == 409 and "王小明" not in form.content.decode()


def test_opening_the_profile_form_is_a_look_with_a_trace(shop: Shop) -> None:
    assert "王小明" in shop.client("manager").get(url("profile", shop.member)).content.decode()
    event = AuditEvent.objects.get(action="member.reveal")
    assert event.changes["purpose"] == "correction"


def test_the_two_hundredth_page_of_an_hour_raises_an_alarm(shop: Shop) -> None:
    clerk = shop.staff["clerk"]
    count = LookCount.objects.create(user=clerk, hour=hour_of(timezone.now()), pages=PAGES_PER_HOUR - 2)
    alarms = Alarm.objects.filter(kind="members.many_pages", about_id=clerk.pk)
    page_of(shop.client("clerk"), shop.member)
    assert not alarms.exists()
    for _more in range(3):
        assert "王○明" in page_of(shop.client("clerk"), shop.member)
    assert alarms.count() == 1
    count.refresh_from_db()
    assert count.pages == PAGES_PER_HOUR + 2


# --- Nothing tells what the mask hides ----------------------------------------------------------------------
ORACLES = [
    "phone__startswith=%2B88691",
    "phone=%2B886912345678",
    "name__contains=王",
    "email__gt=a",
    "birthday__year=1990",
    "address__icontains=x",
    "accounts__balance__gt=1",
    "o=2",
    "o=-1.2",
    "_to_field=phone&_popup=1",
]


@pytest.mark.parametrize("question", ORACLES)
def test_lists_answer_no_question_about_what_is_masked(shop: Shop, question: str) -> None:
    MemberFactory(name="阿阿阿", phone="+886900000001")
    address = reverse("admin:members_member_changelist")
    client = shop.client("root")
    plain = client.get(address).content.decode()
    answer = client.get(f"{address}?{question}", follow=True)
    if answer.status_code == 200 and not answer.redirect_chain:
        rows = [re.findall(r"9\d{15}", text) for text in (plain, answer.content.decode())]
        assert rows[0] == rows[1], "neither chosen nor ordered by it"
    else:
        assert answer.status_code == 400 or answer.redirect_chain


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("points_account", "member__phone__startswith=%2B88691"),
        ("points_entry", "account__member__name__contains=王"),
        ("members_consent", "member__phone__startswith=%2B88691"),
        ("members_purchase", "member__email__gt=a"),
        ("members_staffcard", "member__phone__startswith=%2B88691"),
        ("backoffice_user", "staff_card__member__phone__startswith=%2B88691"),
        ("backoffice_user", "password__startswith=argon2"),
        ("backoffice_auditevent", "changes__contains=x"),
    ],
)
def test_other_lists_are_no_detour(shop: Shop, name: str, question: str) -> None:
    client = shop.client("root")
    answer = client.get(f"{reverse(f'admin:{name}_changelist')}?{question}")
    assert answer.status_code == 400 or "e=1" in answer.get("Location", "")


def test_choosers_name_a_card_and_nobody(shop: Shop) -> None:
    client = shop.client("root")
    asked = {"app_label": "members", "model_name": "staffcard", "field_name": "member", "term": "王小明"}
    answer = client.get(reverse("admin:autocomplete"), asked)
    text = html.unescape(answer.content.decode("unicode_escape"))
    assert [word for word in WHOLE if word in text] == []
    popup = client.get(reverse("admin:members_member_changelist") + "?_popup=1").content.decode()
    assert [word for word in WHOLE if word in popup] == []


def test_verbs_on_members_of_another_brand_do_not_exist(
    shop: Shop, other_store_clerk: Any, client: Client
) -> None:
    Member.objects.filter(pk=shop.member.pk).update(brand=BrandFactory())
    other_store_clerk.is_superuser = True
    other_store_clerk.save()
    StoreFactory()
    client.force_login(other_store_clerk)
    note = shop.member.notes.get()
    addresses = [
        *(
            url(slug, shop.member)
            for slug in ("reveal", "replace_card", "phone", "freeze", "note", "consent")
        ),
        reverse("admin:members_membernote_strike", args=[note.pk]),
    ]
    for address in addresses:
        assert client.get(address).status_code == 404, address
        assert client.post(address, {"step": "confirm", "key": "k"}).status_code == 404, address
    assert client.get(url("card", shop.member)).status_code == 404
