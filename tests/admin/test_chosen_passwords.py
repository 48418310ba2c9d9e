"""Whoever got his password from somebody else chooses one of his own before anything else opens."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.actors import Actor
from backoffice.choices import Reach, Role
from backoffice.models import User
from backoffice.services import credentials, staff
from tests.admin.test_sign_in_pages import enrolled, sign_in
from tests.conftest import NOON
from tests.factories.backoffice import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
EN, ZH = {"accept-language": "en"}, {"accept-language": "zh-hant"}
GIVEN, OWN = "given by the boss 7", "only I know this 8"
PAGE = "admin:password_change"


def reset(user: User) -> None:
    boss = Actor.staff(UserFactory(role=Role.ADMINISTRATOR))
    credentials.reset_password(actor=boss, user_id=user.pk, password=GIVEN, reason="forgot", now=NOON)


def choose(client: Client, new: str, old: str = GIVEN, **fields: str) -> Any:
    asked = {"old_password": old, "new_password1": new, "new_password2": new, **fields}
    return client.post(reverse(PAGE), asked, headers=EN)


def test_after_a_reset_nothing_opens_before_a_password_is_chosen(client: Client) -> None:
    user = UserFactory(role=Role.CLERK)
    reset(user)
    sign_in(client, user, GIVEN, next="/points/entry/")
    wanted = reverse(PAGE, query={"next": "/points/entry/"})
    assert client.get("/points/entry/")["Location"] == wanted
    for path in ("admin:index", "admin:security", "admin:password_change_done"):
        assert client.get(reverse(path)).status_code == 302, path
    written = client.post(reverse("admin:members_member_add"), {"name": "x"})
    assert written["Location"] == reverse(PAGE, query={"next": reverse("admin:index")})
    page = client.get(wanted, headers=EN).content.decode()
    assert "given to you by somebody else" in page and reverse("admin:members_member_changelist") not in page
    assert "只有您自己知道" in client.get(wanted, headers=ZH).content.decode()

    same = choose(client, GIVEN)
    assert same.status_code == 200 and "nobody else knows" in same.content.decode()
    assert client.get("/points/entry/").status_code == 302
    done = choose(client, OWN, next="/points/entry/")
    assert (done.status_code, done["Location"]) == (302, "/points/entry/")
    assert client.get("/points/entry/").status_code == 200
    # Once, and not at the next sign-in again.
    client.logout()
    sign_in(client, user, OWN)
    assert client.get("/points/entry/").status_code == 200


def test_the_second_factor_comes_first(client: Client, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    boss = UserFactory(role=Role.MANAGER)
    reset(boss)
    sign_in(client, boss, GIVEN)
    assert reverse("admin:set_up_factor") in client.get(reverse(PAGE))["Location"]
    assert reverse("admin:set_up_factor") in client.get(reverse("admin:index"))["Location"]
    enrolled(boss)
    assert reverse("admin:second_step") in client.get(reverse(PAGE))["Location"]


def test_a_new_account_got_its_password_from_somebody_else_too(client: Client) -> None:
    values: dict[str, Any] = {"name": "", "password": GIVEN, "roles": [Role.CLERK], "reach": Reach.GROUP}
    boss = Actor.staff(UserFactory(role=Role.ADMINISTRATOR))
    new = staff.create_staff(actor=boss, username="new", now=NOON, **values)
    sign_in(client, new, GIVEN)
    assert reverse(PAGE) in client.get(reverse("admin:index"))["Location"]
    # One that no person opened (a demo, a shell) has the password of whoever runs it.
    own = staff.create_staff(actor=Actor.job("demo"), username="own", now=NOON, **values)
    assert not own.must_choose_password


def test_whoever_was_not_reset_sees_nothing_of_it(client: Client) -> None:
    user = UserFactory(role=Role.CLERK)
    sign_in(client, user)
    assert client.get(reverse("admin:index")).status_code == 200
    assert choose(client, PASSWORD, old=PASSWORD)["Location"] == reverse("admin:password_change_done")
