"""What each role may do: the one table. `services/roles.py` writes it into groups, the tests read it too.

Names are "app.codename". The upper floors appear here as words only, as they do in the settings: a role spans
all apps, so its table has to stand where everybody can see it. A verb that is no add, change or delete has a
permission of its own (`VERBS`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from backoffice.choices import Role


class Verb(NamedTuple):
    """A permission for a verb; it hangs on the model whose rows the verb is about."""

    app: str
    model: str
    codename: str
    name: str


VERBS: Final = (
    Verb("points", "adjustment", "correct_points", "Can correct points"),
    Verb("points", "adjustment", "undo_entry", "Can undo a ledger entry"),
    Verb("points", "adjustment", "approve_correction", "Can approve corrections"),
    Verb("points", "adjustment", "grace_points", "Can give grace for expired points"),
    Verb("points", "adjustment", "release_hold", "Can release holds"),
    Verb("points", "adjustment", "block_spending", "Can block spending"),
    Verb("members", "member", "enrol_member", "Can enrol members"),
    Verb("members", "member", "unmask_member", "Can see unmasked personal data"),
    Verb("members", "member", "export_member", "Can export members"),
)

# Rows that are evidence. Only services (the ledger's even only through its SQL functions) write them, so no
# role has more than a look at them.
EVIDENCE: Final = frozenset(
    {
        "backoffice.auditevent",
        "backoffice.heartbeat",
        "backoffice.idempotencykey",
        "backoffice.outboxmessage",
        "members.consent",
        "members.memberevent",
        "members.purchase",
        "members.purchaseline",
        "members.purchasereturn",
        "members.purchasereturnline",
        "members.purchasetender",
        "members.retiredcard",
        "points.account",
        "points.adjustment",
        "points.entry",
        "points.expirynotice",
        "points.hold",
        "points.holdlot",
        "points.lot",
        "points.lotextension",
        "points.lotuse",
        "points.pendingcredit",
        "points.programevent",
        "points.proof",
        "points.staffdaytotal",
        "campaigns.award",
        "campaigns.awardreturn",
        "campaigns.carry",
    }
)


def _look(*models: str) -> tuple[str, ...]:
    """ "points.lot" -> "points.view_lot"."""
    return tuple(label.replace(".", ".view_") for label in models)


def _keep(*models: str) -> tuple[str, ...]:
    """Look, add and change; nothing that others refer to is ever deleted."""
    return tuple(label.replace(".", f".{act}_") for label in models for act in ("view", "add", "change"))


MEMBERS = _look(
    "members.member",
    "members.consent",
    "members.purchase",
    "members.purchaseline",
    "members.purchasereturn",
    "members.purchasereturnline",
    "members.purchasetender",
    "members.retiredcard",
)
LEDGER = _look(
    "points.account",
    "points.adjustment",
    "points.entry",
    "points.expirynotice",
    "points.hold",
    "points.holdlot",
    "points.lot",
    "points.lotextension",
    "points.lotuse",
    "points.pendingcredit",
    "points.program",
    "points.programterms",
)
AWARDS = _look("campaigns.award", "campaigns.awardreturn", "campaigns.carry")
SHOPS = _look("backoffice.brand", "backoffice.store")
DESK = (*MEMBERS, *LEDGER, *AWARDS, *SHOPS)
EVERYTHING = (
    *DESK,
    *_look(
        "auth.group",
        "backoffice.auditevent",
        "backoffice.heartbeat",
        "backoffice.idempotencykey",
        "backoffice.job",
        "backoffice.outboxmessage",
        "backoffice.user",
        "members.memberevent",
        "members.profilefieldrule",
        "members.staffcard",
        "points.programevent",
        "points.proof",
        "points.staffdaytotal",
    ),
)

# Counter work, and what a person answerable for a counter may do on top.
COUNTER = ("points.correct_points", "points.undo_entry", "members.enrol_member")
ANSWERABLE = (
    "points.approve_correction",
    "points.block_spending",
    "points.grace_points",
    "points.release_hold",
    "members.change_member",
    "members.unmask_member",
    "members.view_memberevent",
    "points.view_staffdaytotal",
    "backoffice.view_auditevent",
    "backoffice.view_job",
)

PERMISSIONS: Final[dict[Role, tuple[str, ...]]] = {
    Role.CLERK: (*DESK, *COUNTER),
    Role.MANAGER: (*DESK, *COUNTER, *ANSWERABLE, "backoffice.view_user", "members.view_staffcard"),
    Role.SUPPORT: (*DESK, *COUNTER, *ANSWERABLE, "members.export_member"),
    Role.MARKETER: (
        *DESK,
        *_keep("points.program", "points.programterms"),
        "members.view_profilefieldrule",
        "members.export_member",
        "backoffice.view_job",
    ),
    Role.FINANCE: EVERYTHING,
    Role.AUDITOR: EVERYTHING,
    Role.ADMINISTRATOR: (
        *EVERYTHING,
        *_keep("backoffice.user", "backoffice.brand", "backoffice.store"),
        *_keep("points.program", "points.programterms"),
        *_keep("members.profilefieldrule", "members.staffcard"),
        "members.delete_profilefieldrule",
        "members.delete_staffcard",
        "backoffice.change_job",
    ),
}
