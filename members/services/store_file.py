"""Stores out of a file with the columns 門市代碼 and 門市名稱."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.actors import Actor
from backoffice.models import Brand, Store
from backoffice.services import audit
from members.csv_files import CsvRow, LoadReport

CODE, NAME = "門市代碼", "門市名稱"
COLUMNS = (CODE, NAME)
CODE_LENGTH, NAME_LENGTH = 32, 100


@transaction.atomic
def load_stores(*, rows: Iterable[CsvRow], brand: Brand, actor: Actor, now: datetime) -> LoadReport:
    """Create the brand's stores, or rename those of the same code. Loading the file again changes nothing.

    A bad line is reported and left out; the good ones are stored.
    """
    report = LoadReport()
    known = {store.code: store for store in Store.objects.select_for_update(no_key=True).filter(brand=brand)}
    seen: set[str] = set()
    for row in rows:
        code, name = row.values[CODE], row.values[NAME]
        if row.problem:
            report.refuse(row.line, "", "", row.problem)
        elif not code or len(code) > CODE_LENGTH:
            report.refuse(row.line, CODE, code, _("1 to %(most)s characters") % {"most": CODE_LENGTH})
        elif not name or len(name) > NAME_LENGTH:
            report.refuse(row.line, NAME, name, _("1 to %(most)s characters") % {"most": NAME_LENGTH})
        elif code in seen:
            report.refuse(row.line, CODE, code, _("each value once"))
        else:
            seen.add(code)
            _load(known.get(code), code, name, brand, report)
    if report.created or report.changed:
        counts = {"created": [0, report.created], "changed": [0, report.changed]}
        audit.record(actor=actor, action="store.load_file", subject=brand, changes=counts, now=now)
    return report


def _load(store: Store | None, code: str, name: str, brand: Brand, report: LoadReport) -> None:
    if store is None:
        Store.objects.create(brand=brand, code=code, name=name)
        report.created += 1
    elif store.name != name:
        Store.objects.filter(pk=store.pk).update(name=name)
        report.changed += 1
    else:
        report.same += 1
