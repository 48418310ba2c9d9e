"""G9: finding a member and reading the ledger, against Django's stock ModelAdmin on the same tables.

Searches are compared by the time of their SQL, lists by the whole of the view's work without templates, and
the themed page by what rendering costs over Django's own templates, from one and the same context.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.findings import Finding, interleave
from bench.scratch import Lab, pointed_at

REPEATS = 5
Measure = Callable[[], float]


def milliseconds(act: Callable[[], object]) -> float:
    """How long `act` takes at best of a few, after a first that warms the caches."""
    act()
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - began)
    return best * 1_000


def sql_milliseconds(act: Callable[[], object]) -> float:
    """The part of `act` that waits for the database, at best of a few."""
    from django.db import connection

    spent = 0.0

    def clocked(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal spent
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent += time.perf_counter() - began

    best = float("inf")
    act()
    for _ in range(REPEATS):
        spent = 0.0
        with connection.execute_wrapper(clocked):
            act()
        best = min(best, spent)
    return best * 1_000


def request(path: str) -> Any:
    from django.contrib.sessions.backends.cache import SessionStore
    from django.test import RequestFactory

    from backoffice.models import User

    made = RequestFactory().get(path)
    made.user = User(pk=1, username="bench", is_superuser=True, is_staff=True, is_active=True, reach="group")
    made.session = SessionStore()
    return made


def rows_of(admin: Any, path: str) -> list[Any]:
    """The rows that the change list of `admin` shows for `path`."""
    return list(admin.get_changelist_instance(request(path)).result_list)


def stock_templates() -> Any:
    """Django's own admin templates, as they were before any theme."""
    from django.contrib import admin
    from django.template.backends.django import DjangoTemplates

    folders = [Path(admin.__file__).parent / "templates"]
    options: dict[str, Any] = {"context_processors": []}
    return DjangoTemplates({"NAME": "stock", "DIRS": folders, "APP_DIRS": False, "OPTIONS": options})


def rendering(admin: Any) -> tuple[Measure, Measure]:
    """How long the first page of `admin` takes to render: in the theme, and by Django's own templates."""
    asked = request("/")
    page = admin.changelist_view(asked)
    themed = page.resolve_template(page.template_name)
    stock = stock_templates().get_template("admin/change_list.html")
    return (
        lambda: milliseconds(lambda: themed.render(page.context_data, asked)),
        lambda: milliseconds(lambda: stock.render(page.context_data, asked)),
    )


def stock_admins() -> tuple[Any, Any]:
    """A ModelAdmin of members and one of entries, as one would write them without further thought."""
    from django.contrib.admin import AdminSite, ModelAdmin

    from members.models import Member
    from points.models import Entry

    class StockMember(ModelAdmin):  # type: ignore[type-arg]
        list_display = ("name", "phone", "card_no", "status")
        search_fields = ("name", "phone")

    class StockEntry(ModelAdmin):  # type: ignore[type-arg]
        list_display = ("id", "points", "balance_after", "kind", "member", "store", "occurred_at")
        list_filter = ("kind", "actor_type")
        list_select_related = ("account__member", "store")

    site = AdminSite(name="stock")
    return StockMember(Member, site), StockEntry(Entry, site)


def searches(somebody: Any) -> dict[str, tuple[str, str]]:
    """What is looked for -> as a clerk types it, as the stock search would find it."""
    digits = somebody.phone.removeprefix("+886")
    return {
        "phone": (f"0{digits}", digits),
        "last six digits": (digits[-6:], digits[-6:]),
        "two characters of a name": (somebody.name[-2:], somebody.name[-2:]),
    }


def fill(lab: Lab) -> None:
    """A shop with a million members and ten million entries (quick: a fiftieth)."""
    from django.utils import timezone

    from config.demo.shop import open_shop
    from config.demo.volume import fill_up

    members, entries = (20_000, 200_000) if lab.quick else (1_000_000, 10_000_000)
    now, dice = timezone.now(), random.Random(7)
    fill_up(open_shop(now=now), dice, now, members=members, entries=entries, tell=lambda line: None)
    with lab.connect() as connection:
        connection.execute("VACUUM ANALYZE members_member, points_entry, points_account")


def run(lab: Lab) -> list[Finding]:
    if lab.large:
        lab = replace(lab, url=lab.large)
    else:
        fill(lab)
    with pointed_at(lab):
        return compare(lab)


def pairs(lab: Lab, members: int) -> tuple[dict[str, Measure], list[str]]:
    """Every slice by name, ours beside the stock one, and the names of the searches."""
    from django.contrib.admin import site

    from members.models import Member
    from members.selectors.search import find_members
    from points.models import Entry

    stock_members, stock_entries = stock_admins()
    ours, user = site.get_model_admin(Entry), request("/").user
    somebody = Member.objects.exclude(phone="").order_by("-pk")[members // 2]
    slices: dict[str, Measure] = {}
    for what, (clerk, stock) in searches(somebody).items():
        find = partial(find_members, text=clerk, user=user)
        scan = partial(rows_of, stock_members, f"/?q={stock}")
        slices[what] = partial(sql_milliseconds, find)
        slices[f"stock {what}"] = partial(sql_milliseconds, scan)
    slices["ledger"] = lambda: milliseconds(lambda: rows_of(ours, "/"))
    slices["ledger SQL"] = lambda: sql_milliseconds(lambda: rows_of(ours, "/"))
    slices["stock ledger"] = lambda: milliseconds(lambda: rows_of(stock_entries, "/"))
    slices["themed"], slices["plain"] = rendering(ours)
    return slices, list(searches(somebody))


def compare(lab: Lab) -> list[Finding]:
    from members.models import Member
    from points.models import Entry

    members, entries = Member.objects.count(), Entry.objects.count()
    slices, typed = pairs(lab, members)
    found = interleave(slices, lab.rounds)
    # The ratios grow with the table: on a small one they are only told.
    search_goal, list_goal = (50, 15) if members > 990_000 and entries > 9_000_000 else (None, None)
    return [
        *(
            Finding(f"g{number}", f"member by {what} among {members:,}, SQL", "stock admin search, SQL", "ms",
                    found[what], found[f"stock {what}"], at_least=search_goal, faster=True)
            for number, what in enumerate(typed, 1)
        ),
        Finding("g4", f"first page of a ledger of {entries:,}", "stock admin list", "ms",
                found["ledger"], found["stock ledger"], at_least=list_goal, faster=True),
        Finding("g5", "its SQL", "10 ms", "ms", found["ledger SQL"], [10.0] * lab.rounds, at_most=1),
        Finding("g6", "its page rendered in the theme", "Django's own templates, same context", "ms",
                found["themed"], found["plain"], at_most=2.5),
    ]  # fmt: skip
