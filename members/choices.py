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


class OrderType(models.TextChoices):
    IN_STORE = "in_store", _("In store")
    TAKE_AWAY = "take_away", _("Take-away")
    DELIVERY = "delivery", _("Delivery")
    ONLINE = "online", _("Online")
