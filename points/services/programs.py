"""Programs are changed here, so that their rules carry a version that awards can name."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from points.models import Program
from points.selectors import monthly_flows

# What changes how points come about or what they are worth; the rest (name, unit) is only wording.
RULE_FIELDS = (
    "spendable",
    "circulates",
    "cash_points",
    "cash_amount",
    "spend_step",
    "min_spend",
    "max_spend",
    "max_share_percent",
    "order_of_use",
    "earn_amount",
    "earn_points",
    "rounding",
    "carry_over",
    "pending_days",
    "debt_policy",
    "expiry_policy",
    "expiry_value",
    "expiry_grace_days",
    "notice_days",
    "time_zone",
    "max_issue_ratio",
    "over_ratio",
)
WORDING_FIELDS = ("code", "name", "unit", "brand_id", "is_active", "is_default")


@transaction.atomic
def save_program(*, program: Program, actor: Actor, now: datetime) -> Program:
    """Store a new or edited program; a changed rule makes a new version. Earlier awards keep theirs.

    A new default program takes the place of the old one.
    """
    before = Program.objects.select_for_update().filter(pk=program.pk).first()
    fields = (*WORDING_FIELDS, *RULE_FIELDS)
    changes = {
        name: [getattr(before, name, None), getattr(program, name)]
        for name in fields
        if before is None or getattr(before, name) != getattr(program, name)
    }
    if before is not None:
        program.version = before.version + any(name in changes for name in RULE_FIELDS)
    if program.is_default:
        Program.objects.filter(is_default=True).exclude(pk=program.pk).update(is_default=False)
    program.save()
    audit.record(
        actor=actor,
        action="program.change" if before else "program.create",
        subject=program,
        changes={name: [str(old), str(new)] for name, (old, new) in changes.items()},
        now=now,
    )
    return program


RATIO_PERIOD = timedelta(days=90)


def watch_inflation(*, actor: Actor, now: datetime) -> list[Program]:
    """Compare what the last 90 days issued with what they redeemed, program by program (S100).

    Marks programs above their limit with the time at which they were first found there, takes the mark off
    those that are back below it, and answers the marked ones. Nothing redeemed counts as one point.
    """
    marked = []
    for program in Program.objects.exclude(max_issue_ratio=None).order_by("pk"):
        flows = monthly_flows(program=program, start=now - RATIO_PERIOD, end=now)
        redeemed = max(sum(flow.redeemed for flow in flows), 1)
        limit = program.max_issue_ratio or 0
        over = sum(flow.issued for flow in flows) > limit * redeemed
        if over != (program.ratio_exceeded_at is not None):
            with transaction.atomic():
                program.ratio_exceeded_at = now if over else None
                program.save(update_fields=["ratio_exceeded_at"])
                action = "program.ratio_exceeded" if over else "program.ratio_kept"
                audit.record(actor=actor, action=action, subject=program, now=now)
        if over:
            marked.append(program)
    return marked
