"""Expiry as a job: a batch is a chunk, so a killed worker goes on behind the last committed account."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from backoffice import alarm_kinds, webhook_events
from backoffice.actors import Actor
from backoffice.models import Job
from backoffice.services.jobs import ChunkResult, handler
from points import telling
from points.services import expiry, membership

webhook_events.register("points.entry", telling.points_changed)
webhook_events.register("points.hold_ended", telling.hold_ended)

ACTOR = Actor.job("points.expire")

alarm_kinds.register(
    "points.inflation",
    title=_("Far more points issued than redeemed"),
    sentence=_(
        "%(program)s: %(issued)s points issued and %(redeemed)s redeemed in %(days)s days; the program allows"
        " %(limit)s to one."
    ),
)
alarm_kinds.register(
    membership.MERGED_ALARM,
    title=_("One person merged members with many points"),
    sentence=_(
        "%(points)s points went to other members by merges and joined cards of one person on %(day)s."
    ),
)
alarm_kinds.register(
    "points.books",
    title=_("The books have faults"),
    sentence=_("Proof %(proof)s found %(faults)s faults: %(checks)s"),
)


@handler("points.expire")
def expire(job: Job, now: datetime) -> ChunkResult:
    """Parameters: `as_of` (ISO time), `ceiling` (points, or null), `accounts` (per chunk), `moved_clock`."""
    as_of = datetime.fromisoformat(job.params["as_of"])
    if job.params.get("moved_clock"):
        now = max(now, as_of)
    ceiling = job.params.get("ceiling")
    state = {"after": 0, "points": 0, "lots": 0, "unnoticed": 0, **job.checkpoint}
    batch = expiry.expire_batch(
        as_of=as_of,
        after=state["after"],
        actor=ACTOR,
        now=now,
        accounts=job.params.get("accounts") or expiry.BATCH_ACCOUNTS,
    )
    if batch is not None:
        state = {
            "after": batch.last_account,
            "points": state["points"] + batch.points,
            "lots": state["lots"] + batch.lots,
            "unnoticed": state["unnoticed"] + batch.unnoticed_lots,
        }
    over = ceiling is not None and state["points"] >= ceiling
    return ChunkResult(
        done=batch.lots if batch else 0,
        checkpoint=state,
        finished=batch is None or over,
        result={**state, "stopped_at_ceiling": over and batch is not None},
    )
