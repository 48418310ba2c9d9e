"""What people are told about a file: its owner when a step of it is over, on the overview, by e-mail and by a
notice; whoever may approve it when it waits for him.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.utils import formats, timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from backoffice.actors import Actor
from backoffice.choices import ImportState, NoticeKind, NoticeSubject
from backoffice.models import ImportBatch
from backoffice.outbox_handlers import Envelope
from backoffice.selectors import approvers_of
from backoffice.services import notices, outbox
from backoffice.services.imports.columns import Text
from backoffice.services.imports.results import OUT
from backoffice.tabular.faults import file_fault_text

TOPIC = "mail.import"
WAITING = "waiting"
# What the end of a step is called; a batch in another state has no end to tell.
ENDS: dict[str, NoticeKind] = {
    ImportState.CHECKED: NoticeKind.IMPORT_CHECKED,
    ImportState.APPLIED: NoticeKind.IMPORT_APPLIED,
    ImportState.UNDONE: NoticeKind.IMPORT_UNDONE,
    ImportState.FAILED: NoticeKind.IMPORT_REFUSED,
}
LINES: dict[str, Text] = {
    NoticeKind.IMPORT_CHECKED: _(
        "Your import #%(number)s is checked: %(good)s good, %(wrong)s wrong (%(file)s)."
    ),
    NoticeKind.IMPORT_APPLIED: _(
        "Your import #%(number)s is done: %(brought)s in, %(wrong)s wrong (%(file)s)."
    ),
    NoticeKind.IMPORT_UNDONE: _(
        "Your import #%(number)s is undone: %(back)s rows back, %(stayed)s stayed (%(file)s)."
    ),
    NoticeKind.IMPORT_REFUSED: _("Your import #%(number)s was refused (%(file)s)."),
    NoticeKind.IMPORT_HELD: _(
        "Your import #%(number)s is approved; its rows wait until %(until)s (%(file)s)."
    ),
    NoticeKind.IMPORT_DROPPED: _(
        "Your import #%(number)s was put away by somebody else; nothing was written (%(file)s)."
    ),
    NoticeKind.IMPORT_WAITING: _(
        "Import #%(number)s waits for your approval: %(good)s rows to bring in (%(file)s)."
    ),
}
OTHERWISE = _("Your import #%(number)s: %(status)s (%(file)s).")


def figures(batch: ImportBatch) -> dict[str, int]:
    """The numbers that its sentences tell, as the batch stands now."""
    counts = batch.counts
    return {
        "brought": int(counts.get("done:applied", 0)),
        "wrong": sum(int(counts.get(name, 0)) for name in (*OUT, "done:refused")),
        "back": int(counts.get("done:undone", 0)),
        "stayed": sum(int(counts.get(name, 0)) for name in ("done:kept", "done:stuck")),
        "good": sum(int(counts.get(name, 0)) for name in ("new", "changed")),
    }


def line(kind: str, batch: ImportBatch, facts: Mapping[str, Any]) -> str:
    """The sentence of a notice in the reader's language; `facts` are the figures of its moment."""
    told: dict[str, Any] = {"number": batch.pk, "file": batch.file_name, "status": batch.get_state_display()}
    told |= {name: f"{value:,}" for name, value in facts.items() if isinstance(value, int)}
    if until := parse_datetime(str(facts.get("until", ""))):
        told["until"] = formats.date_format(timezone.localtime(until), "DATETIME_FORMAT")
    return str(LINES.get(kind, OTHERWISE)) % told


def sentence(batch: ImportBatch) -> str:
    """One sentence in the reader's language: which file, what went in, what did not."""
    told = line(ENDS.get(batch.state, ""), batch, figures(batch))
    return f"{told} {file_fault_text(batch.problem)}" if batch.state == ImportState.FAILED else told


def notify_owner(batch: ImportBatch, now: datetime) -> None:
    """The notice of a step that is over, once for its job."""
    kind = ENDS[batch.state]
    _notice([batch.owner_id], kind, f"{kind.value}:{batch.job_id}", batch, now)


def ask_approvers(batch: ImportBatch, now: datetime) -> None:
    """Whoever may say yes is told that the file waits for him."""
    asked = approvers_of(batch).values_list("pk", flat=True)
    _notice(list(asked), NoticeKind.IMPORT_WAITING, WAITING, batch, now)


def approved(batch: ImportBatch, now: datetime) -> None:
    """Nobody else has to look at it; the owner hears that his rows rest, where they do."""
    notices.settle(key=_key(batch, WAITING), now=now)
    if batch.held_until is not None:
        more = {"until": batch.held_until.isoformat()}
        _notice([batch.owner_id], NoticeKind.IMPORT_HELD, "held", batch, now, **more)


def dropped(batch: ImportBatch, actor: Actor, now: datetime) -> None:
    """The owner hears that somebody else has put his file away."""
    notices.settle(key=_key(batch, WAITING), now=now)
    if actor.user is not None and actor.user.pk != batch.owner_id:
        _notice([batch.owner_id], NoticeKind.IMPORT_DROPPED, "dropped", batch, now)


def _notice(
    users: list[int | None], kind: NoticeKind, matter: str, batch: ImportBatch, now: datetime, **more: str
) -> None:
    notices.put(
        users=users, kind=kind, key=_key(batch, matter), subject=(NoticeSubject.IMPORT, batch.pk),
        facts={**figures(batch), **more}, now=now,
    )  # fmt: skip


def _key(batch: ImportBatch, matter: str) -> str:
    return f"import:{batch.pk}:{matter}"


def queue_mail(batch: ImportBatch, what: str) -> None:
    """A letter to the owner, if he has an address. Part of the transaction of what it tells."""
    if batch.owner is not None and batch.owner.email:
        outbox.publish(topic=f"{TOPIC}.{what}", subject_id=batch.pk, payload={"import": batch.pk})


def send_letter(envelope: Envelope) -> None:
    """Handler of the outbox. Nobody knows which language a person reads best, so the letter has both.

    It carries numbers and the file's name, and nobody out of the file. Whoever left gets none.
    """
    batch = ImportBatch.objects.select_related("owner").filter(pk=envelope.payload["import"]).first()
    if batch is None or batch.owner is None or not (batch.owner.is_active and batch.owner.email):
        return
    said = []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            said.append(sentence(batch))
    send_mail(said[0], "\n\n".join(said), settings.DEFAULT_FROM_EMAIL, [batch.owner.email])
