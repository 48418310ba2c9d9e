"""States of what we give for a purchase."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AwardStatus(models.TextChoices):
    NOTHING = "nothing", _("No points")
    PENDING = "pending", _("Waiting")
    POSTED = "posted", _("Posted")
    CANCELLED = "cancelled", _("Cancelled")
