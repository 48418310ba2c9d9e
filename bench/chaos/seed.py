"""Fills a fresh database: `python -m bench.chaos.seed MEMBERS BURSTS` prints key and cards as JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

POINTS_OF_A_BURST = 300


def main(members: int, bursts: int) -> dict[str, object]:
    import django

    django.setup()
    from backoffice.actors import Actor
    from backoffice.choices import ApiKeyKind, ApiScope
    from backoffice.models import Brand, Store
    from backoffice.services import api_keys
    from members.cards import check_digit
    from members.models import Member
    from points.choices import ExpiryPolicy
    from points.models import Program
    from points.services import ledger

    house, now = Actor.job("chaos"), datetime.now(UTC)
    brand = Brand.objects.create(code="chaos", name="Chaos")
    store = Store.objects.create(brand=brand, code="C01", name="Chaos")
    key = api_keys.issue(
        kind=ApiKeyKind.TILL, name="till", scopes=list(ApiScope), store=store, actor=house, now=now
    )
    # One point for each dollar and a dollar for each point, for ever: the clients' arithmetic is as plain.
    program = Program.objects.create(
        code="chaos", name="Chaos", is_default=True, earn_amount=1, earn_points=1, cash_points=1,
        cash_amount=1, expiry_policy=ExpiryPolicy.NEVER,
    )  # fmt: skip
    people = []
    for number in range(members + bursts):
        body = f"9{number:014d}"
        people.append(
            Member(
                card_no=body + check_digit(body),
                phone=f"+8869{number:08d}",
                name="王小明",
                joined_at=now,
                phone_verified_at=now,
            )
        )
    made = Member.objects.bulk_create(people)
    for member in made[members:]:
        ledger.credit(
            account_id=ledger.open_account(member_id=member.pk, program_id=program.pk, now=now),
            kind="bonus", points=POINTS_OF_A_BURST, source=ledger.Source("chaos", str(member.pk)),
            context=ledger.Context(actor=house, now=now),
        )  # fmt: skip
    cards = [member.card_no for member in made]
    return {"key": key.secret, "cards": cards[:members], "bursts": cards[members:]}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
