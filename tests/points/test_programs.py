"""Programs: rule versions, the one default, and the watch over inflation."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from backoffice.models import AuditEvent
from points.choices import OverRatio
from points.models import Program
from points.services.programs import save_program, watch_inflation
from tests.conftest import NOON
from tests.factories.points import TESTER, AccountFactory, ProgramFactory, give, take

pytestmark = pytest.mark.django_db


def save(program: Program) -> Program:
    return save_program(program=program, actor=TESTER, now=NOON)


def test_a_changed_rule_is_a_new_version_and_a_new_name_is_not() -> None:
    program = save(ProgramFactory.build(code="p", earn_points=1))
    program.name = "蝦幣"
    assert save(program).version == 1
    program.earn_points = 2
    assert save(program).version == 2
    assert Program.objects.get().version == 2
    last = AuditEvent.objects.order_by("-pk").first()
    assert last is not None and last.changes == {"earn_points": ["1", "2"]}


def test_a_new_default_takes_the_place_of_the_old_one() -> None:
    old = save(ProgramFactory.build(is_default=True))
    new = save(ProgramFactory.build(is_default=True))
    old.refresh_from_db()
    assert (old.is_default, new.is_default) == (False, True)


def test_the_history_of_the_rules_is_not_rewritten() -> None:
    save(ProgramFactory.build())
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE points_programevent SET earn_points = 9")


class TestInflation:
    def program(self) -> Program:
        return ProgramFactory(max_issue_ratio=Decimal("3.00"), over_ratio=OverRatio.STOP)

    def test_marks_what_issues_more_than_its_limit_and_unmarks_it(self) -> None:
        program = self.program()
        account = AccountFactory(program=program)
        give(account, 301)
        take(account, 100)
        later = NOON + timedelta(hours=1)
        assert watch_inflation(actor=TESTER, now=later) == [program]
        program.refresh_from_db()
        assert program.issuing_stopped and program.ratio_exceeded_at == later
        watch_inflation(actor=TESTER, now=later + timedelta(days=1))
        program.refresh_from_db()
        assert program.ratio_exceeded_at == later  # since when, not when last seen
        take(account, 1)
        assert watch_inflation(actor=TESTER, now=later) == []
        program.refresh_from_db()
        assert not program.issuing_stopped

    def test_warning_programs_go_on_and_those_without_a_limit_are_not_watched(self) -> None:
        warning = ProgramFactory(max_issue_ratio=Decimal("1.00"), over_ratio=OverRatio.WARN)
        free = ProgramFactory()
        for program in (warning, free):
            give(AccountFactory(program=program), 1_000)
        assert watch_inflation(actor=TESTER, now=NOON + timedelta(hours=1)) == [warning]
        warning.refresh_from_db()
        assert not warning.issuing_stopped
