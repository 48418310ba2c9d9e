"""What the owner of a file is told when a step of it is over: on the overview, and by e-mail."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.utils import translation
from django.utils.translation import gettext as _

from backoffice.choices import ImportState
from backoffice.models import ImportBatch
from backoffice.outbox_handlers import Envelope
from backoffice.services import outbox
from backoffice.services.imports.results import OUT
from backoffice.tabular.faults import file_fault_text

TOPIC = "mail.import"


def sentence(batch: ImportBatch) -> str:
    """One sentence in the reader's language: which file, what went in, what did not."""
    counts = batch.counts
    wrong = sum(int(counts.get(name, 0)) for name in (*OUT, "done:refused"))
    told = {
        "number": batch.pk,
        "file": batch.file_name,
        "brought": f"{counts.get('done:applied', 0):,}",
        "wrong": f"{wrong:,}",
        "back": f"{counts.get('done:undone', 0):,}",
        "stayed": f"{sum(int(counts.get(name, 0)) for name in ('done:kept', 'done:stuck')):,}",
        "good": f"{sum(int(counts.get(name, 0)) for name in ('new', 'changed')):,}",
        "status": batch.get_state_display(),
    }
    if batch.state == ImportState.APPLIED:
        return _("Your import #%(number)s is done: %(brought)s in, %(wrong)s wrong (%(file)s).") % told
    if batch.state == ImportState.UNDONE:
        return (
            _("Your import #%(number)s is undone: %(back)s rows back, %(stayed)s stayed (%(file)s).") % told
        )
    if batch.state == ImportState.CHECKED:
        return _("Your import #%(number)s is checked: %(good)s good, %(wrong)s wrong (%(file)s).") % told
    if batch.state == ImportState.FAILED:
        refused = _("Your import #%(number)s was refused (%(file)s).") % told
        return f"{refused} {file_fault_text(batch.problem)}"
    return _("Your import #%(number)s: %(status)s (%(file)s).") % told


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
