from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from backoffice.actors import Actor
from backoffice.choices import JobState, Reach, Role
from backoffice.errors import (
    NotADemo,
    OutOfReach,
    OwnAccount,
    ReachIncomplete,
    Refusal,
    SuperuserOnly,
    UsernameTaken,
    WeakPassword,
)
from backoffice.models import AuditEvent, User
from backoffice.services import staff
from backoffice.services.demo_staff import ACCOUNTS, DEMO_PASSWORD, create_demo_staff, demo_logins
from tests.factories.backoffice import PASSWORD, BrandFactory, JobFactory, StoreFactory, UserFactory

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)


@pytest.fixture
def boss(db: None) -> Actor:
    return Actor.staff(UserFactory(role=Role.ADMINISTRATOR))


def plain_page() -> str:
    """The plainest page behind the sign-in: no dashboard, no data."""
    return reverse("admin:jsi18n")


def signed_in(user: User) -> Client:
    client = Client()
    assert client.login(username=user.username, password=PASSWORD)
    assert client.get(plain_page()).status_code == 200
    return client


def is_shown_the_door(client: Client) -> bool:
    answer = client.get(plain_page())
    return answer.status_code == 302 and reverse("admin:login") in answer["Location"]


def new(boss: Actor, **more: Any) -> User:
    values: dict[str, Any] = {
        "username": "chen", "name": "陳小芬", "password": "correct horse battery",
        "roles": [Role.CLERK], "reach": Reach.GROUP, "now": NOW,
    }  # fmt: skip
    return staff.create_staff(actor=boss, **(values | more))


def test_a_new_account_has_its_roles_and_reach(boss: Actor) -> None:
    store = StoreFactory()
    user = new(boss, reach=Reach.STORES, stores=[store])
    assert (user.is_staff, user.is_superuser, user.reach) == (True, False, "stores")
    assert list(user.stores.all()) == [store]
    assert user.has_perm("points.correct_points") and not user.has_perm("points.approve_correction")
    event = AuditEvent.objects.get(action="staff.create")
    assert event.changes["roles"] == [[], ["clerk"]]
    assert "correct horse" not in str(event.changes)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"password": "short"}, WeakPassword),
        ({"reach": Reach.STORES}, ReachIncomplete),
        ({"reach": Reach.BRAND}, ReachIncomplete),
        ({"username": "taken"}, UsernameTaken),
    ],
)
def test_refused_accounts_leave_nothing(boss: Actor, values: dict[str, Any], refusal: type[Refusal]) -> None:
    UserFactory(username="taken")
    before = User.objects.count()
    with pytest.raises(refusal):
        new(boss, **values)
    assert User.objects.count() == before and not AuditEvent.objects.exists()


def test_a_disabled_person_is_out_with_the_next_request_in_all_browsers(boss: Actor) -> None:
    """T29, and opening the account again does not bring the old sessions back."""
    user = UserFactory(role=Role.CLERK)
    browsers = [signed_in(user), signed_in(user)]
    staff.disable_staff(actor=boss, user_id=user.pk, reason="left", now=NOW)
    assert all(is_shown_the_door(browser) for browser in browsers)
    assert not Client().login(username=user.username, password=PASSWORD)
    staff.enable_staff(actor=boss, user_id=user.pk, reason="came back", now=NOW)
    assert all(is_shown_the_door(browser) for browser in browsers)
    signed_in(User.objects.get(pk=user.pk))


def test_enabling_at_once_revives_no_session(boss: Actor) -> None:
    """The session is never looked at while the account is closed; the epoch alone must end it."""
    user = UserFactory(role=Role.CLERK)
    browser = signed_in(user)
    staff.disable_staff(actor=boss, user_id=user.pk, reason="left", now=NOW)
    staff.enable_staff(actor=boss, user_id=user.pk, reason="a mistake", now=NOW)
    assert is_shown_the_door(browser)


def test_disabling_stops_the_persons_jobs(boss: Actor) -> None:
    user = UserFactory()
    jobs = [JobFactory(owner=user), JobFactory(owner=user, state="running", locked_until=NOW)]
    others = JobFactory()
    staff.disable_staff(actor=boss, user_id=user.pk, reason="left", now=NOW)
    for job in [*jobs, others]:
        job.refresh_from_db()
    assert [job.state for job in jobs] == ["cancelled"] * 2 and others.state == JobState.QUEUED
    assert AuditEvent.objects.get().changes["jobs_cancelled"] == [0, 2]


def test_disabling_twice_writes_once(boss: Actor) -> None:
    user = UserFactory()
    for _ in range(2):
        staff.disable_staff(actor=boss, user_id=user.pk, reason="left", now=NOW)
    user.refresh_from_db()
    assert user.session_epoch == 1 and AuditEvent.objects.count() == 1


def test_a_new_password_ends_the_sessions(boss: Actor) -> None:
    user = UserFactory(role=Role.CLERK)
    browser = signed_in(user)
    staff.reset_password(
        actor=boss, user_id=user.pk, password="another long phrase", reason="forgotten", now=NOW
    )
    assert is_shown_the_door(browser)
    assert Client().login(username=user.username, password="another long phrase")


def test_roles_can_be_changed_but_not_ones_own(boss: Actor) -> None:
    user = UserFactory(role=Role.CLERK)
    brand = BrandFactory()
    staff.assign_staff(
        actor=boss, user_id=user.pk, roles=[Role.MANAGER], reach=Reach.BRAND, brand=brand, reason="", now=NOW
    )
    user = User.objects.get(pk=user.pk)
    assert user.has_perm("points.approve_correction") and user.brand == brand
    assert AuditEvent.objects.get().changes["roles"] == [["clerk"], ["manager"]]
    with pytest.raises(OwnAccount):
        staff.assign_staff(
            actor=boss, user_id=int(boss.id), roles=[Role.MANAGER], reach=Reach.GROUP, reason="", now=NOW
        )


@pytest.mark.parametrize("verb", [staff.disable_staff, staff.enable_staff])
def test_whose_account_one_may_touch(boss: Actor, verb: Any) -> None:
    superuser = UserFactory(is_superuser=True)
    cases = [(int(boss.id), OwnAccount), (superuser.pk, SuperuserOnly), (10**9, OutOfReach)]
    for user_id, refusal in cases:
        with pytest.raises(refusal):
            verb(actor=boss, user_id=user_id, reason="", now=NOW)
    verb(actor=Actor.staff(superuser), user_id=UserFactory().pk, reason="", now=NOW)
    with pytest.raises(SuperuserOnly):
        staff.reset_password(
            actor=boss, user_id=superuser.pk, password="another long phrase", reason="", now=NOW
        )


@pytest.mark.django_db
def test_the_demo_has_one_account_a_role_and_is_safe_to_repeat() -> None:
    store = StoreFactory()
    for _ in range(2):
        logins = create_demo_staff(stores=[store], now=NOW)
    assert [login.username for login in logins] == [username for username, _name in ACCOUNTS.values()]
    for login in logins:
        user = User.objects.get(username=login.username)
        assert [group.name for group in user.groups.all()] == [login.role]
        assert not user.is_superuser
        assert Client().login(username=login.username, password=DEMO_PASSWORD)
    assert User.objects.get(username="clerk").reach == Reach.STORES
    out = io.StringIO()
    call_command("demo_logins", stdout=out)
    assert len(out.getvalue().splitlines()) == len(Role)


@pytest.mark.django_db
def test_no_demo_accounts_outside_a_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SHUKE_DEMO", False)
    for attempt in (lambda: create_demo_staff(stores=[StoreFactory()], now=NOW), demo_logins):
        with pytest.raises(NotADemo):
            attempt()
    with pytest.raises(CommandError):
        call_command("demo_logins", stdout=io.StringIO())
    assert not User.objects.exists()
