"""The door of the back office as a browser meets it: two steps, second factor first, sessions that end."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from backoffice.actors import Actor
from backoffice.choices import Role
from backoffice.models import AuditEvent, LoginEvent, User
from backoffice.services import second_factor, tries
from backoffice.visits import Visit
from points.choices import AdjustmentStatus
from tests.admin.pages import all_pages
from tests.backoffice.test_sign_in import code_of
from tests.conftest import NOON
from tests.factories.backoffice import PASSWORD, UserFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.admin.conftest import Shop

LOGIN, SECOND, SET_UP = "admin:login", "admin:second_step", "admin:set_up_factor"
EN = {"accept-language": "en"}


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def strict(settings: Any) -> Any:
    """As in production: the second factor is required, and proofs grow old."""
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    settings.STAFF_REAUTHENTICATE_MINUTES = 15
    return settings


def sign_in(client: Client, user: User, password: str = PASSWORD, **query: str) -> Any:
    fields = {"username": user.username, "password": password}
    return client.post(reverse(LOGIN, query=query or None), fields, headers=EN)


def enrolled(user: User, now: datetime = NOON - timedelta(hours=1)) -> str:
    secret = second_factor.new_secret()
    second_factor.set_up(
        actor=Actor.staff(user), secret=secret, code=code_of(secret, now), visit=Visit(), now=now
    )
    return secret


def is_in(client: Client) -> bool:
    return client.get(reverse("admin:password_change")).status_code == 200


# --- Signing in ---------------------------------------------------------------------------------------------
def test_without_a_second_factor_the_password_is_enough(db: Any, client: Client) -> None:
    user = UserFactory(role=Role.CLERK)
    answer = sign_in(client, user, next="/points/entry/")
    assert (answer.status_code, answer["Location"]) == (302, "/points/entry/")
    assert is_in(client)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_way_back_never_leads_elsewhere(db: Any, client: Client, target: str) -> None:
    assert sign_in(client, UserFactory(), next=target)["Location"] == reverse("admin:index")


def test_with_a_second_factor_the_password_alone_opens_nothing(db: Any, client: Client) -> None:
    user = UserFactory(role=Role.CLERK)
    secret = enrolled(user)
    answer = sign_in(client, user, next="/points/entry/")
    assert answer["Location"] == reverse(SECOND, query={"next": "/points/entry/"})
    assert not is_in(client)
    page = client.get(answer["Location"], headers=EN)
    assert page.status_code == 200 and "six digits" in page.content.decode()
    wrong = client.post(reverse(SECOND), {"code": "12345", "next": "/points/entry/"}, headers=EN)
    assert "This code is wrong" in wrong.content.decode() and not is_in(client)
    fields = {"code": code_of(secret, NOON), "next": "/points/entry/"}
    assert client.post(reverse(SECOND), fields)["Location"] == "/points/entry/"
    assert is_in(client)
    kinds = list(LoginEvent.objects.filter(user=user).order_by("id").values_list("kind", flat=True))
    assert kinds == ["factor_added", "code_awaited", "wrong_code", "signed_in"]


def test_the_second_step_does_not_wait_for_ever(db: Any, client: Client, clock: Any) -> None:
    user = UserFactory()
    secret = enrolled(user)
    sign_in(client, user)
    clock.shift(timedelta(minutes=6))
    fields = {"code": code_of(secret, NOON + timedelta(minutes=6))}
    assert reverse(LOGIN) in client.post(reverse(SECOND), fields)["Location"]
    assert not is_in(client)


def test_nobody_reaches_the_second_step_without_the_first(db: Any, client: Client) -> None:
    enrolled(UserFactory())
    assert reverse(LOGIN) in client.get(reverse(SECOND))["Location"]


def test_lock_out_says_so_alike_and_leaves_open_sessions_alone(db: Any, client: Client) -> None:
    user = UserFactory(username="chen")
    open_session = Client()
    sign_in(open_session, user)
    ghost = User(username="nobody")
    pages = {}
    for person in (user, ghost):
        for _try in range(tries.PER_NAME + 1):
            pages[person.username] = sign_in(client, person, "wrong")
    for page in pages.values():
        assert page.status_code == 429
        assert "Too many tries. Wait 15 minutes" in page.content.decode()
    bodies = [re.sub(r'value="[^"]*"', "", page.content.decode()) for page in pages.values()]
    assert bodies[0] == bodies[1]
    assert sign_in(client, user).status_code == 429, "the right password is not compared either"
    assert is_in(open_session)


def test_signing_out_is_written_down(db: Any, client: Client) -> None:
    user = UserFactory()
    sign_in(client, user)
    client.post(reverse("admin:logout"))
    assert not is_in(client)
    assert LoginEvent.objects.order_by("-id")[0].kind == "signed_out"


def test_the_address_behind_our_proxy_is_written_down(db: Any, client: Client, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    fields = {"username": "x", "password": "y"}
    client.post(reverse(LOGIN), fields, headers={"x-forwarded-for": "6.6.6.6, 198.51.100.9"})
    assert LoginEvent.objects.get().address == "198.51.100.9"


# --- The second factor first --------------------------------------------------------------------------------
def test_whose_role_needs_one_meets_no_other_page_before(strict: Any, shop: Shop) -> None:
    client = Client()
    sign_in(client, shop.staff["manager"])
    for name, address in all_pages(shop):
        if name in {"set_up_factor", "prove"}:
            continue
        for answer in (client.get(address), client.post(address, {"step": "confirm"})):
            assert answer.status_code == 302 and reverse(SET_UP) in answer["Location"], name
    assert client.get(reverse(SET_UP)).status_code == 200
    assert client.post(reverse("set_language"), {"language": "en"}).status_code == 302
    assert client.post(reverse("admin:logout")).status_code == 200


def test_a_clerk_works_without_one(strict: Any, shop: Shop) -> None:
    client = Client()
    sign_in(client, shop.staff["clerk"])
    assert client.get(reverse("admin:index")).status_code == 200


def test_a_session_from_before_the_new_role_is_led_there_too(strict: Any, shop: Shop) -> None:
    client = Client()
    clerk = shop.staff["clerk"]
    secret = enrolled(clerk)
    client.force_login(clerk)
    assert client.get(reverse("admin:index")).status_code == 200
    clerk.groups.set(shop.staff["manager"].groups.all())
    answer = client.get(reverse("admin:index"))
    assert reverse(SECOND) in answer["Location"]
    client.post(reverse(SECOND), {"code": code_of(secret, NOON)})
    assert client.get(reverse("admin:index")).status_code == 200


def test_setting_up_using_renewing_and_removing(db: Any, client: Client) -> None:
    user = UserFactory(role=Role.CLERK)
    sign_in(client, user)
    page = client.get(reverse(SET_UP)).content.decode()
    secret = re.search(r'id="secret"[^>]*>([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    assert "data:image/svg+xml" in page
    wrong = client.post(reverse(SET_UP), {"code": "1"}, headers=EN)
    assert "This code is wrong" in wrong.content.decode() and secret[:4] in wrong.content.decode()
    answer = client.post(reverse(SET_UP), {"code": code_of(secret, NOON)})
    shown = client.get(answer["Location"])
    assert "no-store" in shown["Cache-Control"]
    codes = re.findall(r"<li>(\d{4} \d{4})</li>", shown.content.decode())
    assert len(codes) == 10
    assert not re.findall(r"<li>\d{4} \d{4}</li>", client.get(answer["Location"]).content.decode())
    assert "10" in client.get(reverse("admin:security")).content.decode()

    renewed = client.post(reverse("admin:recovery_codes"))
    fresh = re.findall(r"<li>(\d{4} \d{4})</li>", client.get(renewed["Location"]).content.decode())
    assert len(fresh) == 10 and not set(fresh) & set(codes)

    client.post(reverse("admin:remove_factor"))
    assert not Authenticator.objects.exists()
    assert is_in(client)


def test_the_demo_says_that_the_second_factor_is_optional(db: Any, client: Client) -> None:
    client.force_login(UserFactory(role=Role.MANAGER))
    page = client.get(reverse("admin:security"), headers=EN).content.decode()
    assert "This is a demonstration" in page
    assert client.get(reverse("admin:index")).status_code == 200


# --- Sessions that end, proofs that grow old ----------------------------------------------------------------
def test_a_quiet_session_ends_and_a_busy_one_goes_on(db: Any, client: Client, clock: Any) -> None:
    user = UserFactory()
    sign_in(client, user)
    for _page in range(3):
        clock.shift(timedelta(minutes=29))
        assert is_in(client)
    clock.shift(timedelta(minutes=32))
    answer = client.get(reverse("admin:index"), headers=EN, follow=True)
    assert "Your session has ended" in answer.content.decode()
    assert LoginEvent.objects.order_by("-id")[0].kind == "timed_out"


def test_no_session_outlives_eight_hours(db: Any, client: Client, clock: Any) -> None:
    sign_in(client, UserFactory())
    for _page in range(24):
        clock.shift(timedelta(minutes=20))
        assert is_in(client)
    clock.shift(timedelta(minutes=1))
    assert not is_in(client)


def test_a_code_does_not_begin_a_session_anew(db: Any, client: Client, clock: Any) -> None:
    """Eight hours are eight hours: only the password and the code together open another eight."""
    user = UserFactory()
    secret = enrolled(user)
    sign_in(client, user)
    client.post(reverse(SECOND), {"code": code_of(secret, NOON)})
    for _page in range(21):
        clock.shift(timedelta(minutes=20))
        assert is_in(client)
    client.post(reverse(SECOND), {"code": code_of(secret, NOON + timedelta(hours=7))})
    for _page in range(3):
        clock.shift(timedelta(minutes=20))
        assert is_in(client)
    clock.shift(timedelta(minutes=1))
    assert not is_in(client)


def approve_url(shop: Shop) -> str:
    return reverse("admin:points_adjustment_approve", args=[shop.waiting.pk])


def test_approving_asks_for_a_fresh_proof(strict: Any, shop: Shop, clock: Any) -> None:
    strict.STAFF_SECOND_FACTOR_REQUIRED = False
    client, url = Client(), approve_url(shop)
    manager = shop.staff["manager"]
    sign_in(client, manager)
    assert client.get(url).status_code == 200
    clock.shift(timedelta(minutes=16))
    for answer in (client.get(url), client.post(url, {"step": "confirm", "key": "k"})):
        assert answer["Location"] == reverse("admin:prove", query={"next": url})
    shop.waiting.refresh_from_db()
    assert shop.waiting.status == AdjustmentStatus.PENDING
    prove = reverse("admin:prove", query={"next": url})
    assert client.post(prove, {"password": "wrong"}).status_code == 200
    assert client.get(url).status_code == 302
    assert client.post(prove, {"password": PASSWORD})["Location"] == url
    assert client.get(url).status_code == 200
    assert LoginEvent.objects.filter(user=manager, kind="proved", method="password").count() == 1


def test_with_a_second_factor_that_is_the_proof(strict: Any, shop: Shop, clock: Any) -> None:
    client, url = Client(), approve_url(shop)
    manager = shop.staff["manager"]
    secret = enrolled(manager)
    sign_in(client, manager)
    client.post(reverse(SECOND), {"code": code_of(secret, NOON)})
    clock.shift(timedelta(minutes=16))
    prove = reverse("admin:prove", query={"next": url})
    assert client.post(prove, {"password": PASSWORD}).status_code == 200
    assert client.get(url)["Location"] == prove
    client.post(prove, {"code": code_of(secret, NOON + timedelta(minutes=16))})
    assert client.get(url).status_code == 200


def test_an_administrator_resets_by_the_page(shop: Shop) -> None:
    clerk = shop.staff["clerk"]
    enrolled(clerk)
    browser = Client()
    browser.force_login(clerk)
    boss = shop.client("administrator")
    url = reverse("admin:backoffice_user_reset_factor", args=[clerk.pk])
    assert client_get_ok(boss, url)
    boss.post(url, {"key": "k1", "step": "confirm", "reason": "手機遺失"})
    assert not Authenticator.objects.exists() and not is_in(browser)
    assert AuditEvent.objects.get(action="staff.reset_second_factor").reason == "手機遺失"
    assert shop.client("manager").get(url).status_code == 403


def client_get_ok(client: Client, url: str) -> bool:
    return client.get(url).status_code == 200


def test_the_event_list_is_for_auditor_and_administrator(shop: Shop) -> None:
    url = reverse("admin:backoffice_loginevent_changelist")
    answers = {role.value: shop.client(role.value).get(url).status_code for role in Role}
    assert {role for role, status in answers.items() if status == 200} == {"auditor", "administrator"}
