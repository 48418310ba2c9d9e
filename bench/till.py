"""C54: a till posts purchases while a worker brings in a million members; who waits, and for how long."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bench import import_files, import_process, import_way, people
from bench.findings import Finding
from bench.scratch import Lab

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MEMBERS = 2_000
# A busy counter, not a saturated one: what is measured is what one customer waits.
PAUSE_SECONDS = 0.05
LOOK_SECONDS = 0.05
MOST_LOCKED_SECONDS = 1.0
# How long a transaction that holds row locks on members has been open, and how long anybody waits for a lock.
LOOK = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - a.xact_start)) FILTER (WHERE EXISTS (
           SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'
           AND l.relation IN ('members_member'::regclass, 'points_account'::regclass)
           AND l.mode IN ('RowExclusiveLock', 'RowShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                          'AccessExclusiveLock'))), 0),
       coalesce(max(extract(epoch FROM clock_timestamp() - a.state_change))
                FILTER (WHERE a.wait_event_type = 'Lock'), 0)
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
"""


class Watch(threading.Thread):
    """Looks at the locks of the database until it is told to stop; `held` and `waited` are the longest."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(daemon=True)
        self.lab = lab
        self.over = threading.Event()
        self.held = self.waited = 0.0

    def run(self) -> None:
        with self.lab.connect() as connection:
            while not self.over.wait(LOOK_SECONDS):
                row = connection.execute(LOOK).fetchone()
                if row:
                    self.held = max(self.held, float(row[0]))
                    self.waited = max(self.waited, float(row[1]))


def till(lab: Lab) -> Callable[[], float]:
    """A function that posts one purchase and answers the milliseconds that it took."""
    from backoffice.actors import Actor
    from backoffice.models import Brand, Store
    from campaigns.services.settlement import settle_purchase
    from members.purchase_data import PurchaseData
    from points.models import Account, Program

    program = people.create_program("till")
    Program.objects.exclude(pk=program).update(is_active=False)
    accounts = people.create_accounts(lab, program, MEMBERS)
    members = list(Account.objects.filter(pk__gte=accounts[0]).values_list("member_id", flat=True))
    store = Store.objects.create(
        brand=Brand.objects.create(code="till", name="Till"), code="till", name="Till"
    )
    actor, posted = Actor.job("bench"), 0

    def post() -> float:
        nonlocal posted
        posted += 1
        paid = Decimal(120)
        receipt = PurchaseData(
            source="till", receipt_no=f"T{posted}", store_id=store.pk, purchased_at=NOW, gross=paid,
            paid=paid, member_id=members[posted % len(members)], item_count=1,
        )  # fmt: skip
        began = time.perf_counter()
        settle_purchase(receipt=receipt, actor=actor, now=NOW)
        return (time.perf_counter() - began) * 1_000

    return post


def while_(going_on: Callable[[], bool], post: Callable[[], float]) -> list[float]:
    found = []
    while going_on():
        found.append(post())
        time.sleep(PAUSE_SECONDS)
    return found


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def run(lab: Lab) -> list[Finding]:
    rows = 50_000 if lab.quick else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        import_way.prepare(folder)
        post = till(lab)
        path = import_files.member_file(folder, 80_000_000, rows)

        def quiet() -> float:
            ends = time.perf_counter() + 2 * lab.seconds
            return p95(while_(lambda: time.perf_counter() < ends, post))

        quiet()
        before = quiet()
        watch = Watch(lab)
        watch.start()
        worker = import_process.start(lab.url, folder, path)
        busy = p95(while_(lambda: worker.poll() is None, post))
        import_process.finish(worker)
        watch.over.set()
        watch.join()
        after = quiet()
    return [
        Finding("t1", f"a purchase at the till while {rows:,} members come in, p95",
                "the same in quiet, before and after", "ms", [busy] * 2, [before, after], at_most=2),
        Finding("t2", "the longest transaction with locks on members or accounts", "1 s", "s",
                [watch.held], [MOST_LOCKED_SECONDS], at_most=1, note=f"longest wait {watch.waited:.2f} s"),
    ]  # fmt: skip
