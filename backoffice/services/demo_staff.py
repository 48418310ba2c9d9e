"""One account a role, with a password that everybody knows: for demonstrations only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from backoffice.actors import Actor
from backoffice.choices import Reach, Role
from backoffice.errors import NotADemo
from backoffice.models import Store, User
from backoffice.services.staff import create_staff

DEMO_PASSWORD = "shuke-demo-2026"
# Those who stand in a shop see their shop; the others work for the group.
IN_SHOPS = (Role.CLERK, Role.MANAGER)
ACCOUNTS = {
    Role.CLERK: ("clerk", "陳小芬"),
    Role.MANAGER: ("manager", "林志明"),
    Role.SUPPORT: ("support", "黃淑芬"),
    Role.MARKETER: ("marketer", "張雅婷"),
    Role.FINANCE: ("finance", "王美玲"),
    Role.AUDITOR: ("auditor", "李建宏"),
    Role.ADMINISTRATOR: ("admin", "吳俊傑"),
}


@dataclass(frozen=True, slots=True)
class DemoLogin:
    role: Role
    username: str
    password: str


@transaction.atomic
def create_demo_staff(*, stores: Sequence[Store], now: datetime) -> list[DemoLogin]:
    """Make the seven accounts that are missing; clerk and manager are bound to `stores`. Safe to repeat.

    Raises NotADemo unless SHUKE_DEMO is on, ReachIncomplete without stores.
    """
    _require_demo()
    for role, (username, name) in ACCOUNTS.items():
        if User.objects.filter(username=username).exists():
            continue
        in_shop = role in IN_SHOPS
        create_staff(
            actor=Actor.job("demo"),
            username=username,
            name=name,
            password=DEMO_PASSWORD,
            roles=[role],
            reach=Reach.STORES if in_shop else Reach.GROUP,
            stores=stores if in_shop else (),
            now=now,
        )
    return demo_logins()


def demo_logins() -> list[DemoLogin]:
    """The demo accounts that still work with the demo password. Raises NotADemo unless SHUKE_DEMO is on."""
    _require_demo()
    names = {username: role for role, (username, _name) in ACCOUNTS.items()}
    users = {user.username: user for user in User.objects.filter(username__in=names, is_active=True)}
    return [
        DemoLogin(role, username, DEMO_PASSWORD)
        for username, role in names.items()
        if username in users and users[username].check_password(DEMO_PASSWORD)
    ]


def _require_demo() -> None:
    if not getattr(settings, "SHUKE_DEMO", False):
        raise NotADemo
