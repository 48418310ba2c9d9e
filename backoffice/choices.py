"""States and kinds of the merchant's own house."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Role(models.TextChoices):
    """The seven ready-made roles; each is a Django group whose name is the code (see `services/roles.py`)."""

    CLERK = "clerk", _("Clerk")
    MANAGER = "manager", _("Store manager")
    SUPPORT = "support", _("Customer service")
    MARKETER = "marketer", _("Marketer")
    FINANCE = "finance", _("Finance")
    AUDITOR = "auditor", _("Auditor")
    ADMINISTRATOR = "administrator", _("System administrator")


class Reach(models.TextChoices):
    """How far a staff user sees: the whole group, one brand, or the named stores only."""

    GROUP = "group", _("Whole group")
    BRAND = "brand", _("One brand")
    STORES = "stores", _("Named stores")


class ActorType(models.TextChoices):
    """Who did it, as the ledger and the audit trail name him."""

    MEMBER = "member", _("Member")
    STAFF = "staff", _("Staff")
    POS = "pos", _("Till")
    JOB = "job", _("Job")


class JobState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    PAUSED = "paused", _("Paused")


class LoginEventKind(models.TextChoices):
    """What happens at the door of the back office."""

    SIGNED_IN = "signed_in", _("Signed in")
    CODE_AWAITED = "code_awaited", _("Password right, code awaited")
    WRONG_PASSWORD = "wrong_password", _("Wrong name or password")
    WRONG_CODE = "wrong_code", _("Wrong code")
    LOCKED = "locked", _("Locked after too many tries")
    PROVED = "proved", _("Confirmed own identity again")
    SIGNED_OUT = "signed_out", _("Signed out")
    TIMED_OUT = "timed_out", _("Session ran out")
    FACTOR_ADDED = "factor_added", _("Second factor set up")
    FACTOR_REMOVED = "factor_removed", _("Second factor removed")
    FACTOR_RESET = "factor_reset", _("Second factor reset by an administrator")
    CODES_RENEWED = "codes_renewed", _("Recovery codes renewed")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    PASSWORD_RESET = "password_reset", _("Password reset by an administrator")


class ProofMethod(models.TextChoices):
    """By what somebody proved who he is."""

    PASSWORD = "password", _("Password")
    TOTP = "totp", _("Code of the app")
    RECOVERY_CODE = "recovery_code", _("Recovery code")


class ApiKeyKind(models.TextChoices):
    """Who holds a key: a machine at a counter, another company's backend, a person's script."""

    TILL = "till", _("Till")
    PARTNER = "partner", _("Partner backend")
    STAFF = "staff", _("Staff")


class ApiScope(models.TextChoices):
    """What a key may do. A verb asks for one of these; a key without it is told so (403)."""

    MEMBERS_READ = "members.read", _("Look members up")
    MEMBERS_WRITE = "members.write", _("Sign members up")
    PURCHASES_WRITE = "purchases.write", _("Post purchases and returns")
    POINTS_SPEND = "points.spend", _("Quote, hold and spend points")
    POINTS_GRANT = "points.grant", _("Give points")
    CORRECTIONS_ASK = "corrections.ask", _("Ask for corrections")
    REPORTS_READ = "reports.read", _("Read day reports")
    IMPORTS_WRITE = "imports.write", _("Bring files in")


class ImportState(models.TextChoices):
    """The way of a file. `waiting` is for a second person, `held` for its time; `failed` and `undone` are
    ends.
    """

    UPLOADED = "uploaded", _("Being looked at")
    UNDERSTOOD = "understood", _("To be checked")
    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("To be confirmed")
    WAITING = "waiting", _("Waits for approval")
    HELD = "held", _("Waits for its time")
    APPLYING = "applying", _("Being applied")
    APPLIED = "applied", _("Brought in")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", pgettext_lazy("import", "Undone")
    DROPPED = "dropped", _("Dropped")
    FAILED = "failed", _("Refused")


class RowOutcome(models.TextChoices):
    """What a row of a file would do."""

    NEW = "new", _("New")
    CHANGED = "changed", _("Changed")
    SAME = "same", _("The same")
    LEFT = "left", _("Left out by your choice")
    DUPLICATE = "duplicate", _("Twice in the file")
    CONFLICT = "conflict", _("Conflict")
    ERROR = "error", _("Error")


class RowDone(models.TextChoices):
    """What became of a row. The last three are ends of an undo."""

    OPEN = "", _("Not yet")
    APPLIED = "applied", _("Brought in")
    REFUSED = "refused", _("Refused at the last moment")
    UNDONE = "undone", pgettext_lazy("import", "Undone")
    KEPT = "kept", _("Kept: changed since")
    STUCK = "stuck", _("Could not be undone")


class ExportFormat(models.TextChoices):
    """What a file is. UTF-8 holds every character; Big5 (the code page 950) only those of old systems."""

    CSV = "csv", _("CSV, UTF-8 (Excel reads it)")
    BIG5 = "big5", _("CSV, Big5 (for old systems)")
    XLSX = "xlsx", _("Excel workbook")


class ExportState(models.TextChoices):
    """How an export stands; told by its job and its file, stored nowhere."""

    WORKING = "working", _("Being written")
    PAUSED = "paused", _("Paused")
    READY = "ready", _("Ready")
    UNFIT = "unfit", _("Characters do not fit")
    FAILED = "failed", _("Failed")
    STOPPED = "stopped", _("Stopped")
    OVER = "over", _("Link is over")
    REMOVED = "removed", _("File removed")


class WebhookEvent(models.TextChoices):
    """What receivers may be told of."""

    POINTS_CHANGED = "points.changed", _("Points changed")
    MEMBER_CHANGED = "member.changed", _("Member changed")
    HOLD_ENDED = "hold.ended", _("Hold ended")


class DeliveryState(models.TextChoices):
    """`dead`: tried for three days in vain; it waits for a person who sends it again."""

    WAITING = "waiting", _("Waits to be sent")
    SENT = "sent", _("Sent")
    DEAD = "dead", _("Given up")


class NoticeKind(models.TextChoices):
    """What a person is told of by the sign in the header. `waiting` asks him for something."""

    IMPORT_CHECKED = "import.checked", _("Import checked")
    IMPORT_WAITING = "import.waiting", _("Import waits for your approval")
    IMPORT_HELD = "import.held", _("Import waits for its time")
    IMPORT_APPLIED = "import.applied", _("Import brought in")
    IMPORT_UNDONE = "import.undone", _("Import undone")
    IMPORT_REFUSED = "import.refused", _("Import refused")
    IMPORT_DROPPED = "import.dropped", _("Import put away")
    EXPORT_READY = "export.ready", _("Export ready")
    EXPORT_UNFIT = "export.unfit", _("Export without a file")
    JOB_FAILED = "job.failed", _("Work given up")
    ALARM = "alarm", _("Alarm")


class NoticeSubject(models.TextChoices):
    """Whose page a notice leads to; looking at that page is having read it."""

    IMPORT = "import", _("Import")
    EXPORT = "export", _("Export")
    JOB = "job", _("Job")
    ALARM = "alarm", _("Alarm")
