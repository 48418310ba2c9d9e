"""The till inbox and the webhooks as staff see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.choices import Role
from backoffice.models import WebhookDelivery, WebhookSubscription
from backoffice.services import outbox
from campaigns.models import TillItem
from points.models import Account
from tests.api.conftest import House, house  # noqa: F401 - a fixture
from tests.api.test_tills import ok, receipt, till
from tests.factories.backoffice import UserFactory
from tests.factories.points import give

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _second_factor_is_not_the_matter(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = False
    settings.STAFF_REAUTHENTICATE_MINUTES = 0


def client_of(role: Role, **values: Any) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(UserFactory(role=role, **values))
    return client


def waiting(house: House) -> TillItem:  # noqa: F811 - the fixture
    at = (timezone.now() + timedelta(days=1)).isoformat()
    ok(till(house).post("/purchases", receipt(house, "80.00", purchased_at=at)))
    return TillItem.objects.get()


def confirm(client: Client, address: str, **values: str) -> Any:
    page = client.get(address)
    assert page.status_code == 200, page.content.decode()[:500]
    key = page.context["form"].initial["key"]
    return client.post(address, {"key": key, "step": "confirm", **values})


def test_staff_see_the_inbox_and_settle_an_item(house: House) -> None:  # noqa: F811 - the fixture
    item = waiting(house)
    client = client_of(Role.MANAGER, stores=[house.store])
    listed = client.get(reverse("admin:campaigns_tillitem_changelist"))
    assert item.number in listed.content.decode() and "NT$80" in listed.content.decode()
    detail = client.get(reverse("admin:campaigns_tillitem_change", args=[item.pk])).content.decode()
    settle = reverse("admin:campaigns_tillitem_settle", args=[item.pk])
    assert settle in detail
    assert confirm(client, settle, time_taken="arrival", note="clock was wrong").status_code == 302
    assert Account.objects.get(pk=house.account.pk).balance == 80
    assert confirm(client, settle, time_taken="told", note="again").status_code == 409
    assert Account.objects.get(pk=house.account.pk).balance == 80


def test_staff_refuse_an_item(house: House) -> None:  # noqa: F811 - the fixture
    item = waiting(house)
    client = client_of(Role.SUPPORT)
    refuse = reverse("admin:campaigns_tillitem_refuse", args=[item.pk])
    assert confirm(client, refuse).status_code == 200 and TillItem.objects.get().state == "waiting"
    assert confirm(client, refuse, note="no such sale").status_code == 302
    assert TillItem.objects.get().state == "refused"


@pytest.mark.parametrize("role", [Role.CLERK, Role.MARKETER, Role.AUDITOR])
def test_others_do_not_decide(house: House, role: Role) -> None:  # noqa: F811 - the fixture
    item = waiting(house)
    client = client_of(role)
    for verb in ("settle", "refuse"):
        assert client.get(reverse(f"admin:campaigns_tillitem_{verb}", args=[item.pk])).status_code == 403


def test_another_stores_item_is_none(house: House) -> None:  # noqa: F811 - the fixture
    item = waiting(house)
    client = client_of(Role.MANAGER, stores=[house.other_store])
    assert client.get(reverse("admin:campaigns_tillitem_settle", args=[item.pk])).status_code == 404
    assert item.number not in client.get(reverse("admin:campaigns_tillitem_changelist")).content.decode()


def test_a_webhook_is_added_shown_once_sent_again_and_ended(house: House) -> None:  # noqa: F811 - the fixture
    client = client_of(Role.ADMINISTRATOR)
    add = reverse("admin:subscribe_webhook")
    told = {"name": "partner", "url": "https://example.com/hook", "events": "points.changed"}
    wrong = confirm(client, add, **(told | {"url": "http://example.com/"}))
    assert wrong.status_code == 409 and not WebhookSubscription.objects.exists()
    made = confirm(client, add, **told)
    assert "whsec_" in made.content.decode()
    row = WebhookSubscription.objects.get()
    give(house.account, 5, now=timezone.now())
    outbox.relay(now=timezone.now())
    delivery = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(state="dead")
    for name, pk in (("webhooksubscription", row.pk), ("webhookdelivery", delivery.pk)):
        listed = client.get(reverse(f"admin:backoffice_{name}_changelist"))
        page = client.get(reverse(f"admin:backoffice_{name}_change", args=[pk]))
        assert listed.status_code == page.status_code == 200
        assert "whsec_" not in listed.content.decode() + page.content.decode()
    again = reverse("admin:backoffice_webhookdelivery_resend", args=[delivery.pk])
    assert confirm(client, again).status_code == 302
    assert WebhookDelivery.objects.get().state == "waiting"
    end = reverse("admin:backoffice_webhooksubscription_end", args=[row.pk])
    assert confirm(client, end, reason="over").status_code == 302
    assert WebhookSubscription.objects.get().ended_at is not None
    assert client_of(Role.FINANCE).get(add).status_code == 403
