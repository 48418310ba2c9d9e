"""What the desk asks the database: few questions, always as many, none that reads a large table through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.choices import Reach, Role
from backoffice.models import User
from tests.admin.conftest import Shop
from tests.factories.points import give, take

pytestmark = pytest.mark.django_db

MOST_QUERIES = 12
# A preview runs the verb itself and rolls it back, so that what is shown is what happens. Besides that it
# asks for session, user, rights, the row, what is left of it, open alarms and the day's limits; and one
# savepoint of the test.
MOST_BESIDES_THE_DRY_RUN = 8
# All together, savepoints counted: the dry run writes and reads what the verb does, up to its audit event.
MOST_STATEMENTS = {"undo": 25, "correct": 26, "release": 22, "approve": 22}
# Tables that grow with members and years.
LARGE = (
    "members_member", "members_consent", "members_membertag", "members_purchase", "members_purchaseline",
    "members_purchasereturn", "points_account", "points_entry", "points_lot", "points_lotuse", "points_hold",
    "points_adjustment", "backoffice_auditevent", "backoffice_outboxmessage", "campaigns_award",
)  # fmt: skip


def find(text: str) -> str:
    return f"{reverse('admin:find')}?{urlencode({'q': text})}"


PAGES: dict[str, Callable[[Shop], str]] = {
    "a phone that nobody has": lambda shop: find("0900-000-000"),
    "last digits": lambda shop: find("345678"),
    "a name": lambda shop: find("小明"),
    "an e-mail": lambda shop: find("nobody@example.com"),
    "the member page": lambda shop: reverse("admin:members_member_change", args=[shop.member.pk]),
    "the overview": lambda shop: reverse("admin:index"),
    "give or take": lambda shop: reverse("admin:points_account_correct", args=[shop.account.pk]),
    "undo a redemption": lambda shop: reverse("admin:points_entry_undo", args=[shop.spent.pk]),
    "members": lambda shop: reverse("admin:members_member_changelist"),
    "entries": lambda shop: reverse("admin:points_entry_changelist"),
    "requests": lambda shop: reverse("admin:points_adjustment_changelist"),
    "enrolment": lambda shop: reverse("admin:enrol"),
}


def queries(client: Any, address: str) -> list[str]:
    """The statements of a page that is opened for the second time."""
    assert client.get(address).status_code in (200, 302)
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["clerk", "manager"])
def test_a_desk_page_asks_little_and_always_as_much(shop: Shop, role: str, page: str) -> None:
    client, address = shop.client(role), PAGES[page](shop)
    before = queries(client, address)
    for _more in range(5):
        give(shop.account, 10)
    take(shop.account, 3)
    after = queries(client, address)
    most = MOST_STATEMENTS["undo"] if page.startswith("undo") else MOST_QUERIES
    assert len(after) == len(before) <= most, "\n".join(after)


@pytest.mark.parametrize("reach", [Reach.GROUP, Reach.STORES])
@pytest.mark.parametrize("role", [*(role.value for role in Role), "root"])
def test_an_overview_asks_little_whoever_looks(shop: Shop, role: str, reach: Reach) -> None:
    user = shop.root if role == "root" else shop.staff[role]
    User.objects.filter(pk=user.pk).update(reach=reach)
    user.stores.set([shop.store])
    asked = queries(shop.client(role), reverse("admin:index"))
    assert len(asked) <= MOST_QUERIES, "\n".join(asked)


VERBS: dict[str, Callable[[Shop], tuple[str, dict[str, Any]]]] = {
    "undo": lambda shop: (reverse("admin:points_entry_undo", args=[shop.spent.pk]), {}),
    "correct": lambda shop: (
        reverse("admin:points_account_correct", args=[shop.account.pk]),
        {"points": "20", "reason": "goodwill", "note": "a note"},
    ),
    "release": lambda shop: (reverse("admin:points_hold_release", args=[shop.hold.pk]), {}),
    "approve": lambda shop: (reverse("admin:points_adjustment_approve", args=[shop.waiting.pk]), {}),
}


def outside_the_dry_run(asked: list[str]) -> list[str]:
    """What a preview asks besides the verb that it runs and rolls back."""
    # Something may stand before it: a writing request names its user to the history.
    (back,) = [n for n, sql in enumerate(asked) if "ROLLBACK TO" in sql]
    savepoint = asked[back].rpartition("ROLLBACK TO ")[2]
    begun = min(n for n, sql in enumerate(asked) if sql.endswith(savepoint))
    return asked[:begun] + asked[back + 1 :]


@pytest.mark.parametrize("verb", VERBS)
def test_a_preview_asks_little_besides_the_verb_itself(shop: Shop, verb: str) -> None:
    address, data = VERBS[verb](shop)
    client = shop.client("manager")
    assert client.get(address).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        sent = {**data, "key": "k", "step": "preview"}
        answer = client.post(address, sent) if data else client.get(address)
    assert answer.status_code == 200
    assert answer.context["preview"] is not None
    asked = [query["sql"] for query in captured.captured_queries]
    outside = outside_the_dry_run(asked)
    assert len(outside) <= MOST_BESIDES_THE_DRY_RUN, "\n".join(outside)
    assert len(asked) <= MOST_STATEMENTS[verb], f"{len(asked)}\n" + "\n".join(asked)


@pytest.mark.parametrize("page", PAGES)
def test_no_desk_page_reads_a_large_table_through(shop: Shop, page: str) -> None:
    """Sequential scans are forbidden here; a plan that still has one knows no index to use instead."""
    asked = queries(shop.client("manager"), PAGES[page](shop))
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for statement in asked:
            # The ledger's own functions are called with bound values; they are measured where they live.
            if not statement.lstrip(" (").startswith(("SELECT", "WITH")) or "$1" in statement:
                continue
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            found += [(table, statement) for table in LARGE if f"Seq Scan on {table}" in plan]
    assert found == []
