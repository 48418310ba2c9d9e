"""The back office's side of the API: keys are issued and revoked, devices signed out."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.choices import Role
from backoffice.models import ApiKey, IdempotencyKey
from backoffice.services import api_keys
from tests.api.conftest import Api, House
from tests.factories.backoffice import StoreFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(house: House) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(UserFactory(role=Role.ADMINISTRATOR))
    return client


def issue(client: Client, house: House, **values: Any) -> Any:
    form = {
        "key": uuid.uuid4().hex, "step": "confirm", "kind": "till", "name": "K1", "store": house.store.pk,
        "scopes": ["members.read"], "networks": "",
    }  # fmt: skip
    return client.post(reverse("admin:issue_api_key"), form | values)


def test_a_key_is_on_the_page_once_and_in_no_table(admin: Client, house: House) -> None:
    key = uuid.uuid4().hex
    page = issue(admin, house, key=key)
    [secret] = re.findall(r"skk_[0-9a-f]{12}_[\w-]{43}", page.content.decode())
    assert "no-store" in page.headers["Cache-Control"]
    assert Api(secret).get("/operations/k").status_code == 200
    assert secret not in str(list(IdempotencyKey.objects.values_list("body", flat=True)))
    again = issue(admin, house, key=key)
    assert again.status_code == 302 and ApiKey.objects.count() == 1


def test_a_key_without_what_its_kind_asks_for_is_refused_on_the_form(admin: Client, house: House) -> None:
    for values in ({"store": ""}, {"kind": "partner"}, {"networks": "nowhere"}, {"scopes": []}):
        assert issue(admin, house, **values).status_code in (200, 409)
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_at_once(admin: Client, house: House) -> None:
    issued = house.key()
    form = {"key": uuid.uuid4().hex, "step": "confirm", "reason": "lost"}
    done = admin.post(reverse("admin:backoffice_apikey_revoke", args=[issued.key.pk]), form)
    assert done.status_code == 302
    assert Api(issued.secret).get("/operations/k").status_code == 401


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_nobody_else_issues_or_revokes_keys(house: House, role: Role) -> None:
    client = Client()
    client.force_login(UserFactory(role=role))
    issued = house.key()
    assert issue(client, house).status_code == 403
    assert client.post(reverse("admin:backoffice_apikey_revoke", args=[issued.key.pk]), {}).status_code == 403
    assert ApiKey.objects.count() == 1


def test_keys_of_other_stores_are_not_there(house: House) -> None:
    mine, other = house.key(), house.key(store=house.other_store)
    clerk = UserFactory(role=Role.ADMINISTRATOR, stores=[house.store])
    assert list(ApiKey.objects.visible_to(clerk)) == [mine.key]
    client = Client()
    client.force_login(clerk)
    assert client.get(reverse("admin:backoffice_apikey_revoke", args=[other.key.pk])).status_code == 404
    assert not ApiKey.objects.visible_to(UserFactory(stores=[StoreFactory()])).exists()


def test_staff_sign_a_lost_device_out(house: House) -> None:
    session, tokens = house.session()
    client = Client()
    client.force_login(UserFactory(role=Role.SUPPORT))
    form = {"key": uuid.uuid4().hex, "step": "confirm", "reason": "phone was stolen"}
    assert client.post(reverse("admin:members_membersession_end", args=[session.pk]), form).status_code == 302
    assert Api(tokens.access).get("/me").status_code == 401
    clerk = Client()
    clerk.force_login(UserFactory(role=Role.CLERK))
    assert clerk.get(reverse("admin:members_membersession_end", args=[session.pk])).status_code == 403


def test_an_expired_key_is_shown_as_such(admin: Client, house: House) -> None:
    house.key(expires_at=timezone.now())
    assert "Expired" in admin.get(reverse("admin:backoffice_apikey_changelist")).content.decode()
    assert api_keys.BEGINNING in admin.get(reverse("admin:backoffice_apikey_changelist")).content.decode()


def test_the_form_offers_the_stores_and_people_within_reach(admin: Client, house: House) -> None:
    page = admin.get(reverse("admin:issue_api_key")).content.decode()
    assert "TPE01" in page and "KHH01" in page and str(house.owner) in page


def test_the_pages_of_a_key_and_of_a_device_tell_their_state_in_words(admin: Client, house: House) -> None:
    session, _tokens = house.session()
    admin.force_login(UserFactory(role=Role.SUPPORT, is_superuser=True))
    for name, pk in (("backoffice_apikey", house.key().key.pk), ("members_membersession", session.pk)):
        text = admin.get(reverse(f"admin:{name}_change", args=[pk])).content.decode()
        assert "Live" in text and "(&#x27;" not in text
