"""One person, two rows: joining a blank card, and merging two members."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import number
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Preview, Text
from members import sockets
from members.admin.desk import MemberVerb, reason_field
from members.admin.masks import shown
from members.choices import MemberStatus
from members.errors import MergeRefused, NoSuchCard, WrongStatus
from members.models import Member
from members.selectors.search import Kind, find_members
from members.services.blank_cards import claim, is_blank
from members.services.merging import merge


def scan_field(label: Any, hint: Any) -> forms.CharField:
    attributes = {"autocomplete": "off", "autofocus": True}
    return forms.CharField(
        label=label, max_length=40, help_text=hint, widget=forms.TextInput(attrs=attributes)
    )


class JoinView(MemberVerb):
    """What two verbs have in common: another row, found by what was typed, whose things move here."""

    effect_fields = ("other",)

    def found(self, text: str) -> Member:
        """The one living member within reach that the text leads to. Raises NoSuchCard."""
        result = find_members(text=text, user=self.user)
        # A part of a number may mean somebody else by the time that it is confirmed.
        if result.kind not in (Kind.PHONE, Kind.CARD) or len(result.members) != 1:
            raise NoSuchCard
        return result.members[0]

    def figures(self, gone: Member, kept: Member) -> list[tuple[Text, Any, Any]]:
        """Of each number that the user may see: the survivor's, and both together."""
        facts = [fact for fact in sockets.facts(self.user) if fact.kind is sockets.FactKind.NUMBER]
        told = {fact.key: fact.expression(self.moment) for fact in facts}
        rows = Member.objects.filter(pk__in=(gone.pk, kept.pk)).annotate(**told).in_bulk()
        lines = []
        for fact in facts:
            mine, other = (getattr(rows[row.pk], fact.key) or 0 for row in (kept, gone))
            lines.append((fact.title, number(mine), number(mine + other)))
        return lines

    def preview(self, row: Member, asked: Mapping[str, Any], now: datetime) -> Preview:
        self.moment = now
        gone = self.found(asked["other"])
        if gone.pk == row.pk:
            raise MergeRefused(why="same")
        if gone.status != MemberStatus.ACTIVE:
            raise WrongStatus(status=gone.get_status_display())
        person = shown(gone)
        return Preview(
            figures=self.figures(gone, row),
            heads=(_("Merged member"), _("Mobile phone"), _("Card number"), _("Joined")),
            rows=[(person.name or "-", person.phone or "-", gone.card_no, gone.joined_at.date())],
            warnings=[self.warning(gone)],
        )

    def warning(self, gone: Member) -> str:
        raise NotImplementedError


class ClaimForm(VerbForm):
    other = scan_field(gettext_lazy("Card without a name"), gettext_lazy("Scan it, or type all 16 digits."))


class ClaimCardView(JoinView):
    name = "members.claim_card"
    title = gettext_lazy("Join a blank card")
    confirm_label = gettext_lazy("Join the card")
    permission = "members.claim_card"
    form_class = ClaimForm

    def warning(self, gone: Member) -> str:
        if not is_blank(gone):
            return _("This card has an owner with a name: only a merge could join the two.")
        return _("All that the card has collected moves to this member. Both cards work from then on.")

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        kept = claim(member=row, card_no=asked["other"], actor=act.actor, now=act.now)
        return {"member": kept.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The card was joined.")


class MergeForm(VerbForm):
    other = scan_field(
        gettext_lazy("The other member"), gettext_lazy("Whole phone or card number of the row that goes.")
    )
    reason = reason_field()


class MergeView(JoinView):
    name = "members.merge"
    title = gettext_lazy("Merge another member into this one")
    confirm_label = gettext_lazy("Merge")
    permission = "members.merge_member"
    form_class = MergeForm
    dangerous = True
    reauthenticate = True

    def warning(self, gone: Member) -> str:
        return _(
            "Points, receipts, tags and waiting awards move here, and the other row is closed for good: its "
            "phone and card lead to this member. This cannot be undone."
        )

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        kept = merge(
            duplicate=self.found(asked["other"]),
            survivor=row,
            reason=asked["reason"],
            actor=act.actor,
            now=act.now,
        )
        return {"member": kept.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The two are one member now.")
