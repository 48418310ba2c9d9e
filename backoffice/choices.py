"""States and kinds of the merchant's own house."""

from django.db import models
from django.utils.translation import gettext_lazy as _


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
