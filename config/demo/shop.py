"""The merchant: brand, stores, two programs, one account a role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from backoffice.actors import Actor
from backoffice.models import Brand, Store
from backoffice.services.demo_staff import create_demo_staff
from backoffice.services.roles import sync_roles
from config.demo import names
from points.choices import ExpiryPolicy
from points.models import Program
from points.services.programs import save_program

SEEDER = Actor.job("seed_demo")
# Each full NT$30 gives a point, and a point pays NT$1: members get 3.33 percent back.
EARN_AMOUNT = Decimal("30.00")


@dataclass(frozen=True, slots=True)
class Shop:
    """What the histories need. `stores` are in the order of `names.STORES`."""

    brand: Brand
    stores: tuple[Store, ...]
    points: Program
    growth: Program


def open_shop(*, now: datetime) -> Shop:
    """Make the merchant. Raises NotADemo unless SHUKE_DEMO is on."""
    code, name = names.BRAND
    brand = Brand.objects.create(code=code, name=name)
    stores = Store.objects.bulk_create(
        Store(brand=brand, code=code, name=name, county=county) for code, name, county in names.STORES
    )
    points = Program(
        code="shuke-points", name="熟客點", unit="點", is_default=True,
        earn_amount=EARN_AMOUNT, earn_points=1,
        cash_points=1, cash_amount=Decimal("1.00"), spend_step=10, max_share_percent=50,
        expiry_policy=ExpiryPolicy.MONTH_END, expiry_value=12, max_issue_ratio=Decimal("4.00"),
    )  # fmt: skip
    growth = Program(
        code="growth", name="成長值", unit="分", spendable=False,
        earn_amount=Decimal("100.00"), earn_points=1,
        expiry_policy=ExpiryPolicy.YEAR_BUCKET, expiry_value=1,
    )  # fmt: skip
    for program in (points, growth):
        save_program(program=program, actor=SEEDER, now=now)
    sync_roles()
    create_demo_staff(stores=stores[:2], now=now)
    return Shop(brand, tuple(stores), points, growth)
