"""G9: the admin's member search and ledger list against Django's stock ModelAdmin on the same tables.

Queries and Python of the view's list are measured, not the templates: both sides would render the same theme.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from bench.findings import Finding, interleave
from bench.scratch import Lab

REPEATS = 5


def milliseconds(act: Callable[[], object]) -> float:
    """How long `act` takes at best of a few, after a first that warms the caches."""
    act()
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - began)
    return best * 1_000


def request(path: str) -> Any:
    from django.test import RequestFactory

    from backoffice.models import User

    made = RequestFactory().get(path)
    made.user = User(username="bench", is_superuser=True, is_staff=True, is_active=True, reach="group")
    return made


def rows_of(admin: Any, path: str) -> list[Any]:
    """The rows that the change list of `admin` shows for `path`."""
    return list(admin.get_changelist_instance(request(path)).result_list)


def run(lab: Lab) -> list[Finding]:
    from django.contrib.admin import AdminSite, ModelAdmin, site
    from django.utils import timezone

    from config.demo.shop import open_shop
    from config.demo.volume import fill_up
    from members.models import Member
    from members.selectors.search import find_members
    from points.models import Entry

    members, entries = (20_000, 200_000) if lab.quick else (1_000_000, 10_000_000)
    now, dice = timezone.now(), random.Random(7)
    fill_up(open_shop(now=now), dice, now, members=members, entries=entries, tell=lambda line: None)
    with lab.connect() as connection:
        connection.execute("VACUUM ANALYZE members_member, points_entry, points_account")

    stock = AdminSite(name="stock")

    class StockMember(ModelAdmin):  # type: ignore[type-arg]
        list_display = ("name", "phone", "card_no", "status")
        search_fields = ("name", "phone")

    class StockEntry(ModelAdmin):  # type: ignore[type-arg]
        list_display = ("id", "points", "balance_after", "kind", "member", "store", "occurred_at")
        list_filter = ("kind", "actor_type")
        list_select_related = ("account__member", "store")

    stock_members, stock_entries = StockMember(Member, stock), StockEntry(Entry, stock)
    newest = Member.objects.exclude(phone="").order_by("-pk")[members // 2]
    user = request("/").user
    typed = newest.phone.replace("+886", "0")
    found = interleave(
        {
            "find": lambda: milliseconds(lambda: find_members(text=typed, user=user)),
            "stock find": lambda: milliseconds(lambda: rows_of(stock_members, f"/?q={newest.phone[1:]}")),
            "ledger": lambda: milliseconds(lambda: rows_of(site.get_model_admin(Entry), "/")),
            "stock ledger": lambda: milliseconds(lambda: rows_of(stock_entries, "/")),
        },
        lab.rounds,
    )
    # The ratio grows with the table: on the small one it is only told.
    search_goal, list_goal = (None, None) if lab.quick else (50, 15)
    return [
        Finding("g1", f"member by phone among {members:,}", "stock admin search", "ms",
                found["find"], found["stock find"], at_least=search_goal, faster=True),
        Finding("g2", f"first page of a ledger of {entries:,}", "stock admin list", "ms",
                found["ledger"], found["stock ledger"], at_least=list_goal, faster=True),
    ]  # fmt: skip
