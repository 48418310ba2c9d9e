"""Programs are changed here, so that their rules carry a version that awards can name."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from backoffice.services.alarms import raise_alarm
from points import policy
from points.models import Program
from points.reporting.totals import Ratio, issue_ratio

# What changes how points come about or what they are worth; the rest (name, unit) is only wording.
RULE_FIELDS = (
    "spendable",
    "spend_needs_verified_phone",
    "max_hold_days",
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


def watch_inflation(*, actor: Actor, now: datetime) -> list[Program]:
    """Compare what the last 90 days issued with what they redeemed, program by program (S100).

    Marks programs above their limit with the time at which they were first found there and raises an alarm,
    one a month while it lasts; takes the mark off those that are back below it. Answers the marked ones.
    """
    marked = []
    for program in Program.objects.exclude(max_issue_ratio=None).order_by("pk"):
        ratio = issue_ratio(program=program, now=now)
        if ratio.over != (program.ratio_exceeded_at is not None):
            with transaction.atomic():
                program.ratio_exceeded_at = now if ratio.over else None
                program.save(update_fields=["ratio_exceeded_at"])
                action = "program.ratio_exceeded" if ratio.over else "program.ratio_kept"
                audit.record(actor=actor, action=action, subject=program, now=now)
        if ratio.over:
            _tell(program, ratio, actor, now)
            marked.append(program)
    return marked


def _tell(program: Program, ratio: Ratio, actor: Actor, now: datetime) -> None:
    raise_alarm(
        kind="points.inflation",
        subject=program.code,
        key=f"points.inflation:{program.pk}:{now.astimezone(policy.ZONE):%Y-%m}",
        facts={
            "program": program.code,
            "issued": ratio.issued,
            "redeemed": ratio.redeemed,
            "days": ratio.days,
            "limit": str(ratio.limit),
        },
        actor=actor,
        now=now,
    )
