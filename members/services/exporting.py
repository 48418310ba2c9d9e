"""Rows about members, made ready for files: what stands in other tables, asked once for each chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from members.models import Consent, Member, MemberTag
from members.services.imports.fields import CONSENTS


class Dressed:
    """A row with more attributes than its table has."""

    __slots__ = ("_more", "_row")

    def __init__(self, row: Any, more: Mapping[str, Any]) -> None:
        self._row, self._more = row, more

    def __getattr__(self, name: str) -> Any:
        return self._more[name] if name in self._more else getattr(self._row, name)


def with_answers_and_tags(members: Sequence[Member]) -> list[Dressed]:
    """Members with `marketing_*`, `consent_source` and `consent_date` of the latest answer, and `tags`: names
    in their order.
    """
    ids = [member.pk for member in members]
    answers, tags = _answers(ids), _tags(ids)
    return [
        Dressed(member, {**answers.get(member.pk, NO_ANSWER), "tags": tags.get(member.pk, ())})
        for member in members
    ]


NO_ANSWER: dict[str, Any] = {**dict.fromkeys(CONSENTS), "consent_source": None, "consent_date": None}


def _answers(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What counts of each purpose, by member."""
    latest = (
        Consent.objects.filter(member__in=ids, purpose__in=CONSENTS)
        .order_by("member_id", "purpose", "-at", "-id")
        .distinct("member_id", "purpose")
        .values_list("member_id", "purpose", "given", "source", "at")
    )
    found: dict[int, dict[str, Any]] = {}
    for member_id, purpose, given, source, at in latest:
        answer = found.setdefault(member_id, dict(NO_ANSWER))
        answer[purpose] = given
        if answer["consent_date"] is None or at > answer["consent_date"]:
            answer["consent_date"], answer["consent_source"] = at, source
    return found


def _tags(ids: Sequence[int]) -> dict[int, list[str]]:
    rows = (
        MemberTag.objects.filter(member__in=ids)
        .order_by("member_id", "tag__name")
        .values_list("member_id", "tag__name")
    )
    found: dict[int, list[str]] = {}
    for member_id, name in rows:
        found.setdefault(member_id, []).append(name)
    return found


def carried(rows: Sequence[MemberTag]) -> list[SimpleNamespace]:
    """Member tags as rows of a tag list: who, and the one tag."""
    return [
        SimpleNamespace(
            phone=row.member.phone,
            card_no=row.member.card_no,
            external_id=row.member.external_id,
            tags=(row.tag.name,),
            group=row.tag.group,
            definition=row.tag.definition,
            expires_on=row.tag.expires_on,
            origin=row.origin,
            origin_id=row.origin_id,
            at=row.at,
        )
        for row in rows
    ]
