"""The second factor of staff: one-time codes from an app, and recovery codes for the day the phone is gone.

The library (allauth.mfa) keeps the rows and does the arithmetic. Its own pages are not used: they count tries
and used codes in the cache, which every process has for itself, and write outside our transactions.
"""

from __future__ import annotations

import hmac
import unicodedata
from datetime import datetime

from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.db import transaction

from backoffice.actors import Actor
from backoffice.choices import LoginEventKind, ProofMethod
from backoffice.errors import FactorExists, FactorMissing, FactorNeeded, OutOfReach, SignInOver, WrongCode
from backoffice.models import User
from backoffice.selectors import has_second_factor, needs_second_factor
from backoffice.services import audit, sign_in, tries
from backoffice.visits import Visit

# A clock may be half a minute off, either way.
STEPS_OFF = 1


def new_secret() -> str:
    """A fresh seed (base32). Nothing is stored until a code of it was shown (`set_up`)."""
    secret: str = generate_totp_secret()
    return secret


def set_up(*, actor: Actor, secret: str, code: str, visit: Visit, now: datetime) -> None:
    """Bind `secret` to the actor's own account, once a code proves that his app has it.

    Makes his recovery codes too. Raises TooManyTries, WrongCode, FactorExists.
    """
    counters, last, user = _burn(actor, visit, now)
    step = step_of(secret=secret, code=code, now=now)
    if step is None:
        sign_in.failed(kind=LoginEventKind.WRONG_CODE, user=user, last=last, visit=visit, now=now)
        raise WrongCode
    with transaction.atomic():
        _lock(user)
        if has_second_factor(user):
            raise FactorExists
        factor = TOTP.activate(user, secret).instance
        factor.data["last_step"] = step
        factor.created_at = factor.last_used_at = now
        factor.save(update_fields=["data", "created_at", "last_used_at"])
        RecoveryCodes.activate(user)
        tries.give_back(counters=counters, now=now)
        _record(actor, user, "staff.set_up_second_factor", LoginEventKind.FACTOR_ADDED, visit, now)


def sign_in_by_code(*, user_id: int, auth_hash: str, code: str, visit: Visit, now: datetime) -> User:
    """The second step of a sign-in whose password was right. Raises TooManyTries, WrongCode, SignInOver.

    `auth_hash` is that of his sessions when the password was compared: an account that was closed or got a
    new password meanwhile starts again.
    """
    user = User.objects.filter(pk=user_id, is_active=True, is_staff=True).first()
    if user is None or not hmac.compare_digest(user.get_session_auth_hash(), auth_hash):
        raise SignInOver
    _compare(user=user, code=code, kind=LoginEventKind.SIGNED_IN, visit=visit, now=now)
    return user


def prove_by_code(*, user: User, code: str, visit: Visit, now: datetime) -> None:
    """The owner of a session shows his second factor again. Raises TooManyTries, WrongCode."""
    _compare(user=user, code=code, kind=LoginEventKind.PROVED, visit=visit, now=now)


@transaction.atomic
def renew_codes(*, actor: Actor, visit: Visit, now: datetime) -> None:
    """New recovery codes for the actor; the old ones are worth nothing from now on. Raises FactorMissing."""
    user = _lock(_own(actor))
    if not has_second_factor(user):
        raise FactorMissing
    Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
    RecoveryCodes.activate(user)
    _record(actor, user, "staff.renew_recovery_codes", LoginEventKind.CODES_RENEWED, visit, now)


@transaction.atomic
def remove(*, actor: Actor, visit: Visit, now: datetime) -> None:
    """Take the second factor off one's own account. Raises FactorMissing, FactorNeeded."""
    user = _lock(_own(actor))
    if not has_second_factor(user):
        raise FactorMissing
    if needs_second_factor(user):
        raise FactorNeeded
    Authenticator.objects.filter(user=user).delete()
    _record(actor, user, "staff.remove_second_factor", LoginEventKind.FACTOR_REMOVED, visit, now)


def unused_codes(user: User) -> list[str]:
    """The recovery codes that still work, in clear: for the one page that shows them once."""
    row = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return [] if row is None else list(RecoveryCodes(row).get_unused_codes())


def step_of(*, secret: str, code: str, now: datetime) -> int | None:
    """The half minute whose code this is, if it is one of now, the one before or the one after."""
    typed = plain_code(code)
    current = int(now.timestamp()) // app_settings.TOTP_PERIOD
    found = None
    for step in range(current - STEPS_OFF, current + STEPS_OFF + 1):
        if hmac.compare_digest(format_hotp_value(hotp_value(secret, step)).encode(), typed.encode()):
            found = step
    return found


def plain_code(code: str) -> str:
    """A code as people type it (full-width digits, spaces, hyphens) as digits.

    >>> plain_code("１２３ 456"), plain_code("1234-5678")
    ('123456', '12345678')
    """
    return "".join(sign for sign in unicodedata.normalize("NFKC", code) if sign.isalnum())[:32]


def _compare(*, user: User, code: str, kind: LoginEventKind, visit: Visit, now: datetime) -> None:
    counters = [*tries.of_address(visit), tries.of_person(user.pk)]
    last = tries.burn(counters=counters, now=now)
    with transaction.atomic():
        method = _use(user, code, now)
        if method:
            tries.give_back(counters=counters, now=now)
            sign_in.note(kind=kind, user=user, method=method, visit=visit, now=now)
    if method is None:
        sign_in.failed(kind=LoginEventKind.WRONG_CODE, user=user, last=last, visit=visit, now=now)
        raise WrongCode


def _use(user: User, code: str, now: datetime) -> ProofMethod | None:
    """Use a code up. The rows stay locked until the end, so that one code lets one request in."""
    rows = {
        row.type: row for row in Authenticator.objects.select_for_update().filter(user=user).order_by("pk")
    }
    app = rows.get(Authenticator.Type.TOTP)
    if app is None:
        return None
    step = step_of(secret=get_adapter().decrypt(app.data["secret"]), code=code, now=now)
    if step is not None and step > app.data.get("last_step", 0):
        app.data["last_step"] = step
        app.last_used_at = now
        app.save(update_fields=["data", "last_used_at"])
        return ProofMethod.TOTP
    spare = rows.get(Authenticator.Type.RECOVERY_CODES)
    if spare is not None and RecoveryCodes(spare).validate_code(plain_code(code)):
        Authenticator.objects.filter(pk=spare.pk).update(last_used_at=now)
        return ProofMethod.RECOVERY_CODE
    return None


def _burn(actor: Actor, visit: Visit, now: datetime) -> tuple[list[tries.Counter], bool, User]:
    user = _own(actor)
    counters = [*tries.of_address(visit), tries.of_person(user.pk)]
    return counters, tries.burn(counters=counters, now=now), user


def _own(actor: Actor) -> User:
    if actor.user is None:
        raise OutOfReach
    return actor.user


def _lock(user: User) -> User:
    """The account's row stands for its factors, those that do not exist yet as well."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _record(actor: Actor, user: User, action: str, kind: LoginEventKind, visit: Visit, now: datetime) -> None:
    audit.record(actor=actor, action=action, subject=user, now=now)
    sign_in.note(kind=kind, user=user, visit=visit, now=now)
