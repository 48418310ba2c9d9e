"""Ledger entries in the story of a member, and the balances as of a past moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Abs, JSONObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.acts import source_title
from backoffice.admin.display import last_day, moment, number, signed_text
from backoffice.admin.verbs import verb_url
from backoffice.masking import mask_text
from members.selectors.story import staff_name
from members.sockets import (
    Past,
    PastFigure,
    StoryEvent,
    StoryKind,
    StoryRow,
    StorySource,
    StoryVerb,
    register_past,
    register_story,
)
from points.admin.story_words import accounts_of, actor_of, codes_of, reason_text
from points.admin.timeline import UNDOABLE
from points.choices import AdjustmentStatus, EntryKind, ReasonCode
from points.explaining import sentences
from points.models import Adjustment, Entry, LotUse
from points.reach import at_other_store
from points.selectors import balances_as_of


def entry_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    rows = Entry.objects.filter(account__in=accounts_of(member_ids))
    return rows.annotate(elsewhere=at_other_store(user))


USES = LotUse.objects.filter(entry=OuterRef("pk")).order_by("lot_id")
ENTRY_FACTS = {
    "kind": F("kind"),
    "points": F("points"),
    "balance": F("balance_after"),
    "debt": F("debt_delta"),
    "unit": F("account__program__unit"),
    "program": F("account__program__name"),
    "store": F("store__name"),
    "elsewhere": F("elsewhere"),
    "reason": F("reason"),
    "note": F("note"),
    "source_type": F("source_type"),
    "source_id": F("source_id"),
    "reverses": F("reverses_id"),
    "booked": F("created_at"),
    "explanation": F("explanation"),
    "actor_type": F("actor_type"),
    "actor": staff_name(),
    "lot": F("lot__original"),
    "lot_expires": F("lot__expires_at"),
    "uses": ArraySubquery(
        USES.values(use=JSONObject(lot=F("lot_id"), points=F("points"), expires=F("lot__expires_at")))
    ),
    "undone": Subquery(
        Entry.objects.filter(reverses=OuterRef("pk"))
        .order_by()
        .values("reverses")
        .values(total=Sum(Abs("points")))
    ),
    "graced": Exists(
        Adjustment.objects.filter(lapse=OuterRef("pk")).exclude(status=AdjustmentStatus.REJECTED)
    ),
}


def tell_entry(row: StoryRow, user: Any) -> StoryEvent:
    facts = row.facts
    kind = EntryKind(facts["kind"])
    undone = int(facts["undone"] or 0)
    return StoryEvent(
        title=str(kind.label),
        detail=facts["program"],
        points=facts["points"],
        unit=facts["unit"],
        balance=facts["balance"],
        why=[*_entry_why(row), *_elsewhere(row, user)],
        tags=[_("undone %(points)s") % {"points": number(undone)}] if undone else [],
        store=facts["store"] or "",
        actor=actor_of(facts),
        verbs=_entry_verbs(row, undone, user),
    )


def _entry_why(row: StoryRow) -> list[str]:
    facts = row.facts
    lines = sentences(facts["explanation"]) or [_("No explanation was stored.")]
    if facts["reason"]:
        lines.append(_("Reason: %(reason)s") % {"reason": reason_text(facts["reason"])})
    if facts["note"]:
        lines.append(_("Note: %(note)s") % {"note": mask_text(facts["note"])})
    lots = [(use["lot"], -use["points"], use["expires"]) for use in facts["uses"]]
    if facts["lot"] is not None:
        lots.append((row.pk, facts["lot"], facts["lot_expires"]))
    lines += [_lot(*lot) for lot in lots]
    if facts["debt"]:
        lines.append(_("Debt: %(points)s") % {"points": signed_text(facts["debt"])})
    if facts["reverses"]:
        lines.append(_("Undoes entry %(entry)s") % {"entry": facts["reverses"]})
    booked = moment(datetime.fromisoformat(facts["booked"]))
    lines.append(_("Booked: %(time)s") % {"time": booked})
    lines.append(
        _("Entry %(entry)s, from %(kind)s %(id)s")
        % {"entry": row.pk, "kind": source_title(facts["source_type"]), "id": facts["source_id"]}
    )
    return lines


def _elsewhere(row: StoryRow, user: Any) -> list[str]:
    """Where to go, for somebody who misses the button."""
    if not row.facts["elsewhere"] or not user.has_perm("points.undo_entry"):
        return []
    return [_("Of another store: undone there, or by somebody who may approve corrections.")]


def _lot(lot_id: int, points: int, expires: str | None) -> str:
    values = {"lot": lot_id, "points": signed_text(points)}
    if expires is None:
        return _("Lot %(lot)s: %(points)s") % values
    values["day"] = last_day(datetime.fromisoformat(expires))
    return _("Lot %(lot)s: %(points)s, usable through %(day)s") % values


def _entry_verbs(row: StoryRow, undone: int, user: Any) -> list[StoryVerb]:
    facts = row.facts
    verbs = []
    # What another store has to undo has no button here: it would be a dead end at the counter.
    open_here = undone < abs(facts["points"]) and not facts["elsewhere"]
    if facts["kind"] in UNDOABLE and open_here and user.has_perm("points.undo_entry"):
        title = _("Undo redemption") if facts["kind"] == EntryKind.SPEND else _("Undo earning")
        verbs.append(
            StoryVerb(_("Undo"), f"{title} {number(facts['points'])}", verb_url(Entry, "undo", row.pk))
        )
    if facts["kind"] == EntryKind.EXPIRE and not facts["graced"] and user.has_perm("points.grace_points"):
        verbs.append(StoryVerb(_("Grace"), _("Give grace"), verb_url(Entry, "grace", row.pk)))
    return verbs


def search_entries(text: str) -> Q:
    return (
        Q(note__icontains=text)
        | Q(source_id__icontains=text)
        | Q(store__name__icontains=text)
        | Q(kind__in=codes_of(EntryKind.choices, text))
        | Q(reason__in=codes_of(ReasonCode.choices, text))
    )


def past_balances(member_ids: Sequence[int], user: Any, at: datetime) -> Sequence[PastFigure]:
    """Every program's balance as the ledger replayed up to then has it; a debt as a figure of its own."""
    figures = []
    for past in balances_as_of(member_ids=member_ids, moment=at):
        figures.append(PastFigure(past.program_name, past.balance, past.unit))
        if past.debt:
            figures.append(
                PastFigure(_("%(program)s, debt") % {"program": past.program_name}, past.debt, past.unit)
            )
    return figures


register_story(
    StorySource(
        key="entry",
        kinds=(StoryKind("points", gettext_lazy("Points")),),
        at="occurred_at",
        rows=entry_rows,
        facts=ENTRY_FACTS,
        tell=tell_entry,
        search=search_entries,
        permission="points.view_entry",
    )
)
register_past(Past("points", past_balances, permission="points.view_account"))
