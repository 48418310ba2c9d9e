"""The door of the back office: passwords compared, tries counted, everything written down.

What is unusual here: a try is burnt in a transaction of its own before the comparison, and what came of it is
written in a second one. Were they one, a crash between the two would give the try back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import authenticate
from django.db import transaction

from backoffice.choices import LoginEventKind, ProofMethod
from backoffice.errors import WrongCredentials
from backoffice.models import LoginEvent, User
from backoffice.selectors import has_second_factor
from backoffice.services import tries
from backoffice.visits import Visit


@dataclass(frozen=True, slots=True)
class Accepted:
    """Whose password it was, and whether a code is still awaited before he is in."""

    user: User
    code_awaited: bool


def check_password(*, username: str, password: str, visit: Visit, now: datetime) -> Accepted:
    """Compare a name and a password, if there is a try left for the name and for the address.

    Raises TooManyTries and WrongCredentials, both alike for names that somebody has and that nobody has.
    """
    counters = [*tries.of_address(visit), tries.of_name(username)]
    last = tries.burn(counters=counters, now=now)
    # The same work for everybody: an unknown name costs a hash as well.
    found = authenticate(None, username=username, password=password)
    user = found if isinstance(found, User) and found.is_staff else None
    if user is None:
        known = User.objects.filter(username=username).first()
        failed(kind=LoginEventKind.WRONG_PASSWORD, user=known, last=last, visit=visit, now=now)
        raise WrongCredentials
    with transaction.atomic():
        tries.give_back(counters=counters, now=now)
        code_awaited = has_second_factor(user)
        kind = LoginEventKind.CODE_AWAITED if code_awaited else LoginEventKind.SIGNED_IN
        note(kind=kind, user=user, method=ProofMethod.PASSWORD, visit=visit, now=now)
    return Accepted(user, code_awaited)


def prove_by_password(*, user: User, password: str, visit: Visit, now: datetime) -> None:
    """The owner of a session says his password once more. Raises TooManyTries, WrongCredentials."""
    compare_own_password(user=user, password=password, visit=visit, now=now)
    with transaction.atomic():
        note(kind=LoginEventKind.PROVED, user=user, method=ProofMethod.PASSWORD, visit=visit, now=now)


def compare_own_password(*, user: User, password: str, visit: Visit, now: datetime) -> None:
    """Compare the password of somebody who is known. Raises TooManyTries, WrongCredentials."""
    counters = [*tries.of_address(visit), tries.of_person(user.pk)]
    last = tries.burn(counters=counters, now=now)
    if not user.check_password(password):
        failed(kind=LoginEventKind.WRONG_PASSWORD, user=user, last=last, visit=visit, now=now)
        raise WrongCredentials
    with transaction.atomic():
        tries.give_back(counters=counters, now=now)


@transaction.atomic
def failed(*, kind: LoginEventKind, user: User | None, last: bool, visit: Visit, now: datetime) -> None:
    """Write a wrong answer down, and the lock that begins when it took the last try."""
    note(kind=kind, user=user, visit=visit, now=now)
    if last:
        note(kind=LoginEventKind.LOCKED, user=user, visit=visit, now=now)


@transaction.atomic
def signed_out(*, user: User, visit: Visit, now: datetime, ran_out: bool = False) -> None:
    """A session ended: by its owner, or because it ran out."""
    kind = LoginEventKind.TIMED_OUT if ran_out else LoginEventKind.SIGNED_OUT
    note(kind=kind, user=user, visit=visit, now=now)


def note(
    *,
    kind: LoginEventKind,
    user: User | None,
    visit: Visit,
    now: datetime,
    method: ProofMethod | str = "",
) -> LoginEvent:
    """The one writer of sign-in events. Call it in the transaction of what it tells of."""
    return LoginEvent.objects.create(
        at=now,
        kind=kind.value,
        method=str(method),
        user=user,
        address=visit.address,
        request_id=visit.request_id[:64],
    )
