"""What somebody proves himself by: changed by himself, or reset by an administrator."""

from __future__ import annotations

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.actors import Actor
from backoffice.choices import LoginEventKind
from backoffice.errors import FactorMissing, OutOfReach, ReasonNeeded, WeakPassword
from backoffice.models import User
from backoffice.services import audit, sign_in
from backoffice.services.accounts import others_account
from backoffice.visits import Visit


def change_own_password(*, actor: Actor, old: str, new: str, visit: Visit, now: datetime) -> User:
    """Give oneself another password; one's other sessions end, and whoever had to choose one has done so.

    The try is counted before the old one is compared. Raises TooManyTries, WrongCredentials, WeakPassword;
    the last one also for the password that an administrator gave him.
    """
    if actor.user is None:
        raise OutOfReach
    sign_in.compare_own_password(user=actor.user, password=old, visit=visit, now=now)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=actor.user.pk)
        if user.must_choose_password and new == old:
            raise WeakPassword(why=_("Choose one that nobody else knows."))
        set_password(user, new)
        user.must_choose_password = False
        user.save(update_fields=["password", "must_choose_password"])
        audit.record(actor=actor, action="staff.change_password", subject=user, now=now)
        sign_in.note(kind=LoginEventKind.PASSWORD_CHANGED, user=user, visit=visit, now=now)
    return user


@transaction.atomic
def reset_password(
    *, actor: Actor, user_id: int, password: str, reason: str, now: datetime, visit: Visit | None = None
) -> User:
    """Give somebody else a new password and end his sessions; he has to choose another at his next sign-in.

    One's own is changed with the old one at hand. API keys of his are no passwords and go on.

    Raises OutOfReach for an unknown account, OwnAccount, SuperuserOnly, WeakPassword.
    """
    user = others_account(actor, user_id)
    set_password(user, password)
    user.session_epoch += 1
    user.must_choose_password = True
    user.save(update_fields=["password", "session_epoch", "must_choose_password"])
    audit.record(actor=actor, action="staff.reset_password", subject=user, reason=reason, now=now)
    sign_in.note(kind=LoginEventKind.PASSWORD_RESET, user=user, visit=visit or Visit(), now=now)
    return user


@transaction.atomic
def reset_second_factor(
    *, actor: Actor, user_id: int, reason: str, now: datetime, visit: Visit | None = None
) -> User:
    """Take the second factor off somebody else's account and end his sessions: his phone is gone.

    Raises OutOfReach for an unknown account, OwnAccount, SuperuserOnly, FactorMissing, ReasonNeeded.
    """
    if not reason.strip():
        raise ReasonNeeded
    user = others_account(actor, user_id)
    removed, _tables = Authenticator.objects.filter(user=user).delete()
    if not removed:
        raise FactorMissing
    user.session_epoch += 1
    user.save(update_fields=["session_epoch"])
    audit.record(actor=actor, action="staff.reset_second_factor", subject=user, reason=reason, now=now)
    sign_in.note(kind=LoginEventKind.FACTOR_RESET, user=user, visit=visit or Visit(), now=now)
    return user


def set_password(user: User, password: str) -> None:
    """Hash a new password onto an unsaved row. Raises WeakPassword."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(why=" ".join(error.messages)) from error
    user.set_password(password)
