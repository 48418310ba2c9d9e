"""Everybody in a list gets a tag, or loses it: the rows come from a stored filter instead of a file, and go
the way of a tag list - preview, second person, apply, undo as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.errors import ImportNothingToDo, OutOfReach
from backoffice.models import ImportBatch, User
from backoffice.services.imports import intake
from members.errors import NoSuchTag
from members.models import Tag
from members.querysets import MemberQuerySet
from members.selectors.member_lists import narrowed
from members.services.imports.fields import TAG_LIST_COLUMNS, one_way
from members.services.imports.tag_placing import ADDED, TAGS

KIND = "tagging"
CHUNK = 10_000
# A tag that is added goes the short way (`tag_placing`): who has it not is promised it. Everything else is
# judged by the difference.
STAGE = f"""
WITH tag AS MATERIALIZED (
    SELECT word, id, {ADDED.format(word="word")} AS added FROM ({TAGS}) t WHERE word = %s
)
INSERT INTO backoffice_importrow (batch_id, line, outcome, done, subject_id, cells, changes)
SELECT %s, %s + row_number() OVER (ORDER BY listed.id), told.outcome,
       CASE WHEN told.outcome = 'changed' THEN 'applied' ELSE '' END, listed.id,
       ARRAY[NULL, listed.card_no, NULL, tag.word], CASE WHEN told.outcome = 'changed' THEN tag.added END
FROM ({{members}}) listed
CROSS JOIN tag
LEFT JOIN LATERAL (
    SELECT true AS there FROM members_membertag c WHERE c.member_id = listed.id AND c.tag_id = tag.id LIMIT 1
) carried ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN %s OR NOT (%s::bigint IS NULL OR listed.brand_id IS NULL OR listed.brand_id = %s)
           THEN 'new' WHEN carried.there THEN 'same' ELSE 'changed' END AS outcome
) told
RETURNING subject_id
"""


def tag_listed(
    *, query: Mapping[str, Any], tag_id: int, act: str, actor: Actor, now: datetime
) -> ImportBatch:
    """Have everybody of a list tagged (`act` "add") or untagged ("remove"), as a batch that is previewed
    first.

    `query` is the filter as the list's address has it. Members who come later are not touched.
    Raises NotAListFilter, NoSuchTag, ImportNothingToDo, ImportPolicyWrong, ImportReach, OutOfReach without a
    person.
    """
    user = actor.user
    if user is None:
        raise OutOfReach
    tag = Tag.objects.active_on(timezone.localdate(now)).filter(pk=tag_id).first()
    if tag is None:
        raise NoSuchTag
    rows = listed(query, user, now)
    upto = rows.aggregate(last=Max("pk"))["last"]
    if upto is None:
        raise ImportNothingToDo
    return intake.collect(
        kind=KIND,
        name=tag.name,
        query=dict(query),
        policy={"tags": act},
        fields=["card_no", "tags"],
        facts={"tag": tag.pk, "upto": upto},
        actor=actor,
        now=now,
    )


def listed(query: Mapping[str, Any], user: User, now: datetime) -> MemberQuerySet:
    """The living members of the list. Raises NotAListFilter."""
    return narrowed(query, user=user, now=now).living()


def collect(
    batch: ImportBatch, checkpoint: Mapping[str, Any], now: datetime
) -> tuple[int, dict[str, Any] | None]:
    """Stage the next CHUNK members behind the checkpoint, as the list was when it was asked for."""
    assert batch.owner is not None
    # The order in which STAGE writes the cells.
    assert TAG_LIST_COLUMNS == ("phone", "card_no", "external_id", "tags")
    layout = batch.layout
    rows = listed(layout["filter"], batch.owner, batch.created_at)
    behind = rows.filter(pk__gt=checkpoint.get("member", 0), pk__lte=layout["upto"]).order_by("pk")
    members, parameters = behind.values("id", "card_no", "brand_id")[:CHUNK].query.sql_with_params()
    line, brand, judged = checkpoint.get("line", 0), batch.brand_id, not one_way(batch)
    with connection.cursor() as cursor:
        values = [str(layout["tag"]), batch.pk, line, *parameters, judged, brand, brand]
        cursor.execute(STAGE.format(members=members), values)
        staged = [pk for (pk,) in cursor.fetchall()]
    if not staged:
        return 0, None
    return len(staged), {"member": max(staged), "line": line + len(staged)}


def subject(batch: ImportBatch) -> str:
    """The tag that the batch is about, as it is called now."""
    return str(Tag.objects.filter(pk=batch.layout.get("tag")).values_list("name", flat=True).first() or "-")


def count(query: Mapping[str, Any], user: User, now: datetime) -> int:
    """How many members the list holds. Raises NotAListFilter."""
    return int(listed(query, user, now).count())
