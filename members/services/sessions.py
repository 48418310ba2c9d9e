"""Devices that are signed in: opaque tokens, bound to the device, replaced at each refresh, ended at once.

Lock order: member before session. Only hashes are stored; a token is drawn again from its row where an answer
has to be repeated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import transaction

from backoffice import prepared
from backoffice.actors import Actor
from backoffice.errors import NotAuthenticated, OutOfReach
from backoffice.services import audit
from members.choices import MemberStatus
from members.errors import RefreshRefused
from members.models import Member, MemberSession
from members.services.rows import locked
from members.services.secrets_of_rows import new_nonce, same, token_hash, token_of

ACCESS_BEGINNING, REFRESH_BEGINNING = "skm_", "skr_"
ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=60)
# More devices than this and the longest unused one is signed out.
MOST_SESSIONS = 10
LAST_USED_EXACT_TO = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the device keeps. Never stored here."""

    access: str
    refresh: str


def tokens_of(*, session_id: int, generation: int) -> Tokens:
    """The pair of a generation, drawn anew for an answer; raises MemberSession.DoesNotExist."""
    session = MemberSession.objects.only("nonce").get(pk=session_id)
    return _drawn(session_id, session.nonce, generation)


@transaction.atomic
def open_session(
    *, member: Member, device_id: str, device_name: str, actor: Actor, now: datetime
) -> MemberSession:
    """Sign a device in. The same device signing in again ends its earlier session.

    Raises WrongStatus for a member who is erased or merged.
    """
    row = locked(member)
    live = MemberSession.objects.filter(member=row, revoked_at=None)
    live.filter(device_hash=_device(device_id)).update(revoked_at=now, revoked_why="signed_in_again")
    kept = list(live.order_by("-last_used_at", "-pk").values_list("pk", flat=True)[: MOST_SESSIONS - 1])
    live.exclude(pk__in=kept).update(revoked_at=now, revoked_why="too_many")
    nonce = new_nonce()
    session = MemberSession(
        member=row,
        device_name=device_name[:60],
        device_hash=_device(device_id),
        nonce=nonce,
        access_hash=new_nonce(),
        access_expires_at=now + ACCESS_LIFE,
        refresh_expires_at=now + REFRESH_LIFE,
        created_at=now,
        last_used_at=now,
    )
    session.save(force_insert=True)
    # The tokens name the row, so it has to be there before they can be drawn.
    session.access_hash = token_hash(_drawn(session.pk, nonce, 1).access)
    session.save(update_fields=["access_hash"])
    audit.record(
        actor=actor, action="session.open", subject=row, changes={"session": [None, session.pk]}, now=now
    )
    return session


def authenticate(*, access: str, now: datetime) -> tuple[int, Member]:
    """The live session behind an access token, by its id, and its member. Raises NotAuthenticated.

    Asked at every request: a revoked device is out with its next one. A frozen member may look.
    """
    row = prepared.opening(_session_sql(), [token_hash(access), now])
    if row is None:
        raise NotAuthenticated(_session_of(access))
    session_id, last_used_at = row[:2]
    member: Member = prepared.made(Member, row[2:])
    if member.status not in (MemberStatus.ACTIVE, MemberStatus.FROZEN):
        raise NotAuthenticated(_session_of(access))
    if now - last_used_at >= LAST_USED_EXACT_TO:
        MemberSession.objects.filter(pk=session_id, last_used_at=last_used_at).update(last_used_at=now)
    return session_id, member


def _session_of(access: str) -> str:
    """What a token that is over is counted under: it was somebody's, who is no stranger. Empty for none's."""
    once = MemberSession.objects.filter(access_hash=token_hash(access)).values_list("pk", flat=True)
    return next((f"session:{pk}" for pk in once), "")


@cache
def _session_sql() -> str:
    return (
        f"SELECT s.id, s.last_used_at, {prepared.columns(Member, 'm')}"
        " FROM members_membersession s JOIN members_member m ON m.id = s.member_id"
        " WHERE s.access_hash = %s AND s.revoked_at IS NULL AND s.access_expires_at > %s"
    )


@transaction.atomic
def refresh(*, token: str, device_id: str, now: datetime) -> MemberSession:
    """The session with its next pair of tokens; the old pair is dead at once.

    Raises RefreshRefused, whatever is wrong. Call `end_if_copied` then: what a refusal writes is rolled back.
    """
    session_id, generation = _parts(token)
    session = MemberSession.objects.select_for_update().filter(pk=session_id).first()
    if session is None or not same(token, _drawn(session.pk, session.nonce, generation).refresh):
        raise RefreshRefused
    if session.revoked_at or session.refresh_expires_at <= now:
        raise RefreshRefused
    if generation != session.generation or session.device_hash != _device(device_id):
        raise RefreshRefused
    _next_generation(session, now)
    return session


def holder_of(*, token: str, now: datetime) -> int | None:
    """The number of the live session that this refresh token, or one before it, was made for; else None."""
    try:
        session_id, generation = _parts(token)
    except RefreshRefused:
        return None
    rows = MemberSession.objects.filter(revoked_at=None, refresh_expires_at__gt=now)
    session = rows.filter(pk=session_id).only("nonce").first()
    if session is None or not same(token, _drawn(session.pk, session.nonce, generation).refresh):
        return None
    return int(session.pk)


@transaction.atomic(durable=True)
def end_if_copied(*, token: str, device_id: str, actor: Actor, now: datetime) -> bool:
    """Sign the device out when `token` was used before or comes from another device; True when it was live.

    For a refresh that was refused. A retry under the same Idempotency-Key never comes here: it gets the
    stored answer, also while the first one is still under way.
    """
    try:
        session_id, generation = _parts(token)
    except RefreshRefused:
        return False
    rows = MemberSession.objects.select_for_update(of=("self",)).select_related("member")
    session = rows.filter(pk=session_id, revoked_at=None).first()
    if session is None or not same(token, _drawn(session.pk, session.nonce, generation).refresh):
        return False
    if generation == session.generation and session.device_hash == _device(device_id):
        return False
    _end(session, "copied", actor, now)
    return True


@transaction.atomic
def revoke(
    *, member: Member, session_id: int, why: str, actor: Actor, now: datetime, reason: str = ""
) -> MemberSession:
    """Sign one device of the member out. Safe to repeat. Raises OutOfReach for another member's.

    `why` is a word of the house ("signed_out", "by_staff"), `reason` what a person says about it.
    """
    session = MemberSession.objects.select_for_update().filter(pk=session_id, member=member).first()
    if session is None:
        raise OutOfReach
    if session.revoked_at is None:
        _end(session, why, actor, now, reason)
    return session


@transaction.atomic
def revoke_all_of(*, member: Member, why: str, actor: Actor, now: datetime, but: int | None = None) -> int:
    """Sign every device of the member out, but one where told; how many there were."""
    rows = MemberSession.objects.select_for_update().filter(member=member, revoked_at=None)
    sessions = [session for session in rows.order_by("pk") if session.pk != but]
    for session in sessions:
        _end(session, why, actor, now)
    return len(sessions)


def _end(session: MemberSession, why: str, actor: Actor, now: datetime, reason: str = "") -> None:
    session.revoked_at, session.revoked_why = now, why
    session.save(update_fields=["revoked_at", "revoked_why"])
    changes: dict[str, Any] = {"session": [session.pk, None], "why": [None, why]}
    audit.record(
        actor=actor, action="session.end", subject=session.member, changes=changes, reason=reason, now=now
    )


def _next_generation(session: MemberSession, now: datetime) -> None:
    session.generation += 1
    session.access_hash = token_hash(_drawn(session.pk, session.nonce, session.generation).access)
    session.access_expires_at = now + ACCESS_LIFE
    session.refresh_expires_at = now + REFRESH_LIFE
    session.last_used_at = now
    session.save(
        update_fields=["generation", "access_hash", "access_expires_at", "refresh_expires_at", "last_used_at"]
    )


def _drawn(session_id: int, nonce: str, generation: int) -> Tokens:
    refresh = token_of("refresh", nonce, generation)
    return Tokens(
        f"{ACCESS_BEGINNING}{token_of('access', nonce, generation)}",
        f"{REFRESH_BEGINNING}{session_id}.{generation}.{refresh}",
    )


def _parts(token: str) -> tuple[int, int]:
    head, _dot, rest = token.removeprefix(REFRESH_BEGINNING).partition(".")
    generation = rest.partition(".")[0]
    numbers = [part for part in (head, generation) if part.isascii() and part.isdecimal() and len(part) < 19]
    if not token.startswith(REFRESH_BEGINNING) or len(numbers) != 2:
        raise RefreshRefused
    return int(head), int(generation)


def _device(device_id: str) -> str:
    return hashlib.sha256(device_id.encode()).hexdigest()
