"""Files of points for tests: brought in by a marketer, approved by finance, and what the books look like."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from backoffice.actors import Actor
from backoffice.models import ImportBatch, User
from points.models import Account, Lot
from points.services import proofs
from tests.conftest import NOON
from tests.imports.desk import bring, check, csv_of, undo

HEAD = "手機,點數"
DAY = timedelta(days=1)
POLICY = {"operation": "grant", "reason": "goodwill"}


def points_file(*lines: str, head: str = HEAD) -> bytes:
    return csv_of(*lines, head=head)


def look_at(content: bytes, owner: User | None = None, **more: Any) -> ImportBatch:
    actor = Actor.staff(owner) if owner else Actor.job("tests")
    return check(content, kind="points", name="points.csv", actor=actor, **_policy(more))


def put_in(content: bytes, owner: User, approver: User | None = None, **more: Any) -> ImportBatch:
    """Checked, confirmed, approved where that is needed, and applied."""
    return bring(
        content,
        kind="points",
        name="points.csv",
        actor=Actor.staff(owner),
        approver=approver,
        **_policy(more),
    )


def take_out(batch: ImportBatch, now: datetime = NOON) -> ImportBatch:
    return undo(batch, now=now)


def _policy(more: dict[str, Any]) -> dict[str, Any]:
    return more | {"policy": POLICY | more.pop("policy", {})}


def books() -> dict[str, Any]:
    """Every balance, and every lot that has something left or ever had."""
    accounts = {
        row["pk"]: (row["balance"], row["held"], row["debt"])
        for row in Account.objects.values("pk", "balance", "held", "debt")
        if row["balance"] or row["debt"]
    }
    lots = sorted(
        (account, remaining, held, str(expires))
        for account, remaining, held, expires in Lot.objects.filter(remaining__gt=0).values_list(
            "account", "remaining", "held", "expires_at"
        )
    )
    return {"accounts": accounts, "lots": lots}


def assert_sound(now: datetime = NOON + DAY) -> None:
    report = proofs.prove(now=now)
    assert [(one.id, one.offenders) for one in report.checks if not one.ok] == []
