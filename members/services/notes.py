"""Staff notes: written once, struck out by a second row, never edited."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.masking import mask_text
from backoffice.services import audit
from members.choices import NoteKind
from members.errors import NoteAlreadyStruck, NoteEmpty
from members.models import Member, MemberNote
from members.services.rows import locked, required_reason

LENGTH = 1000


@transaction.atomic
def add_note(
    *, member: Member, text: str, actor: Actor, now: datetime, kind: str = NoteKind.GENERAL.value
) -> MemberNote:
    """Write a note down. Phone numbers and e-mail addresses in it are masked: everybody at the desk reads it.

    Raises NoteEmpty, WrongStatus unless the member is living.
    """
    if kind not in NoteKind.values or kind == NoteKind.STRUCK:
        raise ValueError(f"no kind of a new note: {kind!r}")
    words = _tidy(text)
    if not words:
        raise NoteEmpty()
    row = locked(member)
    note = add_first(row, words, kind, actor, now)
    audit.record(
        actor=actor,
        action="note.add",
        subject=row,
        changes={"kind": ["", kind], "note": ["", note.pk]},
        now=now,
    )
    return note


def add_first(member: Member, text: str, kind: str, actor: Actor, now: datetime) -> MemberNote:
    """The row itself, inside the transaction of a verb that records the act."""
    return MemberNote.objects.create(
        member=member, author=actor.user, kind=kind, text=mask_text(_tidy(text))[:LENGTH], at=now
    )


@transaction.atomic
def strike_note(*, note: MemberNote, reason: str, actor: Actor, now: datetime) -> MemberNote:
    """Take a note back by a second row that says why. The first stays readable, struck through.

    Raises ReasonMissing, NoteAlreadyStruck (also for a row that strikes another), WrongStatus unless the
    member is living.
    """
    why = required_reason(reason)
    row = locked(note.member)
    if note.kind == NoteKind.STRUCK:
        raise NoteAlreadyStruck()
    try:
        with transaction.atomic():
            struck = MemberNote.objects.create(
                member=row,
                author=actor.user,
                kind=NoteKind.STRUCK,
                text=mask_text(_tidy(why))[:LENGTH],
                strikes=note,
                at=now,
            )
    except IntegrityError as error:
        raise NoteAlreadyStruck() from error
    audit.record(
        actor=actor, action="note.strike", subject=row, changes={"note": [note.pk, ""]}, reason=why, now=now
    )
    return struck


def _tidy(text: str) -> str:
    """Without control characters and marks that turn the direction of writing; line breaks stay."""
    kept = "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf"))
    return unicodedata.normalize("NFC", kept).strip()
