"""Random histories against the model: both ledgers say the same, and the books prove sound."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from members.models import Member
from points.errors import PointsRefusal
from points.models import Account, Lot, Program
from points.services import expiry, holds, ledger, proofs
from tests.conftest import NOON
from tests.factories.members import MemberFactory
from tests.factories.points import TESTER, AccountFactory, ProgramFactory, context, fresh
from tests.points.model import Model, ModelHold, ModelMove, No

HISTORIES = int(os.environ.get("SHUKE_HISTORIES", "2000" if os.environ.get("CI") else "150"))
HOUR = timedelta(hours=1)

points = st.integers(1, 60)
which = st.integers(0, 5)
acts = st.one_of(
    st.tuples(st.just("credit"), points, st.one_of(st.none(), st.integers(1, 40))),
    st.tuples(st.just("credit"), points, st.integers(1, 10)),
    st.tuples(st.just("spend"), points, st.none()),
    st.tuples(st.just("refund"), points, which),
    st.tuples(st.just("reverse"), points, which),
    st.tuples(st.just("clamp"), points, which),
    st.tuples(st.just("hold"), points, st.integers(1, 20)),
    st.tuples(st.just("capture"), points, which),
    st.tuples(st.just("release"), st.just(0), which),
    st.tuples(st.just("wait"), st.integers(1, 12), st.none()),
    st.tuples(st.just("expire"), st.just(0), st.none()),
    st.tuples(st.just("wait+expire"), st.integers(5, 12), st.none()),
)
# Random acts alone seldom meet anything: begin with points that will lapse soon, some of them spent or held.
beginnings = st.tuples(
    st.tuples(st.just("credit"), points, st.integers(2, 10)),
    st.one_of(
        st.tuples(st.just("spend"), st.integers(1, 20), st.none()),
        st.tuples(st.just("hold"), st.integers(1, 20), st.integers(5, 20)),
    ),
).map(list)


def histories(longest: int) -> st.SearchStrategy[list[tuple[str, int, Any]]]:
    rest = st.lists(acts, min_size=2, max_size=longest - 2)
    return st.tuples(beginnings, rest).map(lambda parts: parts[0] + parts[1])


@dataclass
class Both:
    """The real account and the model, side by side; a move keeps its entry with its twin."""

    account: Account
    model: Model = field(default_factory=Model)
    credits: list[tuple[int, ModelMove]] = field(default_factory=list)
    spends: list[tuple[int, ModelMove]] = field(default_factory=list)
    holds: list[tuple[int, ModelHold]] = field(default_factory=list)

    @property
    def context(self) -> ledger.Context:
        return context(now=NOON + self.model.now * HOUR)

    def act(self, name: str, amount: int, extra: Any) -> None:
        if name == "wait+expire":
            self.act("wait", amount, None)
            name, amount = "expire", 0
        twin = {"clamp": "reverse"}.get(name, name)
        targets: list[Any] = {
            "refund": self.spends,
            "reverse": self.credits,
            "capture": self.holds,
            "release": self.holds,
        }.get(twin, [None])
        if not targets:
            return
        target = targets[(extra or 0) % len(targets)]
        outcomes = []
        for side in (self.on_model, self.on_ledger):
            try:
                outcomes.append(side(name, amount, extra, target))
            except (No, PointsRefusal):
                outcomes.append("refused")
        mine, real = outcomes
        assert (mine == "refused") == (real == "refused"), (name, amount, extra, outcomes)
        if mine == "refused":
            return
        if name == "credit":
            self.credits.append((real, mine))
        elif name in ("spend", "capture"):
            self.spends.append((real, mine))
        elif name == "hold":
            self.holds.append((real, mine))

    def on_model(self, name: str, amount: int, extra: Any, target: Any) -> Any:
        model = self.model
        match name:
            case "credit":
                return model.credit(amount, None if extra is None else model.now + extra)
            case "spend":
                return model.spend(amount)
            case "refund":
                return model.refund(target[1], amount)
            case "reverse" | "clamp":
                return model.reverse(target[1], amount, owes=name == "reverse")
            case "hold":
                return model.hold(amount, model.now + extra)
            case "capture":
                return model.capture(target[1], amount)
            case "release":
                return model.release(target[1])
            case "expire":
                return model.expire()
        model.now += amount
        return None

    def on_ledger(self, name: str, amount: int, extra: Any, target: Any) -> Any:
        pk, context, source = self.account.pk, self.context, fresh()
        match name:
            case "credit":
                deadline = None if extra is None else context.now + extra * HOUR
                return ledger.credit(
                    account_id=pk,
                    kind="earn",
                    points=amount,
                    source=source,
                    context=context,
                    expires_at=deadline,
                ).entry_id
            case "spend":
                return ledger.spend(account_id=pk, points=amount, source=source, context=context).entry_id
            case "refund":
                return ledger.refund_spend(entry_id=target[0], points=amount, source=source, context=context)
            case "reverse" | "clamp":
                policy = "debt" if name == "reverse" else "clamp"
                return ledger.reverse_credit(
                    entry_id=target[0], points=amount, policy=policy, source=source, context=context
                )
            case "hold":
                return ledger.hold(
                    account_id=pk,
                    points=amount,
                    source=source,
                    expires_at=context.now + extra * HOUR,
                    context=context,
                ).hold_id
            case "capture":
                return ledger.capture(
                    hold_id=target[0], points=amount, source=source, context=context
                ).entry_id
            case "release":
                if not ledger.release(hold_id=target[0], status="voided", context=context):
                    raise No
            case "expire":
                list(expiry.expire_all(as_of=context.now, actor=TESTER, now=context.now))
        return None

    def compare(self) -> None:
        account = Account.objects.get(pk=self.account.pk)
        model = self.model
        assert (account.balance, account.held, account.debt) == (model.balance, model.held, model.debt)
        real = Lot.objects.filter(account=account).order_by("pk").values_list("original", "remaining", "held")
        assert list(real) == [(lot.original, lot.left, lot.held) for lot in model.lots]


@pytest.fixture
def owner() -> Member:
    return MemberFactory()


@pytest.fixture
def program() -> Program:
    return ProgramFactory()


@pytest.mark.django_db
@settings(
    max_examples=HISTORIES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories(longest=12))
def test_every_history_ends_as_the_model_says(
    owner: Member, program: Program, history: list[tuple[str, int, Any]]
) -> None:
    with transaction.atomic():
        both = Both(AccountFactory(member=owner, program=program))
        for act in history:
            both.act(*act)
        both.compare()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)


@pytest.mark.django_db
@settings(
    max_examples=max(HISTORIES // 50, 5),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(many=st.lists(histories(longest=20), min_size=4, max_size=8))
def test_the_books_of_every_history_prove_sound(many: list[list[tuple[str, int, Any]]]) -> None:
    with transaction.atomic():
        latest = 0
        for history in many:
            both = Both(AccountFactory())
            for act in history:
                both.act(*act)
            latest = max(latest, both.model.now)
        # The jobs with a deadline have run, as they would have.
        now = NOON + latest * HOUR
        holds.settle_due(actor=TESTER, now=now)
        list(expiry.expire_all(as_of=now, actor=TESTER, now=now))
        report = proofs.prove(now=now)
        assert [(check.id, check.offenders) for check in report.checks if not check.ok] == []
        transaction.set_rollback(True)
