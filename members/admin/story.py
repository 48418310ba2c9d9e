"""The house's own part of a member's story: consents, notes, and what staff did to his row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.acts import act_title, actor_text, reason_text
from backoffice.admin.verbs import verb_url
from backoffice.masking import mask_text
from backoffice.models import AuditEvent
from members.choices import Channel, ConsentPurpose, MemberStatus, NoteKind, UnmaskPurpose
from members.models import Consent, Member, MemberNote
from members.sockets import (
    StoryEvent,
    StoryKind,
    StoryRow,
    StorySource,
    StoryVerb,
    register_story,
)

# What became of the member, by the name in the trail. Notes and consents have sources of their own.
ACTS = (
    "member.enrol", "member.replace_card", "member.change_phone", "member.verify_phone", "member.freeze",
    "member.unfreeze", "member.merge", "member.erase", "member.change_profile", "member.lock_referring_store",
)  # fmt: skip
# Looks at the person are for those who may read the trail.
LOOKS = ("member.reveal", "member.export_person")
PROFILE = ("member.change_profile", "member.lock_referring_store")
CARD_AND_PHONE = ("member.replace_card", "member.change_phone", "member.verify_phone")
TRAIL = "backoffice.view_auditevent"
# Texts of these facts name nobody and need no second mask; everything else passes `mask_text` again.
_FIELDS = {field.name: field for field in Member._meta.fields}


# --- Consents -----------------------------------------------------------------------------------------------
def consent_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    return Consent.objects.filter(member__in=member_ids)


def tell_consent(row: StoryRow, user: Any) -> StoryEvent:
    purpose = str(ConsentPurpose(row.facts["purpose"]).label)
    given = row.facts["given"]
    words = _("Consent given: %(purpose)s") if given else _("Consent withdrawn: %(purpose)s")
    version = row.facts["version"]
    return StoryEvent(
        title=words % {"purpose": purpose},
        detail=str(Channel(row.facts["source"]).label),
        why=[_("Version of the text: %(version)s") % {"version": version}] if version else [],
    )


def search_consents(text: str) -> Q:
    return Q(version__icontains=text) | Q(purpose__in=_codes(ConsentPurpose.choices, text))


# --- Notes --------------------------------------------------------------------------------------------------
def note_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    return MemberNote.objects.filter(member__in=member_ids)


def tell_note(row: StoryRow, user: Any) -> StoryEvent:
    facts = row.facts
    struck = facts["struck_by"] is not None
    title = str(NoteKind(facts["kind"]).label)
    verbs = []
    if facts["kind"] != NoteKind.STRUCK and not struck and user.has_perm("members.strike_note"):
        url = verb_url(MemberNote, "strike", row.pk)
        verbs.append(StoryVerb(_("Strike out"), _("Strike out this note"), url))
    return StoryEvent(
        title=title if facts["kind"] == NoteKind.STRUCK else _("Note: %(kind)s") % {"kind": title},
        detail=mask_text(facts["text"]),
        actor=facts["author"] or "",
        tags=[_("struck out")] if struck else [],
        struck=struck,
        verbs=verbs,
    )


def search_notes(text: str) -> Q:
    return Q(text__icontains=text)


# --- What staff did to the row ------------------------------------------------------------------------------
def act_rows(member_ids: Sequence[int], user: Any) -> QuerySet[Any]:
    actions = [*ACTS, *(LOOKS if user.has_perm(TRAIL) else ())]
    return AuditEvent.objects.filter(
        subject_type="members.member", subject_id__in=[str(pk) for pk in member_ids], action__in=actions
    )


def tell_act(row: StoryRow, user: Any) -> StoryEvent:
    facts = row.facts
    action = facts["action"]
    changes = facts["changes"] or {}
    title = act_title(action)
    why = list(_changed(changes)) if user.has_perm(TRAIL) else []
    if "purpose" in changes and changes["purpose"] in UnmaskPurpose.values:
        title = f"{title}: {UnmaskPurpose(changes['purpose']).label}"
    return StoryEvent(title=title, detail=reason_text(facts["reason"]), actor=_actor(facts), why=why)


def search_acts(text: str) -> Q:
    titles = [(code, act_title(code)) for code in (*ACTS, *LOOKS)]
    return Q(reason__icontains=text) | Q(action__in=_codes(titles, text))


def _actor(facts: Mapping[str, Any]) -> str:
    return actor_text(facts["actor_type"], facts["actor_id"], facts["actor"])


def _changed(changes: dict[str, Any]) -> Sequence[str]:
    """Old and new value as the trail keeps them: masked."""
    return [
        f"{_field_name(name)}: {_value(name, pair[0])} → {_value(name, pair[1])}"
        for name, pair in changes.items()
        if isinstance(pair, list) and len(pair) == 2
    ]


def _field_name(name: str) -> str:
    return str(_FIELDS[name].verbose_name) if name in _FIELDS else name


def _value(name: str, value: Any) -> str:
    if value in (None, ""):
        return "-"
    if name == "status" and value in MemberStatus.values:
        return str(MemberStatus(value).label)
    return mask_text(str(value))


def _codes(choices: Sequence[tuple[str, Any]], text: str) -> list[str]:
    """The codes whose words hold the text: people look for what they read."""
    return [code for code, label in choices if text.casefold() in str(label).casefold()]


AUTHOR = Coalesce(NullIf("author__name", Value("")), "author__username")

register_story(
    StorySource(
        key="consent",
        kinds=(StoryKind("consent", gettext_lazy("Consents")),),
        at="at",
        rows=consent_rows,
        facts={"purpose": F("purpose"), "given": F("given"), "version": F("version"), "source": F("source")},
        tell=tell_consent,
        search=search_consents,
        permission="members.view_consent",
    )
)
register_story(
    StorySource(
        key="note",
        kinds=(StoryKind("note", gettext_lazy("Staff notes")),),
        at="at",
        rows=note_rows,
        facts={"kind": F("kind"), "text": F("text"), "author": AUTHOR, "struck_by": F("struck_by__pk")},
        tell=tell_note,
        search=search_notes,
        permission="members.view_membernote",
    )
)
register_story(
    StorySource(
        key="act",
        kinds=(
            StoryKind("card", gettext_lazy("Card and phone"), Q(action__in=CARD_AND_PHONE)),
            StoryKind("profile", gettext_lazy("Profile"), Q(action__in=PROFILE)),
            StoryKind(
                "standing",
                gettext_lazy("Standing"),
                Q(action__in=[name for name in ACTS if name not in (*CARD_AND_PHONE, *PROFILE)]),
            ),
            StoryKind("look", gettext_lazy("Looks"), Q(action__in=list(LOOKS))),
        ),
        at="at",
        rows=act_rows,
        facts={
            "action": F("action"),
            "reason": F("reason"),
            "actor": F("actor_name"),
            "actor_type": F("actor_type"),
            "actor_id": F("actor_id"),
            "changes": F("changes"),
        },
        tell=tell_act,
        search=search_acts,
        permission="members.view_member",
    )
)
