"""States and kinds of members and of what they bought."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class MemberStatus(models.TextChoices):
    """`active` and `frozen` are the living: they own their phone number. The other two are for ever."""

    ACTIVE = "active", _("Active")
    FROZEN = "frozen", _("Frozen")
    ERASED = "erased", _("Erased")
    MERGED = "merged", _("Merged")


LIVING = (MemberStatus.ACTIVE.value, MemberStatus.FROZEN.value)


class Gender(models.TextChoices):
    FEMALE = "female", _("Female")
    MALE = "male", _("Male")
    OTHER = "other", _("Other")
    UNKNOWN = "", _("Not given")


class Channel(models.TextChoices):
    """Where a member, a consent or a purchase came from."""

    STORE = "store", _("Store")
    PAPER = "paper", _("Paper form")
    APP = "app", _("App")
    LINE = "line", _("LINE")
    WEB = "web", _("Web shop")
    IMPORT = "import", _("Import")


class FieldNeed(models.TextChoices):
    HIDDEN = "hidden", _("Hidden")
    OPTIONAL = "optional", _("Optional")
    REQUIRED = "required", _("Required")


class ProfileField(models.TextChoices):
    """The profile fields whose need a brand may set; phone is always required."""

    NAME = "name", _("Full name")
    GENDER = "gender", _("Gender")
    BIRTHDAY = "birthday", _("Birthday")
    EMAIL = "email", _("E-mail")
    COUNTY = "county", _("County or city")
    DISTRICT = "district", _("District")
    ADDRESS = "address", _("Address")
    REFERRING_STORE = "referring_store", _("Referring store")


class ConsentPurpose(models.TextChoices):
    TERMS = "terms", _("Terms of membership")
    MARKETING_SMS = "marketing_sms", _("Marketing by SMS")
    MARKETING_EMAIL = "marketing_email", _("Marketing by e-mail")
    MARKETING_LINE = "marketing_line", _("Marketing by LINE")


class NoteKind(models.TextChoices):
    """What a staff note is about. `struck` takes an earlier note back and is written by that verb only."""

    GENERAL = "general", _("General")
    REQUEST = "request", _("Request")
    COMPLAINT = "complaint", _("Complaint")
    CARE = "care", _("Please note")
    STRUCK = "struck", _("Note struck out")


class UnmaskPurpose(models.TextChoices):
    """Why somebody has to see personal data unmasked. Named each time, beside a note in words."""

    CONTACT = "contact", _("Contact the member")
    IDENTITY = "identity", _("Check who stands at the counter")
    CORRECTION = "correction", _("Correct the profile")
    COMPLAINT = "complaint", _("Work on a complaint")
    LEGAL = "legal", _("Request of the person or of an authority")
    OTHER = "other", _("Other")


class OrderType(models.TextChoices):
    IN_STORE = "in_store", _("In store")
    TAKE_AWAY = "take_away", _("Take-away")
    DELIVERY = "delivery", _("Delivery")
    ONLINE = "online", _("Online")


class CodePurpose(models.TextChoices):
    """What a one-time code is asked for. A code of one purpose opens nothing else."""

    ENTER = "enter", _("Sign in or sign up")
    OLD_PHONE = "old_phone", _("Change of phone, old number")
    NEW_PHONE = "new_phone", _("Change of phone, new number")
    LEAVE = "leave", _("Leave")
    SPEND = "spend", _("Large spending")
    ANSWER = "answer", _("Security question")


class TagOrigin(models.TextChoices):
    """Who put a tag on a member; the row's number names the rule, the staff user or the import."""

    RULE = "rule", _("Rule")
    STAFF = "staff", _("Staff")
    IMPORT = "import", _("Import")
