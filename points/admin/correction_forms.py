"""What the correction verbs ask for, and how their effect is shown."""

from __future__ import annotations

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import last_day, number, signed
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Bounds, Preview, Text
from points.choices import ReasonCode
from points.reporting.allowance import Allowance, Room
from points.services import previews

MOST = 9_999_999
# What staff may name; the other codes are the system's own.
STAFF_REASONS = (
    ReasonCode.MISSING_EARN,
    ReasonCode.WRONG_EARN,
    ReasonCode.WRONG_REDEMPTION,
    ReasonCode.GOODWILL,
    ReasonCode.SYSTEM_FAULT,
    ReasonCode.OTHER,
)
GRACE_DAYS = 30


def reason_field() -> forms.ChoiceField:
    choices = [("", gettext_lazy("Choose")), *((code.value, code.label) for code in STAFF_REASONS)]
    return forms.ChoiceField(label=gettext_lazy("Reason"), choices=choices)


def note_field() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Note"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("In words, for whoever looks at it later. No phone numbers."),
    )


def zero_refused(value: int) -> None:
    if value == 0:
        raise forms.ValidationError(gettext_lazy("Type a number other than 0."))


class CorrectForm(VerbForm):
    points = forms.IntegerField(
        label=gettext_lazy("Points"),
        validators=[MinValueValidator(-MOST), MaxValueValidator(MOST), zero_refused],
        help_text=gettext_lazy("200 gives 200 points, -200 takes them."),
        widget=forms.NumberInput(attrs={"autofocus": True}),
    )
    reason = reason_field()
    note = note_field()


class UndoForm(VerbForm):
    points = forms.IntegerField(
        label=gettext_lazy("Points to undo"),
        min_value=1,
        max_value=MOST,
        help_text=gettext_lazy("All that is left of the entry, unless you type less."),
    )
    reason = reason_field()
    note = note_field()


class GraceForm(VerbForm):
    days = forms.IntegerField(label=gettext_lazy("Usable for days"), min_value=1, max_value=366)
    note = note_field()


class ReleaseForm(VerbForm):
    reason = reason_field()
    note = note_field()


class DecisionForm(VerbForm):
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


def bounds_of(left: Allowance) -> Bounds:
    """The day's limits as the verb page tells them, before anybody types."""
    shop = _("This store today: %(store)s") % {"store": left.shop} if left.shop else _("The office today")
    rooms = ((_("This member today"), left.member), (_("You today"), left.person), (shop, left.store))
    figures: list[tuple[Text, str, bool]] = [(_("One correction"), _most(left.request), not left.request)]
    figures += [(label, _left(room), not room.left) for label, room in rooms]
    if left.now:
        beyond = _("Up to %(points)s points are given at once. More waits for a second person.")
    else:
        beyond = _("Nothing is left for today: what you give waits for a second person.")
    return Bounds(figures, beyond % {"points": number(left.now)})


def _most(points: int) -> str:
    return _("at most %(points)s points") % {"points": number(points)}


def _left(room: Room) -> str:
    return _("%(left)s of %(most)s left") % {"left": number(room.left), "most": number(room.most)}


def effect(preview: previews.Preview) -> Preview:
    """A service's preview as the verb page shows it."""
    warnings: list[Text] = []
    if preview.waiting:
        warnings.append(
            _("This needs a second person: the request will wait, and no points move until then.")
        )
    if preview.lapsing_points:
        warnings.append(
            _("%(points)s of these points are past their last day and lapse again at once.")
            % {"points": number(preview.lapsing_points)}
        )
    figures = [(_("Balance"), number(preview.balance_before), number(preview.balance_after))]
    if preview.held_before != preview.held_after:
        figures.append((_("Held"), number(preview.held_before), number(preview.held_after)))
        free = preview.balance_before - preview.held_before, preview.balance_after - preview.held_after
        figures.append((_("Available"), number(free[0]), number(free[1])))
    if preview.debt_before or preview.debt_after:
        figures.append((_("Debt"), number(preview.debt_before), number(preview.debt_after)))
    rows = [
        (
            _("New lot") if change.new else _("Lot %(id)s") % {"id": change.lot_id},
            signed(change.points),
            _("never") if change.expires_at is None else last_day(change.expires_at),
            _("lapsed") if change.lapsed else "",
        )
        for change in preview.lots
    ]
    return Preview(figures, (_("Lot"), _("Points"), _("Usable through"), "") if rows else (), rows, warnings)
