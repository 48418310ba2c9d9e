"""Who they are. Changes of a row are kept as history by statement-level triggers (`pghistory`)."""

import pghistory
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Collate, Reverse
from django.utils.translation import gettext_lazy as _

from backoffice.models import Brand, Store
from members.choices import LIVING, Channel, Gender, MemberStatus
from members.functions import Bigrams
from members.querysets import MemberQuerySet


@pghistory.track(
    pghistory.InsertEvent(level=pghistory.Statement),
    pghistory.UpdateEvent(level=pghistory.Statement),
)
class Member(models.Model):
    """One person. Belongs to the group, or to one brand when `brand` is set.

    `phone` is E.164 and unique among the living; `card_no` is 16 digits, the last a Luhn check digit.
    `external_id` is the number in the system that the member was imported from; `enrol_key` is the key of the
    request that created the row, so that the same request cannot create a second one.
    """

    card_no = models.CharField(_("card number"), max_length=16, unique=True)
    external_id = models.CharField(_("external number"), max_length=64, blank=True, default="", db_default="")
    enrol_key = models.CharField(
        _("enrolment key"), max_length=128, blank=True, default="", db_default="", editable=False
    )
    phone = models.CharField(_("mobile phone"), max_length=16, blank=True)
    phone_verified_at = models.DateTimeField(_("phone verified"), null=True, blank=True)
    name = models.CharField(_("full name"), max_length=60, blank=True)
    status = models.CharField(
        _("status"), max_length=10, choices=MemberStatus.choices, default=MemberStatus.ACTIVE
    )
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="absorbed",
        verbose_name=_("merged into"),
    )
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    brand = models.ForeignKey(
        Brand,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="members",
        verbose_name=_("brand"),
        help_text=_("Empty: shared by the whole group."),
    )
    source = models.CharField(_("source"), max_length=10, choices=Channel.choices, default=Channel.STORE)
    joined_at = models.DateTimeField(_("joined"))
    joined_store = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="joined_members",
        verbose_name=_("joined at store"),
    )
    referring_store = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="referred_members",
        verbose_name=_("referring store"),
    )
    referring_store_locked = models.BooleanField(_("referring store locked"), default=False)
    gender = models.CharField(
        _("gender"), max_length=8, choices=Gender.choices, default=Gender.UNKNOWN, blank=True
    )
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    county = models.CharField(_("county or city"), max_length=20, blank=True)
    district = models.CharField(_("district"), max_length=20, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["phone"],
                condition=models.Q(status__in=LIVING) & ~models.Q(phone=""),
                name="member_phone_of_the_living",
                violation_error_message=_("Another member already uses this phone."),
            ),
            models.UniqueConstraint(
                fields=["external_id"],
                condition=~models.Q(external_id=""),
                name="member_external_id_once",
                violation_error_message=_("Another member already has this external number."),
            ),
            models.UniqueConstraint(
                fields=["enrol_key"], condition=~models.Q(enrol_key=""), name="member_enrolled_once"
            ),
            models.CheckConstraint(
                condition=models.Q(card_no__regex=r"^[0-9]{16}$"), name="member_card_no_16_digits"
            ),
            models.CheckConstraint(
                condition=models.Q(phone="") | models.Q(phone__regex=r"^\+[1-9][0-9]{6,14}$"),
                name="member_phone_e164",
            ),
            # I50: an erased member keeps the ledger, not the person.
            models.CheckConstraint(
                condition=~models.Q(status="erased")
                | models.Q(
                    external_id="",
                    phone="",
                    name="",
                    email="",
                    address="",
                    birthday__isnull=True,
                    erased_at__isnull=False,
                ),
                name="member_erased_keeps_no_person",
            ),
            models.CheckConstraint(
                condition=models.Q(status="merged", merged_into__isnull=False)
                | (~models.Q(status="merged") & models.Q(merged_into__isnull=True)),
                name="member_merged_leads_on",
            ),
        ]
        indexes = [
            models.Index(OpClass(Reverse("phone"), "text_pattern_ops"), name="member_phone_backwards"),
            models.Index(OpClass("phone", "text_pattern_ops"), name="member_phone_prefix"),
            models.Index(OpClass(Reverse("card_no"), "text_pattern_ops"), name="member_card_backwards"),
            GinIndex(Bigrams("name"), name="member_name_bigrams"),
            # One character holds no bigram: a surname alone is answered as a prefix.
            models.Index(OpClass("name", "text_pattern_ops"), name="member_name_prefix"),
            # Half a city shares a given name: the end of the name answers the first fifty without the rest.
            models.Index(Collate(Reverse("name"), "C"), name="member_name_backwards"),
            models.Index(fields=["email"], name="member_email", condition=~models.Q(email="")),
            models.Index(fields=["joined_at"], name="member_joined"),
        ]

    def __str__(self) -> str:
        # Never the name: this is what links, autocompletes and histories show to everybody (T19).
        return self.card_no

    @property
    def is_living(self) -> bool:
        return self.status in LIVING


class StaffCard(models.Model):
    """The member card that a staff user owns himself. Nobody corrects or approves points of his own card."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="staff_card",
        verbose_name=_("staff user"),
    )
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="staff_cards", verbose_name=_("member")
    )

    class Meta:
        verbose_name = _("staff member card")
        verbose_name_plural = _("staff member cards")

    def __str__(self) -> str:
        # Not the member: the lists of the house show a card, never whose it is.
        return str(self.user)
