"""The ledger of one account as staff read it: each entry with its why, its lots, and what may be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from backoffice.acts import actor_text
from backoffice.admin.verbs import verb_url
from backoffice.choices import ActorType
from backoffice.models import User
from points.choices import CREDIT_KINDS, AdjustmentStatus, EntryKind, ReasonCode
from points.explaining import sentences
from points.models import Account, Adjustment, Entry, Hold
from points.reach import acts_for_all_stores
from points.selectors import timeline

PAGE = 20
UNDOABLE = (EntryKind.SPEND.value, *CREDIT_KINDS)


@dataclass(frozen=True, slots=True)
class LotLine:
    """What an entry made (`points` > 0) of a lot or took out of it (< 0)."""

    lot_id: int
    points: int
    expires_at: Any


@dataclass(frozen=True, slots=True)
class EntryVerb:
    """A button: short `label` in the row, `title` for whoever cannot see the row."""

    label: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the timeline. `verbs` are what this user may do with the entry."""

    entry: Entry
    actor: str
    reason: str
    why: list[str]
    lots: list[LotLine]
    undone: int
    verbs: list[EntryVerb]


@dataclass(frozen=True, slots=True)
class Page:
    """Lines newest first; `older` is the number before which the next page starts, None at the end."""

    lines: list[Line]
    older: int | None


def page_of(*, account: Account, user: Any, before: int | None = None) -> Page:
    """A page of the account's ledger; the number of queries does not grow with its length."""
    entries = timeline(account=account, before_seq=before, limit=PAGE + 1)
    shown = entries[:PAGE]
    names = _staff_names(shown)
    graced = _graced(shown, user)
    elsewhere = _elsewhere(shown, user)
    lines = [_line(entry, user, names, graced, elsewhere) for entry in shown]
    return Page(lines, shown[-1].seq if len(entries) > PAGE else None)


def _line(entry: Entry, user: Any, names: dict[str, str], graced: set[int], elsewhere: set[int]) -> Line:
    lots = [LotLine(use.lot_id, -use.points, use.lot.expires_at) for use in entry.lot_uses.all()]
    if hasattr(entry, "lot"):
        lots.append(LotLine(entry.lot.pk, entry.lot.original, entry.lot.expires_at))
    undone = sum(abs(reversal.points) for reversal in entry.reversals.all())
    return Line(
        entry=entry,
        actor=_actor(entry, names),
        reason=str(dict(ReasonCode.choices).get(entry.reason, entry.reason)),
        why=sentences(entry.explanation),
        lots=lots,
        undone=undone,
        verbs=_verbs(entry, user, undone, graced, elsewhere),
    )


def _verbs(entry: Entry, user: Any, undone: int, graced: set[int], elsewhere: set[int]) -> list[EntryVerb]:
    verbs = []
    open_here = undone < abs(entry.points) and entry.pk not in elsewhere
    if entry.kind in UNDOABLE and open_here and user.has_perm("points.undo_entry"):
        title = _("Undo redemption") if entry.kind == EntryKind.SPEND else _("Undo earning")
        verbs.append(EntryVerb(_("Undo"), title, verb_url(Entry, "undo", entry.pk)))
    if entry.kind == EntryKind.EXPIRE and entry.pk not in graced and user.has_perm("points.grace_points"):
        verbs.append(EntryVerb(_("Grace"), _("Give grace"), verb_url(Entry, "grace", entry.pk)))
    return verbs


def _elsewhere(entries: Sequence[Entry], user: Any) -> set[int]:
    """The entries that another store has to undo."""
    if acts_for_all_stores(user):
        return set()
    own = set(user.stores.values_list("pk", flat=True))
    return {entry.pk for entry in entries if entry.store_id is not None and entry.store_id not in own}


def _staff_names(entries: Sequence[Entry | Hold]) -> dict[str, str]:
    ids = {entry.actor_id for entry in entries if entry.actor_type == ActorType.STAFF}
    known = [int(pk) for pk in ids if pk.isdigit()]
    return {str(user.pk): str(user) for user in User.objects.filter(pk__in=known)} if known else {}


def _actor(entry: Entry | Hold, names: dict[str, str]) -> str:
    return actor_text(entry.actor_type, entry.actor_id, names.get(entry.actor_id, ""))


def actor_name(row: Entry | Hold) -> str:
    """Who made one row of the books, in words."""
    return _actor(row, _staff_names([row]))


def _graced(entries: Sequence[Entry], user: Any) -> set[int]:
    """The lapses for which grace was asked and not refused."""
    lapses = [entry.pk for entry in entries if entry.kind == EntryKind.EXPIRE]
    if not lapses or not user.has_perm("points.grace_points"):
        return set()
    live = Adjustment.objects.exclude(status=AdjustmentStatus.REJECTED).filter(lapse__in=lapses)
    return set(live.values_list("lapse", flat=True))
