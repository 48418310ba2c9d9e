"""Notes and consents that staff write down for a member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Preview, Text, visible_or_404
from members.admin.desk import MemberVerb, page_url, reason_field
from members.choices import Channel, ConsentPurpose, NoteKind
from members.models import Member, MemberNote
from members.selectors.consents import latest_consent
from members.services import consents
from members.services.notes import LENGTH, add_note, strike_note

# Where a form that staff key in may come from.
PAPER_OR_COUNTER = ((Channel.PAPER.value, Channel.PAPER.label), (Channel.STORE.value, Channel.STORE.label))


class NoteForm(VerbForm):
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[choice for choice in NoteKind.choices if choice[0] != NoteKind.STRUCK],
    )
    text = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=LENGTH,
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
        help_text=gettext_lazy(
            "Everybody at the desk reads it, and the member may ask for it. It cannot be edited later, only "
            "struck out."
        ),
    )


class AddNoteView(MemberVerb):
    name = "members.add_note"
    title = gettext_lazy("Add a note")
    confirm_label = gettext_lazy("Save the note")
    permission = "members.note_member"
    form_class = NoteForm

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        note = add_note(member=row, kind=asked["kind"], text=asked["text"], actor=act.actor, now=act.now)
        return {"note": note.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The note was saved.")


class StrikeForm(VerbForm):
    reason = reason_field()


class StrikeNoteView(MemberVerb):
    """Starts from a note; it stays readable, struck through."""

    name = "members.strike_note"
    title = gettext_lazy("Strike out this note")
    confirm_label = gettext_lazy("Strike out")
    permission = "members.strike_note"
    form_class = StrikeForm
    dangerous = True

    def fetch(self, user: Any, pk: int) -> Any:
        rows = MemberNote.objects.filter(member__in=Member.objects.visible_to(user)).select_related("member")
        return visible_or_404(rows, user, pk)

    def summary(self, row: Any) -> Sequence[tuple[Text, Any]]:
        return (
            (_("Card number"), row.member.card_no),
            (_("Kind"), row.get_kind_display()),
            (_("Note"), row.text),
        )

    def perform(self, row: Any, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        struck = strike_note(note=row, reason=asked["reason"], actor=act.actor, now=act.now)
        return {"note": struck.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The note was struck out.")

    def back_url(self, row: Any) -> str:
        return page_url(row.member_id)


GIVEN, WITHDRAWN = "given", "withdrawn"


class ConsentForm(VerbForm):
    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), choices=ConsentPurpose.choices)
    answer = forms.ChoiceField(
        label=gettext_lazy("Answer"),
        choices=[(GIVEN, gettext_lazy("given")), (WITHDRAWN, gettext_lazy("withdrawn"))],
    )
    source = forms.ChoiceField(label=gettext_lazy("Where from"), choices=PAPER_OR_COUNTER)
    signed_on = forms.DateField(
        label=gettext_lazy("Date on the form"),
        help_text=gettext_lazy("A later answer of the member stays the one that counts."),
    )
    version = forms.CharField(
        label=gettext_lazy("Version of the text"), max_length=32, required=False,
        help_text=gettext_lazy("As printed on the form; empty if there is none."),
    )  # fmt: skip


class ConsentView(MemberVerb):
    name = "members.record_consent"
    title = gettext_lazy("Record a consent")
    confirm_label = gettext_lazy("Save")
    permission = "members.record_consent"
    form_class = ConsentForm
    effect_fields = ("purpose", "answer", "signed_on")

    def initial(self, row: Member) -> dict[str, Any]:
        return {"signed_on": timezone.localdate()}

    def preview(self, row: Member, asked: Mapping[str, Any], now: datetime) -> Preview:
        at = consents.answered_at(asked["signed_on"], now)
        latest = latest_consent(row, asked["purpose"])
        words = {True: _("given"), False: _("withdrawn"), None: _("never asked")}
        before = words[latest.given if latest else None]
        overtaken = latest is not None and latest.at > at
        after = before if overtaken else words[asked["answer"] == GIVEN]
        warnings = (
            [_("The member answered later than this form; his later answer stays.")] if overtaken else []
        )
        label = ConsentPurpose(asked["purpose"]).label
        return Preview(figures=[(label, before, after)], warnings=warnings)

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        common = {
            "member": row,
            "purpose": asked["purpose"],
            "source": asked["source"],
            "signed_on": asked["signed_on"],
            "actor": act.actor,
            "now": act.now,
        }
        if asked["answer"] == GIVEN:
            return {"consent": consents.give(version=asked["version"], **common).pk}
        return {"consent": consents.withdraw(**common).pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The answer was recorded.")
