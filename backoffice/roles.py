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
    Verb("points", "adjustment", "import_points", "Can bring in points by file"),
    Verb("points", "correctionlimit", "set_correction_limit", "Can set correction limits"),
    Verb("campaigns", "award", "claim_receipt", "Can add receipts to members"),
    Verb("campaigns", "awardreturn", "settle_return", "Can take goods back"),
    Verb("members", "member", "enrol_member", "Can enrol members"),
    Verb("members", "member", "unmask_member", "Can see unmasked personal data"),
    Verb("members", "member", "export_member", "Can export members"),
    Verb("members", "member", "replace_card", "Can replace member cards"),
    Verb("members", "member", "claim_card", "Can join blank cards to members"),
    Verb("members", "member", "check_answer", "Can check security answers of members"),
    Verb("members", "member", "issue_card", "Can issue blank cards"),
    Verb("members", "member", "merge_member", "Can merge members"),
    Verb("members", "member", "record_consent", "Can record consents"),
    Verb("members", "member", "note_member", "Can write notes about members"),
    Verb("members", "member", "strike_note", "Can strike out notes about members"),
    Verb("members", "member", "change_phone", "Can change the phone of a member"),
    Verb("members", "member", "freeze_member", "Can freeze members"),
    Verb("members", "member", "import_member", "Can bring in members by file"),
    Verb("members", "tag", "import_tag", "Can bring in tags by file"),
    Verb("members", "tag", "tag_member", "Can tag members"),
    Verb("members", "tag", "merge_tag", "Can merge tags"),
    Verb("backoffice", "importbatch", "approve_import", "Can approve imports"),
    Verb("backoffice", "export", "oversee_export", "Can see everybody's exports"),
    Verb("backoffice", "export", "take_export", "Can take files that others exported"),
    Verb("members", "purchase", "export_purchase", "Can export purchases"),
    Verb("points", "entry", "export_entry", "Can export the ledger"),
    Verb("backoffice", "job", "steer_job", "Can pause, cancel and repeat jobs"),
    Verb("backoffice", "alarm", "acknowledge_alarm", "Can acknowledge alarms"),
    Verb("backoffice", "auditevent", "export_report", "Can download reports"),
    Verb("backoffice", "apikey", "issue_api_key", "Can issue and revoke API keys"),
    Verb("backoffice", "webhooksubscription", "steer_webhook", "Can subscribe partners and send again"),
    Verb("campaigns", "tillitem", "decide_tillitem", "Can settle or refuse what tills told"),
    Verb("members", "membersession", "end_session", "Can sign devices of members out"),
    Verb("members", "member", "view_member_report", "Can see reports about members"),
    Verb("members", "purchase", "import_purchase", "Can bring in receipts by file"),
    Verb("members", "purchase", "view_cashier_report", "Can see reports about cashiers"),
    Verb("points", "adjustment", "view_staff_report", "Can see reports about staff corrections"),
)

# Whoever holds one of these (and every superuser) works only with a second factor: he moves points above the
# clerk's limit or says by which rules they move, sees, hands on or takes over data, or says what others may.
NEED_SECOND_FACTOR: Final = frozenset(
    {
        "points.approve_correction",
        "points.import_points",
        "points.set_correction_limit",
        "points.add_program",
        "points.change_program",
        "members.import_purchase",
        "backoffice.approve_import",
        "members.unmask_member",
        "members.export_member",
        "members.export_purchase",
        "points.export_entry",
        "backoffice.export_report",
        "backoffice.take_export",
        "backoffice.steer_webhook",
        "members.change_phone",
        "members.merge_member",
        "backoffice.add_user",
        "backoffice.change_user",
        "backoffice.issue_api_key",
        # Without the link somebody could correct points of his own card (I32).
        "members.add_staffcard",
        "members.change_staffcard",
        "members.delete_staffcard",
    }
)

# Rows that are evidence. Only services (the ledger's even only through its SQL functions) write them, so no
# role has more than a look at them.
EVIDENCE: Final = frozenset(
    {
        "backoffice.alarm",
        "backoffice.apikey",
        "backoffice.auditevent",
        "backoffice.heartbeat",
        "backoffice.idempotencykey",
        "backoffice.columnmemory",
        "backoffice.export",
        "backoffice.importbatch",
        "backoffice.importrow",
        "backoffice.limitcounter",
        "backoffice.loginevent",
        "backoffice.notice",
        "backoffice.outboxmessage",
        "backoffice.webhookdelivery",
        "backoffice.webhooksubscription",
        "members.consent",
        "members.invoicecarrier",
        "members.lookcount",
        "members.memberevent",
        "members.membernote",
        "members.membertag",
        "members.tagname",
        "members.membersession",
        "members.onetimecode",
        "members.phonechange",
        "members.referral",
        "members.referralcode",
        "members.securityanswer",
        "members.stepup",
        "members.purchase",
        "members.purchaseline",
        "members.purchasereturn",
        "members.purchasereturnline",
        "members.purchasetender",
        "members.retiredcard",
        "points.account",
        "points.adjustment",
        "points.daytotal",
        "points.entry",
        "points.expirynotice",
        "points.fold",
        "points.hold",
        "points.holdlot",
        "points.lot",
        "points.lotextension",
        "points.lotuse",
        "points.pendingcredit",
        "points.programevent",
        "points.proof",
        "points.receiverdaytotal",
        "points.settlementtotal",
        "points.staffdaytotal",
        "points.storedaytotal",
        "campaigns.award",
        "campaigns.awardreturn",
        "campaigns.carry",
        "campaigns.gifttaken",
        "campaigns.grant",
        "campaigns.grantcancel",
        "campaigns.offlineitem",
        "campaigns.offlinepack",
        "campaigns.pointsgivenback",
        "campaigns.reservation",
        "campaigns.reservedpoints",
        "campaigns.tillitem",
        "campaigns.tillrecord",
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
    "members.membernote",
    "members.membertag",
    "members.purchase",
    "members.purchaseline",
    "members.purchasereturn",
    "members.purchasereturnline",
    "members.purchasetender",
    "members.retiredcard",
    "members.tag",
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
AWARDS = _look(
    "campaigns.award",
    "campaigns.awardreturn",
    "campaigns.carry",
    "campaigns.gift",
    "campaigns.gifttaken",
    "campaigns.grant",
    "campaigns.grantcancel",
)
TILLS = _look(
    "backoffice.webhookdelivery",
    "backoffice.webhooksubscription",
    "campaigns.offlineitem",
    "campaigns.offlinepack",
    "campaigns.pointsgivenback",
    "campaigns.reservation",
    "campaigns.reservedpoints",
    "campaigns.tillitem",
    "campaigns.tillrecord",
)
SHOPS = _look("backoffice.brand", "backoffice.store")
DESK = (*MEMBERS, *LEDGER, *AWARDS, *SHOPS)
EVERYTHING = (
    *DESK,
    *TILLS,
    *_look(
        "auth.group",
        "backoffice.alarm",
        "backoffice.apikey",
        "backoffice.auditevent",
        "backoffice.heartbeat",
        "backoffice.idempotencykey",
        "backoffice.columnmemory",
        "backoffice.export",
        "backoffice.importbatch",
        "backoffice.importrow",
        "backoffice.job",
        "backoffice.limitcounter",
        "backoffice.notice",
        "backoffice.outboxmessage",
        "backoffice.user",
        "members.invoicecarrier",
        "members.lookcount",
        "members.memberevent",
        "members.tagname",
        "members.membersession",
        "members.onetimecode",
        "members.phonechange",
        "members.profilefieldrule",
        "members.referral",
        "members.membershipterms",
        "members.referralcode",
        "members.securityanswer",
        "members.staffcard",
        "members.stepup",
        "points.daytotal",
        "points.fold",
        "points.correctionlimit",
        "points.programevent",
        "points.proof",
        "points.settlementtotal",
        "points.receiverdaytotal",
        "points.staffdaytotal",
        "points.storedaytotal",
    ),
)

# Reports, and who may take one home as a file.
REPORTS = ("members.view_member_report", "members.view_cashier_report", "points.view_staff_report")
TAKE_HOME = "backoffice.export_report"
# Who came in, who was turned away and from where.
AT_THE_DOOR = _look("backoffice.loginevent")

# Counter work, and what a person answerable for a counter may do on top.
COUNTER = (
    "points.correct_points",
    "points.undo_entry",
    "campaigns.claim_receipt",
    "campaigns.settle_return",
    "members.check_answer",
    "members.claim_card",
    "members.enrol_member",
    "members.note_member",
    "members.record_consent",
    "members.replace_card",
    "members.tag_member",
)
ANSWERABLE = (
    "points.approve_correction",
    "points.block_spending",
    "points.grace_points",
    "points.release_hold",
    "members.change_member",
    "members.change_phone",
    "members.freeze_member",
    "members.issue_card",
    "members.merge_member",
    "members.strike_note",
    "members.unmask_member",
    "members.view_memberevent",
    "members.view_membersession",
    "members.end_session",
    "points.view_staffdaytotal",
    "campaigns.decide_tillitem",
    "campaigns.view_tillitem",
    "backoffice.approve_import",
    "backoffice.view_auditevent",
    "backoffice.view_importbatch",
    "backoffice.view_job",
)
# Lists about nobody by name, as files. Members are exported under a right of their own.
LISTS = ("backoffice.view_export", "members.export_purchase", "points.export_entry")
# Bringing files in, and keeping the registry of tags.
FILES = (
    "backoffice.view_importbatch",
    "members.import_member",
    "members.import_purchase",
    "members.import_tag",
    "members.merge_tag",
    "members.tag_member",
    *_keep("members.tag"),
)

PERMISSIONS: Final[dict[Role, tuple[str, ...]]] = {
    Role.CLERK: (*DESK, *COUNTER),
    Role.MANAGER: (
        *DESK,
        *COUNTER,
        *ANSWERABLE,
        *REPORTS,
        TAKE_HOME,
        "backoffice.acknowledge_alarm",
        "backoffice.view_alarm",
        "backoffice.view_user",
        "members.view_staffcard",
    ),
    Role.SUPPORT: (*DESK, *COUNTER, *ANSWERABLE, "members.export_member", "backoffice.view_export"),
    Role.MARKETER: (
        *DESK,
        *_keep("campaigns.gift", "points.program", "points.programterms"),
        *_look("points.daytotal"),
        "members.view_member_report",
        "members.view_profilefieldrule",
        "members.export_member",
        "points.import_points",
        "backoffice.view_job",
        *FILES,
        *LISTS,
        TAKE_HOME,
    ),
    Role.FINANCE: (
        *EVERYTHING,
        *REPORTS,
        *LISTS,
        TAKE_HOME,
        "points.set_correction_limit",
        "backoffice.approve_import",
    ),
    Role.AUDITOR: (
        *EVERYTHING,
        *AT_THE_DOOR,
        *REPORTS,
        *LISTS,
        TAKE_HOME,
        "backoffice.acknowledge_alarm",
        "backoffice.oversee_export",
    ),
    Role.ADMINISTRATOR: (
        *EVERYTHING,
        *AT_THE_DOOR,
        *REPORTS,
        TAKE_HOME,
        "backoffice.acknowledge_alarm",
        "backoffice.oversee_export",
        "backoffice.take_export",
        *_keep("backoffice.user", "backoffice.brand", "backoffice.store"),
        *_keep("campaigns.gift", "points.program", "points.programterms"),
        *_keep("members.membershipterms", "members.profilefieldrule", "members.staffcard"),
        "members.delete_profilefieldrule",
        "members.delete_staffcard",
        "points.set_correction_limit",
        "backoffice.change_job",
        "backoffice.steer_job",
        "backoffice.approve_import",
        *FILES,
        "backoffice.issue_api_key",
        "backoffice.steer_webhook",
        "members.end_session",
    ),
}
