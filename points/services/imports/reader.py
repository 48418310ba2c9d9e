"""Rows of points files put together in Python: what only a whole row and the chosen operation can say."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from backoffice.masking import mask_text
from backoffice.models import ImportBatch
from backoffice.services.imports.columns import CellFault, Doubtful, Repaired
from backoffice.services.imports.kinds import Staged
from members.phones import display_phone
from points.choices import ReasonCode
from points.models import Program
from points.services.imports.fields import DEDUCT, NEVER, OPENING


class PointRows:
    """One row: whose, how many points, why, until when, in which program."""

    def __init__(self, batch: ImportBatch, now: datetime) -> None:
        policy = batch.policy
        self.key: str = policy["key"]
        self.operation: str = policy["operation"]
        self.reason: str = policy["reason"] or (ReasonCode.OPENING if self.operation == OPENING else "")
        self.repairs_phones = policy["repair_phones"] == "yes"
        self.most: int = settings.POINTS_FILE_MOST_PER_ROW
        self.now = now
        self.programs = programs_of(batch)
        self.default = default_program(batch, list(self.programs.values()))
        self._by_word = _words(self.programs)

    def __call__(self, cells: dict[str, str | None]) -> Staged:
        phone = cells["phone"]
        if isinstance(phone, Repaired) and not isinstance(phone, Doubtful) and not self.repairs_phones:
            raise CellFault("zero_lost", hint=display_phone(phone).replace("-", ""), column="phone")
        key = cells[self.key]
        if key is None:
            raise CellFault("required", column=self.key)
        cells["points"] = str(self._points(cells["points"]))
        program = self._program(cells["program"])
        cells["program"] = str(program.pk)
        cells["reason"] = cells["reason"] or self.reason or None
        if cells["reason"] is None:
            raise CellFault("reason_needed", column="reason")
        self._check_expiry(cells["expires"], program)
        if note := cells["note"]:
            cells["note"] = mask_text(note)
        return Staged(cells, cells["reference"], key)

    def _points(self, text: str | None) -> int:
        """Signed: what a deduction takes is below 0, whether the file says so or not."""
        if text is None:
            raise CellFault("required", column="points")
        points = int(text)
        if abs(points) > self.most:
            raise CellFault("too_many", column="points", most=f"{self.most:,}")
        if self.operation == DEDUCT:
            return -abs(points)
        if points < 0:
            raise CellFault("negative", column="points")
        return points

    def _program(self, word: str | None) -> Program:
        if word is None:
            if self.default is None:
                raise CellFault("program_needed", column="program")
            return self.default
        found = self._by_word.get(word.casefold())
        if found is None:
            raise CellFault("program_unknown", column="program")
        return found

    def _check_expiry(self, text: str | None, program: Program) -> None:
        if text is None:
            if self.operation == OPENING:
                raise CellFault("expiry_needed", column="expires")
            return
        if self.operation == DEDUCT:
            raise CellFault("no_expiry", column="expires")
        deadline = deadline_of(text, program)
        if deadline is not None and deadline <= self.now:
            raise CellFault("past", column="expires")


def deadline_of(text: str, program: Program) -> datetime | None:
    """The first instant that is too late after the last usable day `text`; None: points never lapse."""
    if text == NEVER:
        return None
    day = date.fromisoformat(text) + timedelta(days=1)
    return datetime.combine(day, time(), ZoneInfo(program.time_zone))


def programs_of(batch: ImportBatch) -> dict[int, Program]:
    """The active programs that a file of this brand may speak of: its own and those of the whole group."""
    mine = Q(brand=None) | Q(brand=batch.brand_id) if batch.brand_id else Q()
    return Program.objects.filter(mine, is_active=True).in_bulk()


def default_program(batch: ImportBatch, programs: list[Program]) -> Program | None:
    """The brand's only own program, else the default one, else the only one there is."""
    own = [program for program in programs if batch.brand_id and program.brand_id == batch.brand_id]
    if len(own) == 1:
        return own[0]
    if len(programs) == 1:
        return programs[0]
    return next((program for program in programs if program.is_default), None)


def _words(programs: dict[int, Program]) -> dict[str, Program]:
    """Programs by code and by name; a name that two of them have means neither."""
    by_name: dict[str, Program | None] = {}
    for program in programs.values():
        word = program.name.casefold()
        by_name[word] = None if word in by_name else program
    found = {word: program for word, program in by_name.items() if program is not None}
    return found | {program.code.casefold(): program for program in programs.values()}
