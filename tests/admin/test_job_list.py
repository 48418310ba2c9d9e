"""The list of jobs: whose work it is, how long it took, and figures that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.models import Job
from backoffice.selectors import job_owners
from tests.factories.backoffice import JobFactory, UserFactory

if TYPE_CHECKING:
    from django.test import Client

    from tests.admin.conftest import Shop

EN = {"Accept-Language": "en"}


def listed(client: Client, **query: Any) -> set[int]:
    page = client.get(reverse("admin:backoffice_job_changelist"), query, headers=EN)
    assert page.status_code == 200, query
    return {job.pk for job in page.context["cl"].result_list}


@pytest.fixture
def work(shop: Shop) -> dict[str, Job]:
    Job.objects.all().delete()
    boss, other = shop.staff["administrator"], shop.staff["marketer"]
    return {
        "mine": JobFactory(owner=boss, busy_ms=400, created_at=timezone.now()),
        "theirs": JobFactory(owner=other, busy_ms=59_999, state="failed", created_at=timezone.now()),
        "nobodys": JobFactory(owner=None, busy_ms=60_000),
        "long": JobFactory(owner=other, busy_ms=600_000, created_at=timezone.now()),
    }


def test_by_whose_work_it_is(shop: Shop, work: dict[str, Job]) -> None:
    client, other = shop.client("administrator"), shop.staff["marketer"]
    assert listed(client, whose="me") == {work["mine"].pk}
    assert listed(client, whose="none") == {work["nobodys"].pk}
    assert listed(client, whose=other.pk) == {work["theirs"].pk, work["long"].pk}
    assert listed(client, whose=other.pk, state__exact="failed") == {work["theirs"].pk}
    everything = {job.pk for job in work.values()}
    for nonsense in ("", "x", "²", "9" * 30):
        assert listed(client, whose=nonsense) == everything


def test_by_how_long_it_took(shop: Shop, work: dict[str, Job]) -> None:
    client = shop.client("administrator")
    found = {name: listed(client, took=name) for name in ("second", "minute", "minutes", "long")}
    assert found == {
        "second": {work["mine"].pk}, "minute": {work["theirs"].pk}, "minutes": {work["nobodys"].pk},
        "long": {work["long"].pk},
    }  # fmt: skip
    assert len(listed(client, took="nonsense")) == 4


def test_the_figures_follow_the_owner(shop: Shop, work: dict[str, Job]) -> None:
    address, other = reverse("admin:backoffice_job_changelist"), shop.staff["marketer"]
    page = shop.client("administrator").get(address, {"whose": other.pk}, headers=EN)
    [row] = page.context["kinds_of_jobs"]
    assert (row["jobs"], row["failed"], row["failed_percent"]) == (2, 1, 50)
    assert f"?kind={row['kind']}&amp;whose={other.pk}" in page.content.decode()


def test_counts_beside_the_choices_are_those_of_each(shop: Shop, work: dict[str, Job]) -> None:
    page = shop.client("administrator").get(
        reverse("admin:backoffice_job_changelist"), {"whose": "none", "_facets": "True"}, headers=EN
    )
    [spec] = [one for one in page.context["cl"].filter_specs if one.title == "asked by"]
    told = {str(choice["display"]) for choice in spec.choices(page.context["cl"])}
    mine, other = "me (1)", f"{shop.staff['marketer'].name} (2)"
    assert {mine, "nobody: the schedule or a terminal (1)", other} <= told


def test_the_choices_are_whoever_asked_for_work(shop: Shop, work: dict[str, Job]) -> None:
    UserFactory(name="不做事")
    assert {pk for pk, _name in job_owners()} == {
        shop.staff["administrator"].pk, shop.staff["marketer"].pk
    }  # fmt: skip
    Job.objects.exclude(owner=None).delete()
    assert job_owners() == []


def test_no_filter_sorts_the_table_for_its_choices(shop: Shop, work: dict[str, Job]) -> None:
    """A step of the index for each person, whatever the planner believes about the size of the table."""
    JobFactory.create_batch(300, owner=shop.staff["marketer"])
    client = shop.client("administrator")
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("admin:backoffice_job_changelist"), headers=EN)
    asked = [one["sql"] for one in queries if "backoffice_job" in one["sql"]]
    assert not [sql for sql in asked if "DISTINCT" in sql.upper()]
    [choices] = [sql for sql in asked if "RECURSIVE" in sql]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE backoffice_job")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + choices)
        [plan] = cursor.fetchone()[0]
    read = [node["Actual Rows"] * node["Actual Loops"] for node in nodes(plan["Plan"])
            if node.get("Relation Name") == "backoffice_job"]  # fmt: skip
    assert read and sum(read) <= 4, read


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]
