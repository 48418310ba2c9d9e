"""Reports as pages, their files, and the overview: by role and reach, and never through the whole ledger."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.admin.reports import all_reports
from backoffice.models import Alarm, AuditEvent, User
from backoffice.services.alarms import acknowledge
from config.dashboard.viewer import Viewer
from points.reporting import totals
from points.services import ledger
from points.services.totals import fold
from tests.admin.test_verbs import confirm, hidden
from tests.factories.backoffice import StoreFactory, UserFactory
from tests.factories.members import MemberFactory, PurchaseFactory
from tests.factories.points import AccountFactory, context, fresh, give

if TYPE_CHECKING:
    from tests.admin.conftest import Shop

ENGLISH = {"accept-language": "en"}
CARDS, POINTS = "cards-at-cashiers", "points"


def address(slug: str) -> str:
    return reverse(f"admin:report_{slug.replace('-', '_')}")


def html(client: Any, url: str, **query: Any) -> str:
    page = client.get(url, query, headers=ENGLISH)
    assert page.status_code == 200
    return str(page.content.decode())


def download(client: Any, slug: str, section: int = 0, **fields: Any) -> Any:
    today = timezone.localdate()
    period = {"first": today - timedelta(days=20), "last": today}
    return client.post(address(slug), {**period, "section": section, **fields}, headers=ENGLISH)


def rows_of(answer: Any) -> list[list[str]]:
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.fixture
def swiped(shop: Shop) -> Shop:
    """Four orders of one card at a cashier whose code a spreadsheet would run."""
    for number in range(4):
        PurchaseFactory(
            store=shop.store, member=shop.member, cashier="=1+1", receipt_no=f"SW{number}",
            purchased_at=timezone.now() - timedelta(hours=number),
        )  # fmt: skip
    return shop


class TestThePage:
    def test_the_planted_card_is_on_it(self, swiped: Shop) -> None:
        page = html(swiped.client("manager"), address(CARDS))
        assert swiped.member.card_no in page and "=1+1" in page

    def test_the_points_report_says_what_the_books_say(self, shop: Shop) -> None:
        page = html(shop.client("finance"), address(POINTS))
        assert "1,000" in page and "200" in page and "800" in page
        # 800 points at 60 = NT$2.
        assert "NT$26.66" in page

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ({"first": "2026-06-10", "last": "2026-06-01"}, "The last day lies before the first one."),
            ({"first": "2020-01-01", "last": "2026-06-01"}, "At most 92 days at once, please."),
            ({"first": "morgen", "last": "2026-06-01"}, "Enter a valid date."),
        ],
    )
    def test_an_impossible_period_is_explained(self, shop: Shop, query: Any, sentence: str) -> None:
        assert sentence in html(shop.client("manager"), address(CARDS), **query)

    def test_other_stores_are_not_on_it(self, swiped: Shop) -> None:
        elsewhere = UserFactory(role="manager", stores=[StoreFactory()])
        swiped.staff["elsewhere"] = elsewhere
        assert swiped.member.card_no not in html(swiped.client("elsewhere"), address(CARDS))

    def test_what_members_own_is_for_those_who_see_the_group(self, shop: Shop) -> None:
        shop.staff["brand"] = UserFactory(role="finance", stores=[shop.store])
        page = html(shop.client("brand"), address(POINTS))
        assert "1,000" in page and "Outstanding</th>" not in page and "NT$26.66" not in page
        assert "NT$" not in html(shop.client("brand"), address("settlement"))

    @pytest.mark.parametrize("report", all_reports(), ids=lambda report: report.slug)
    def test_clerks_open_none(self, shop: Shop, report: Any) -> None:
        client = shop.client("clerk")
        assert client.get(report.address()).status_code == 403
        assert download(client, report.slug).status_code == 403


class TestTheFile:
    def test_it_holds_the_rows_of_the_page_with_formulas_made_harmless(self, swiped: Shop) -> None:
        answer = download(swiped.client("manager"), CARDS)
        assert answer.status_code == 200
        assert answer["Content-Disposition"].startswith('attachment; filename="cards-at-cashiers-1_')
        heads, row = rows_of(answer)
        assert heads[:2] == ["Member card", "Cashier"]
        assert row[:2] == [swiped.member.card_no, "'=1+1"]
        assert row[3:8] == ["4", "100.0", row[5], row[6], "4000.00"]

    def test_taking_it_home_leaves_a_trace(self, swiped: Shop) -> None:
        download(swiped.client("manager"), CARDS)
        event = AuditEvent.objects.get(action="report.download")
        assert (event.actor_id, event.changes["report"], event.changes["rows"]) == (
            str(swiped.staff["manager"].pk),
            CARDS,
            1,
        )

    def test_looking_is_no_right_to_take_home(self, swiped: Shop) -> None:
        swiped.staff["manager"].groups.clear()
        looking = User.objects.get(username="manager")
        onlookers = Group.objects.create(name="onlookers")
        onlookers.permissions.add(Permission.objects.get(codename="view_cashier_report"))
        looking.groups.add(onlookers)
        client = swiped.client("manager")
        assert "Download CSV" not in html(client, address(CARDS))
        assert download(client, CARDS).status_code == 403
        assert not AuditEvent.objects.filter(action="report.download").exists()

    @pytest.mark.parametrize("section", ["9", "-1", "x", "", "²"])
    def test_tables_that_are_not_there(self, shop: Shop, section: str) -> None:
        assert download(shop.client("manager"), CARDS, section).status_code == 400

    def test_a_bad_period_gives_no_file(self, shop: Shop) -> None:
        assert download(shop.client("manager"), CARDS, first="2020-01-01").status_code == 400


class TestTheOverview:
    def test_it_is_cut_to_the_role(self, shop: Shop) -> None:
        shown = {
            role: html(shop.client(role), "/")
            for role in ("clerk", "manager", "marketer", "finance", "auditor")
        }
        assert "Your corrections today" in shown["clerk"] and "Open alarms" not in shown["clerk"]
        assert "Waiting approvals" in shown["manager"] and "Outstanding" not in shown["manager"]
        assert "New members, 30 days" in shown["marketer"] and "Settlement" not in shown["marketer"]
        for text in ("Outstanding", "Members owe", "Issued per point redeemed", "Settlement between brands"):
            assert text in shown["finance"], text
        for text in ("Books balance", "Points given by hand", "Far more points issued than redeemed"):
            assert text in shown["auditor"], text

    def test_a_manager_sees_his_stores_and_their_alarms(self, shop: Shop) -> None:
        shop.staff["here"] = UserFactory(role="manager", stores=[shop.store])
        page = html(shop.client("here"), "/")
        assert "Your stores" in page and "信義店" in page
        assert "Far more points issued than redeemed" not in page  # a matter of the group

    def test_a_ratio_above_the_limit_is_red(self, shop: Shop) -> None:
        shop.program.max_issue_ratio = 4
        shop.program.save()
        client = shop.client("finance")
        cards = {card.title: card for card in client.get("/", headers=ENGLISH).context["cards"]}
        ratio = cards["Issued per point redeemed"]
        assert (ratio.value, ratio.hint, ratio.mood) == ("5.00", "over 90 days; at most 4", "bad")

    def test_the_navigation_counts_the_open_alarms(self, shop: Shop) -> None:
        auditor = shop.client("auditor")
        assert badge(auditor) == "1"
        actor = Actor.staff(shop.staff["auditor"])
        acknowledge(alarm_id=Alarm.objects.get().pk, note="促銷期間", actor=actor, now=timezone.now())
        assert badge(auditor) is None
        shop.staff["here"] = UserFactory(role="manager", stores=[shop.store])
        assert badge(shop.client("here")) is None


def badge(client: Any) -> str | None:
    """What stands beside "Alarms" in the navigation."""
    groups = client.get("/", headers=ENGLISH).context["sidebar_navigation"]
    [items] = [group["items"] for group in groups if group["title"] == "Reports and alarms"]
    number: str | None = items[0].get("badge")
    return number


def test_an_alarm_is_acknowledged_on_its_page(shop: Shop) -> None:
    client, alarm = shop.client("auditor"), Alarm.objects.get()
    url = reverse("admin:backoffice_alarm_acknowledge", args=[alarm.pk])
    assert url in html(client, reverse("admin:backoffice_alarm_change", args=[alarm.pk]))
    answer = confirm(client, url, hidden(client.get(url)), note="促銷期間，正常")
    assert answer.status_code == 302
    alarm.refresh_from_db()
    assert (alarm.acknowledged_by, alarm.note) == (shop.staff["auditor"], "促銷期間，正常")


LEDGER_SCANS = ("Seq Scan on points_entry", "Seq Scan on points_lotuse", "Seq Scan on points_lot ")


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """Books of a size at which the planner has a choice, added up but for the last entry."""
    now = timezone.now()
    accounts = [AccountFactory(program=shop.program) for _ in range(20)]
    for account in accounts:
        for _ in range(60):
            give(account, 10, now=now)
        for _ in range(20):
            ledger.spend(account_id=account.pk, points=10, source=fresh(), context=context(now=now))
    learn_sizes()
    fold(now=now)
    give(accounts[0], 5, now=now)
    learn_sizes()
    return shop


def learn_sizes() -> None:
    """Tests before this one filled and emptied the tables; the planner remembers whatever it saw last."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE points_entry, points_lot, points_lotuse, points_account")


def scans_of(client: Any, page: str) -> list[str]:
    """The plans of the page's queries that read a table of the ledger from end to end."""
    client.get(page)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(page).status_code == 200
    plans = [plan_of(query["sql"]) for query in queries if "points_" in query["sql"]]
    assert any("points_entry" in plan for plan in plans)
    return [plan for plan in plans if any(scan in plan for scan in LEDGER_SCANS)]


@pytest.mark.parametrize("page", ["/", "/reports/points/", "/reports/settlement/"])
def test_no_page_reads_the_ledger_from_end_to_end(busy: Shop, page: str) -> None:
    assert scans_of(busy.client("root"), page) == []


@pytest.mark.parametrize("page", ["/", "/reports/points/", "/reports/settlement/"])
def test_without_the_daily_totals_they_would(busy: Shop, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "mark", lambda: totals.Mark(0, 0))
    monkeypatch.setattr(Viewer, "mark", totals.Mark(0, 0))
    assert scans_of(busy.client("root"), page) != []


def plan_of(sql: str) -> str:
    if not sql.lstrip().upper().startswith(("SELECT", "WITH")):
        return ""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + sql)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_queries_do_not_grow_with_the_rows(swiped: Shop) -> None:
    client = swiped.client("root")
    pages = ["/", *(report.address() for report in all_reports())]

    def counts() -> list[int]:
        found = []
        for page in pages:
            client.get(page)
            with CaptureQueriesContext(connection) as queries:
                client.get(page)
            found.append(len(queries))
        return found

    before = counts()
    store = StoreFactory(brand=swiped.brand)
    for number in range(5):
        member = MemberFactory(referring_store=store, joined_at=timezone.now())
        for again in range(3):
            PurchaseFactory(
                store=store, member=member, cashier=f"K{number}", receipt_no=f"Q{number}-{again}",
                purchased_at=timezone.now(),
            )  # fmt: skip
        give(AccountFactory(member=member, program=swiped.program), 10, now=timezone.now())
    assert counts() == before
