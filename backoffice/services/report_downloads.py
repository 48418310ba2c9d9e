"""Reports that leave the house as files: each one is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.errors import NotYours
from backoffice.roles import TAKE_HOME
from backoffice.services import audit


@transaction.atomic
def record_download(
    *,
    report: str,
    section: int,
    first: date,
    last: date,
    choices: Mapping[str, str],
    rows: int,
    actor: Actor,
    now: datetime,
) -> None:
    """Write down that somebody took a table of `rows` rows home. Raises NotYours without the right."""
    user = actor.user
    if user is None or not user.is_active or not user.has_perm(TAKE_HOME):
        raise NotYours
    audit.record(
        actor=actor,
        action="report.download",
        subject=user,
        changes={
            "report": report,
            "table": section + 1,
            "first": first.isoformat(),
            "last": last.isoformat(),
            "rows": rows,
            **choices,
        },
        now=now,
    )
