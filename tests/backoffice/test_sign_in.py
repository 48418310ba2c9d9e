"""Who may come in: tries counted before the comparison, codes used once, everything written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.db import DatabaseError, transaction
from django.test import RequestFactory

from backoffice.actors import Actor
from backoffice.choices import LoginEventKind, Role
from backoffice.errors import (
    FactorExists,
    FactorMissing,
    FactorNeeded,
    OwnAccount,
    ReasonNeeded,
    SignInOver,
    SuperuserOnly,
    TooManyTries,
    WeakPassword,
    WrongCode,
    WrongCredentials,
)
from backoffice.models import AuditEvent, LimitCounter, LoginEvent, User
from backoffice.sealing import seal, unseal
from backoffice.selectors import needs_second_factor
from backoffice.services import credentials, second_factor, sign_in, tries
from backoffice.visits import Visit, client_address
from tests.conftest import NOON
from tests.factories.backoffice import PASSWORD, UserFactory

HERE = Visit("203.0.113.7", "request-1")
NEW = "another long phrase"


def code_of(secret: str, now: datetime) -> str:
    """What the app shows."""
    code: str = format_hotp_value(hotp_value(secret, int(now.timestamp()) // 30))
    return code


def with_factor(now: datetime = NOON, **values: Any) -> tuple[User, str]:
    """A colleague with a second factor, and its seed."""
    user = UserFactory(**values)
    secret = second_factor.new_secret()
    second_factor.set_up(
        actor=Actor.staff(user), secret=secret, code=code_of(secret, now), visit=HERE, now=now
    )
    return user, secret


def attempt(username: str, password: str = "wrong", now: datetime = NOON, visit: Visit = HERE) -> Any:
    return sign_in.check_password(username=username, password=password, visit=visit, now=now)


def kinds(user: User | None) -> list[str]:
    return list(LoginEvent.objects.filter(user=user).order_by("id").values_list("kind", flat=True))


# --- Passwords ----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_right_password_opens_and_is_written_down() -> None:
    user = UserFactory(username="chen")
    assert attempt("chen", PASSWORD) == sign_in.Accepted(user, code_awaited=False)
    event = LoginEvent.objects.get()
    assert (event.kind, event.method, event.user, event.address) == (
        "signed_in", "password", user, "203.0.113.7",
    )  # fmt: skip
    assert event.request_id == "request-1"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["chen", "nobody"])
def test_known_and_unknown_names_are_answered_alike(name: str) -> None:
    UserFactory(username="chen")
    answers = []
    for _try in range(tries.PER_NAME + 2):
        with pytest.raises((WrongCredentials, TooManyTries)) as refusal:
            attempt(name)
        answers.append(str(refusal.value))
    assert answers[: tries.PER_NAME] == [str(WrongCredentials())] * tries.PER_NAME
    assert answers[tries.PER_NAME :] == [str(TooManyTries(minutes=15))] * 2
    assert kinds(User.objects.filter(username=name).first()) == ["wrong_password"] * 5 + ["locked"]


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{"is_active": False}, {"is_staff": False}])
def test_closed_accounts_are_refused_like_wrong_passwords(values: dict[str, bool]) -> None:
    UserFactory(username="chen", **values)
    with pytest.raises(WrongCredentials):
        attempt("chen", PASSWORD)
    assert LoginEvent.objects.get().kind == LoginEventKind.WRONG_PASSWORD


@pytest.mark.django_db
def test_a_locked_name_stays_shut_for_the_right_password_and_opens_after_a_quarter_of_an_hour() -> None:
    UserFactory(username="chen")
    for _try in range(tries.PER_NAME):
        with pytest.raises(WrongCredentials):
            attempt("chen")
    for late in (timedelta(0), timedelta(minutes=14, seconds=59)):
        with pytest.raises(TooManyTries):
            attempt("chen", PASSWORD, NOON + late)
    assert attempt("chen", PASSWORD, NOON + tries.LOCK).user.username == "chen"


@pytest.mark.django_db
def test_hammering_does_not_lengthen_the_lock() -> None:
    UserFactory(username="chen")
    for minute in range(15):
        for _try in range(tries.PER_NAME):
            with pytest.raises((WrongCredentials, TooManyTries)):
                attempt("chen", now=NOON + timedelta(seconds=minute * 0.5))
    assert attempt("chen", PASSWORD, NOON + tries.LOCK + timedelta(seconds=1))


@pytest.mark.django_db
def test_signing_in_gives_the_tries_back() -> None:
    UserFactory(username="chen")
    for number in range(3):
        for second in range(tries.PER_NAME - 1):
            with pytest.raises(WrongCredentials):
                attempt("chen", now=NOON + timedelta(seconds=10 * number + second))
        attempt("chen", PASSWORD, NOON + timedelta(seconds=10 * number + 9))
    address = LimitCounter.objects.get(bucket="sign_in.address:203.0.113.7")
    assert len(address.times) == 3 * (tries.PER_NAME - 1), "wrong ones still count for the address"


@pytest.mark.django_db
def test_an_address_that_tries_many_names_is_locked_for_all_of_them_and_others_are_not() -> None:
    UserFactory(username="chen")
    for number in range(tries.PER_ADDRESS):
        with pytest.raises(WrongCredentials):
            attempt(f"name{number}", now=NOON + timedelta(seconds=number))
    later = NOON + timedelta(minutes=1)
    with pytest.raises(TooManyTries):
        attempt("chen", PASSWORD, later)
    assert attempt("chen", PASSWORD, later, Visit("198.51.100.1"))


@pytest.mark.django_db
def test_what_was_typed_is_kept_nowhere() -> None:
    with pytest.raises(WrongCredentials):
        attempt("my-secret-in-the-wrong-box", "hunter2-hunter2")
    kept = str(list(LoginEvent.objects.values())) + str(list(LimitCounter.objects.values()))
    assert "my-secret" not in kept and "hunter2" not in kept


@pytest.mark.django_db
def test_sign_in_events_cannot_be_rewritten() -> None:
    with pytest.raises(WrongCredentials):
        attempt("chen")
    for rewrite in (LoginEvent.objects.all().delete, lambda: LoginEvent.objects.update(kind="signed_in")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            rewrite()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_twenty_parallel_guesses_five_are_compared(
    together: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    UserFactory(username="chen")
    compared: list[str] = []

    def watched(_request: Any, username: str, password: str) -> None:
        compared.append(password)

    monkeypatch.setattr(sign_in, "authenticate", watched)
    guesses = [lambda n=n: attempt("chen", f"guess {n}") for n in range(20)]
    answers = together(guesses)
    assert len(compared) == tries.PER_NAME
    assert sum(isinstance(answer, WrongCredentials) for answer in answers) == tries.PER_NAME
    assert sum(isinstance(answer, TooManyTries) for answer in answers) == 20 - tries.PER_NAME
    assert LoginEvent.objects.filter(kind="locked").count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_control_a_counter_that_is_read_first_lets_more_through(together: Callable[..., Any]) -> None:
    """Shows that the race above is one: the same twenty against look, compare, write back."""
    from threading import Barrier

    LimitCounter.objects.create(bucket="naive", window_start=NOON, used=0)
    all_looked = Barrier(20)
    compared = []

    def naive() -> None:
        row = LimitCounter.objects.get(bucket="naive")
        all_looked.wait(timeout=10)
        if row.used < tries.PER_NAME:
            compared.append(1)
            row.used += 1
            row.save()

    together([naive] * 20)
    assert len(compared) > tries.PER_NAME


# --- The second factor --------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_setting_up_needs_a_code_of_the_new_seed() -> None:
    user = UserFactory()
    secret = second_factor.new_secret()
    values: dict[str, Any] = {"actor": Actor.staff(user), "secret": secret, "visit": HERE, "now": NOON}
    with pytest.raises(WrongCode):
        second_factor.set_up(code="000000" if code_of(secret, NOON) != "000000" else "111111", **values)
    assert not Authenticator.objects.exists() and kinds(user) == ["wrong_code"]
    second_factor.set_up(code=code_of(secret, NOON), **values)
    assert AuditEvent.objects.get().action == "staff.set_up_second_factor"
    assert len(second_factor.unused_codes(user)) == 10
    with pytest.raises(FactorExists):
        second_factor.set_up(code=code_of(secret, NOON), **values)


@pytest.mark.django_db
def test_seeds_lie_sealed_and_a_changed_key_still_opens_them(settings: Any) -> None:
    user, secret = with_factor()
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not any(code in stored for code in second_factor.unused_codes(user))
    sealed = seal("word")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 60
    assert unseal(sealed) == "word"
    settings.SECOND_FACTOR_KEYS = ["another key"]
    with pytest.raises(ValueError, match="does not have"):
        unseal(sealed)


def second_step(user: User, code: str, now: datetime) -> User:
    return second_factor.sign_in_by_code(
        user_id=user.pk, auth_hash=user.get_session_auth_hash(), code=code, visit=HERE, now=now
    )


@pytest.mark.django_db
def test_a_code_opens_once_and_full_width_digits_are_digits() -> None:
    user, secret = with_factor()
    assert attempt(user.username, PASSWORD).code_awaited
    later = NOON + timedelta(seconds=60)
    code = code_of(secret, later)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    assert second_step(user, f"{wide[:3]} {wide[3:]}", later) == user
    with pytest.raises(WrongCode):
        second_step(user, code, later)
    # An older one that was never used is behind the one that was.
    with pytest.raises(WrongCode):
        second_step(user, code_of(secret, later - timedelta(seconds=30)), later)
    assert kinds(user)[-3:] == ["signed_in", "wrong_code", "wrong_code"]
    assert LoginEvent.objects.get(kind="signed_in").method == "totp"


@pytest.mark.django_db
@pytest.mark.parametrize(("off", "opens"), [(-30, True), (30, True), (-60, False), (60, False)])
def test_a_clock_may_be_half_a_minute_off(off: int, opens: bool) -> None:
    user, secret = with_factor(NOON - timedelta(days=1))
    code = code_of(secret, NOON + timedelta(seconds=off))
    if opens:
        assert second_step(user, code, NOON)
    else:
        with pytest.raises(WrongCode):
            second_step(user, code, NOON)


@pytest.mark.django_db
def test_a_recovery_code_opens_once() -> None:
    user, _secret = with_factor()
    spare = second_factor.unused_codes(user)[3]
    second_step(user, f"{spare[:4]} {spare[4:]}", NOON)
    with pytest.raises(WrongCode):
        second_step(user, spare, NOON)
    assert len(second_factor.unused_codes(user)) == 9
    assert LoginEvent.objects.get(kind="signed_in").method == "recovery_code"


@pytest.mark.django_db
def test_renewed_codes_replace_the_old_ones() -> None:
    user, _secret = with_factor()
    old = second_factor.unused_codes(user)
    second_factor.renew_codes(actor=Actor.staff(user), visit=HERE, now=NOON)
    assert not set(old) & set(second_factor.unused_codes(user))
    with pytest.raises(WrongCode):
        second_step(user, old[0], NOON)
    with pytest.raises(FactorMissing):
        second_factor.renew_codes(actor=Actor.staff(UserFactory()), visit=HERE, now=NOON)


@pytest.mark.django_db
def test_wrong_codes_lock_after_five_even_for_the_right_one() -> None:
    user, secret = with_factor()
    later = NOON + timedelta(minutes=5)
    for _try in range(tries.PER_PERSON):
        with pytest.raises(WrongCode):
            second_step(user, "123", later)
    with pytest.raises(TooManyTries):
        second_step(user, code_of(secret, later), later)
    assert kinds(user)[-1] == "locked"


@pytest.mark.django_db
def test_an_account_that_changed_between_the_steps_starts_again() -> None:
    user, secret = with_factor()
    old_hash = user.get_session_auth_hash()
    User.objects.filter(pk=user.pk).update(session_epoch=1)
    later = NOON + timedelta(minutes=1)
    with pytest.raises(SignInOver):
        second_factor.sign_in_by_code(
            user_id=user.pk, auth_hash=old_hash, code=code_of(secret, later), visit=HERE, now=later
        )


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_one_code_lets_one_of_two_at_once_in(together: Callable[..., Any], kind: str) -> None:
    user, secret = with_factor()
    later = NOON + timedelta(minutes=1)
    code = code_of(secret, later) if kind == "app" else second_factor.unused_codes(user)[0]
    answers = together([lambda: second_step(user, code, later)] * 4)
    assert [answer for answer in answers if isinstance(answer, User)] == [user]
    assert sum(isinstance(answer, WrongCode) for answer in answers) == 3


@pytest.mark.django_db
def test_whose_role_needs_it_cannot_remove_it(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    manager, _secret = with_factor(role=Role.MANAGER)
    clerk, _secret = with_factor(role=Role.CLERK)
    with pytest.raises(FactorNeeded):
        second_factor.remove(actor=Actor.staff(manager), visit=HERE, now=NOON)
    second_factor.remove(actor=Actor.staff(clerk), visit=HERE, now=NOON)
    assert set(Authenticator.objects.values_list("user", flat=True)) == {manager.pk}


@pytest.mark.django_db
def test_which_roles_need_one(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    needing = {role for role in Role if needs_second_factor(UserFactory(role=role))}
    assert needing >= {Role.MANAGER, Role.SUPPORT, Role.MARKETER, Role.ADMINISTRATOR}
    assert Role.CLERK not in needing
    assert needs_second_factor(UserFactory(is_superuser=True))
    settings.STAFF_SECOND_FACTOR_REQUIRED = False
    assert not needs_second_factor(UserFactory(is_superuser=True))


# --- Resets -------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_an_administrator_resets_a_lost_second_factor() -> None:
    boss = Actor.staff(UserFactory(role=Role.ADMINISTRATOR))
    user, _secret = with_factor()
    values: dict[str, Any] = {"actor": boss, "user_id": user.pk, "now": NOON}
    with pytest.raises(ReasonNeeded):
        credentials.reset_second_factor(reason=" ", **values)
    credentials.reset_second_factor(reason="phone lost", **values)
    user.refresh_from_db()
    assert user.session_epoch == 1 and not Authenticator.objects.exists()
    event = AuditEvent.objects.get(action="staff.reset_second_factor")
    assert event.reason == "phone lost" and kinds(user)[-1] == "factor_reset"
    with pytest.raises(FactorMissing):
        credentials.reset_second_factor(reason="again", **values)


@pytest.mark.django_db
def test_nobody_resets_his_own_or_a_superusers() -> None:
    boss, _secret = with_factor(role=Role.ADMINISTRATOR)
    root, _secret = with_factor(is_superuser=True)
    for user, refusal in ((boss, OwnAccount), (root, SuperuserOnly)):
        with pytest.raises(refusal):
            credentials.reset_second_factor(actor=Actor.staff(boss), user_id=user.pk, reason="x", now=NOON)
    assert Authenticator.objects.count() == 4


@pytest.mark.django_db
def test_changing_ones_own_password_needs_the_old_one_and_counts() -> None:
    user = UserFactory()
    values: dict[str, Any] = {"actor": Actor.staff(user), "visit": HERE, "now": NOON}
    with pytest.raises(WeakPassword):
        credentials.change_own_password(old=PASSWORD, new="short", **values)
    credentials.change_own_password(old=PASSWORD, new=NEW, **values)
    user.refresh_from_db()
    assert user.check_password(NEW) and AuditEvent.objects.get().action == "staff.change_password"
    assert kinds(user)[-1] == "password_changed"
    for _try in range(tries.PER_PERSON):
        with pytest.raises(WrongCredentials):
            credentials.change_own_password(old="wrong", new=PASSWORD, **values)
    with pytest.raises(TooManyTries):
        credentials.change_own_password(old=NEW, new=PASSWORD, **values)


# --- Addresses ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("proxies", "peer", "header", "expected"),
    [
        (0, "203.0.113.7", "198.51.100.9", "203.0.113.7"),
        (1, "10.0.0.1", "6.6.6.6, 198.51.100.9", "198.51.100.9"),
        (2, "10.0.0.1", "6.6.6.6, 198.51.100.9, 10.0.0.2", "198.51.100.9"),
        (2, "10.0.0.1", "6.6.6.6", "10.0.0.1"),
        (1, "10.0.0.1", "not an address", "10.0.0.1"),
        (0, "", "", None),
        (0, "::ffff:203.0.113.7", "", "203.0.113.7"),
    ],
)
def test_the_address_is_the_one_our_proxies_vouch_for(
    settings: Any, proxies: int, peer: str, header: str, expected: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": header})
    assert client_address(request) == expected
