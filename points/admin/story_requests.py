"""What waits or waited for somebody in the story of a member: corrections asked, holds, waiting points."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.display import moment, number, signed_text
from backoffice.admin.verbs import verb_url
from backoffice.masking import mask_text
from members.selectors.story import staff_name
from members.sockets import StoryEvent, StoryKind, StoryRow, StorySource, StoryVerb, register_story
from points.admin.story_words import accounts_of, actor_of, codes_of, reason_text
from points.choices import AdjustmentStatus, HoldStatus, PendingStatus, ReasonCode
from points.explaining import sentences
from points.models import Adjustment, Hold, PendingCredit


def asked_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    """Requests that need or needed a second person; the others are their entry."""
    return Adjustment.objects.filter(account__in=accounts_of(member_ids), needs_approval=True)


def decided_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    return asked_rows(member_ids, user).filter(decided_at__isnull=False)


CORRECTION_FACTS = {
    "points": F("points"),
    "unit": F("account__program__unit"),
    "reason": F("reason"),
    "note": F("note"),
    "status": F("status"),
    "asked_by": F("requested_by__name"),
    "approved_by": F("approved_by__name"),
    "undoes": F("undoes_id"),
}


def tell_asked(row: StoryRow, user: Any) -> StoryEvent:
    facts = row.facts
    status = AdjustmentStatus(facts["status"])
    waiting = status == AdjustmentStatus.PENDING
    verbs = []
    if waiting and user.has_perm("points.approve_correction"):
        verbs.append(
            StoryVerb(_("Decide"), _("Decide on this correction"), verb_url(Adjustment, "approve", row.pk))
        )
    words = _("Undoing asked: %(points)s") if facts["undoes"] else _("Correction asked: %(points)s")
    return StoryEvent(
        title=words % {"points": signed_text(facts["points"])},
        detail=reason_text(facts["reason"]),
        why=[_("Note: %(note)s") % {"note": mask_text(facts["note"])}] if facts["note"] else [],
        tags=[str(status.label)],
        actor=facts["asked_by"] or "",
        verbs=verbs,
    )


def tell_decided(row: StoryRow, user: Any) -> StoryEvent:
    facts = row.facts
    rejected = facts["status"] == AdjustmentStatus.REJECTED
    if facts["undoes"]:
        words = _("Undoing rejected: %(points)s") if rejected else _("Undoing approved: %(points)s")
    else:
        words = _("Correction rejected: %(points)s") if rejected else _("Correction approved: %(points)s")
    return StoryEvent(
        title=words % {"points": signed_text(facts["points"])},
        detail=reason_text(facts["reason"]),
        actor=facts["approved_by"] or "",
    )


def search_corrections(text: str) -> Q:
    return Q(note__icontains=text) | Q(reason__in=codes_of(ReasonCode.choices, text))


# --- Holds and waiting points -------------------------------------------------------------------------------
def hold_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    return Hold.objects.filter(account__in=accounts_of(member_ids))


def tell_hold(row: StoryRow, user: Any) -> StoryEvent:
    facts = row.facts
    status = HoldStatus(facts["status"])
    why = [_("Lapses: %(time)s") % {"time": moment(datetime.fromisoformat(facts["lapses"]))}]
    if facts["settled"]:
        why.append(_("Settled: %(time)s") % {"time": moment(datetime.fromisoformat(facts["settled"]))})
    if facts["captured"]:
        why.append(_("Captured: %(points)s") % {"points": number(facts["captured"])})
    return StoryEvent(
        title=_("Points held: %(points)s") % {"points": number(facts["points"])},
        detail=facts["program"],
        tags=[str(status.label)],
        why=why,
        store=facts["store"] or "",
        actor=actor_of(facts),
        verbs=_hold_verbs(row, status, user),
    )


def _hold_verbs(row: StoryRow, status: HoldStatus, user: Any) -> list[StoryVerb]:
    if status != HoldStatus.OPEN or not user.has_perm("points.release_hold"):
        return []
    return [StoryVerb(_("Release"), _("Release this hold"), verb_url(Hold, "release", row.pk))]


def pending_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    """What is confirmed has become an entry and speaks for itself."""
    rows = PendingCredit.objects.filter(account__in=accounts_of(member_ids))
    return rows.exclude(status=PendingStatus.CONFIRMED)


def tell_pending(row: StoryRow, user: Any) -> StoryEvent:
    facts = row.facts
    confirmed = _("Confirmed from: %(time)s") % {"time": moment(datetime.fromisoformat(facts["confirm"]))}
    return StoryEvent(
        title=_("Points waiting: %(points)s") % {"points": number(facts["points"])},
        detail=facts["program"],
        tags=[str(PendingStatus(facts["status"]).label)],
        why=[*sentences(facts["explanation"]), confirmed],
        store=facts["store"] or "",
    )


def search_stored(text: str) -> Q:
    return Q(source_id__icontains=text) | Q(store__name__icontains=text)


CORRECTIONS = gettext_lazy("Corrections")

register_story(
    StorySource(
        key="asked",
        kinds=(StoryKind("correction", CORRECTIONS),),
        at="created_at",
        rows=asked_rows,
        facts=CORRECTION_FACTS,
        tell=tell_asked,
        search=search_corrections,
        permission="points.view_adjustment",
    )
)
register_story(
    StorySource(
        key="decided",
        kinds=(StoryKind("correction", CORRECTIONS),),
        at="decided_at",
        rows=decided_rows,
        facts=CORRECTION_FACTS,
        tell=tell_decided,
        search=search_corrections,
        permission="points.view_adjustment",
    )
)
register_story(
    StorySource(
        key="hold",
        kinds=(StoryKind("hold", gettext_lazy("Held and waiting")),),
        at="created_at",
        rows=hold_rows,
        facts={
            "points": F("points"),
            "captured": F("captured"),
            "status": F("status"),
            "program": F("account__program__name"),
            "store": F("store__name"),
            "lapses": F("expires_at"),
            "settled": F("settled_at"),
            "actor_type": F("actor_type"),
            "actor": staff_name(),
        },
        tell=tell_hold,
        search=search_stored,
        permission="points.view_hold",
    )
)
register_story(
    StorySource(
        key="pending",
        kinds=(StoryKind("hold", gettext_lazy("Held and waiting")),),
        at="occurred_at",
        rows=pending_rows,
        facts={
            "points": F("points"),
            "status": F("status"),
            "program": F("account__program__name"),
            "store": F("store__name"),
            "confirm": F("confirm_at"),
            "explanation": F("explanation"),
        },
        tell=tell_pending,
        search=search_stored,
        permission="points.view_pendingcredit",
    )
)
