"""How members prove who they are: one-time codes, and the devices that are signed in. No table holds a code
or a token that could be used: both are drawn from the house's secret and a row's nonce, and only hashes are
kept.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from members.choices import CodePurpose
from members.models.member import Member

MOST_ATTEMPTS = 5


class OneTimeCode(models.Model):
    """One code that was sent to one phone for one purpose, in answer to one request (`challenge`).

    Live until it is used, replaced by the next one, tried MOST_ATTEMPTS times or over. `ticket_hash` is what
    a right code of a stranger is exchanged for: the right to sign up with this phone, once.
    """

    challenge = models.CharField(_("challenge"), max_length=32, unique=True)
    nonce = models.CharField(max_length=32, editable=False)
    purpose = models.CharField(_("purpose"), max_length=16, choices=CodePurpose.choices)
    phone = models.CharField(_("mobile phone"), max_length=16)
    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("member")
    )
    language = models.CharField(_("language"), max_length=10, default="zh-hant")
    code_hash = models.CharField(max_length=64, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"))
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    used_at = models.DateTimeField(_("entered"), null=True, blank=True)
    replaced_at = models.DateTimeField(_("replaced"), null=True, blank=True)
    ticket_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    ticket_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    ticket_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("one-time code")
        verbose_name_plural = _("one-time codes")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["phone", "purpose"],
                condition=models.Q(used_at__isnull=True, replaced_at__isnull=True),
                name="code_one_live_per_phone",
            ),
            models.UniqueConstraint(
                fields=["ticket_hash"], condition=~models.Q(ticket_hash=""), name="code_ticket_once"
            ),
            models.CheckConstraint(
                condition=models.Q(attempts__lte=MOST_ATTEMPTS), name="code_attempts_bounded"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="code_by_age")]

    def __str__(self) -> str:
        return self.challenge[:8]


class MemberSession(models.Model):
    """A device that is signed in. Its access token is short-lived; its refresh token is replaced at each use.

    `generation` counts the pairs of tokens. An older refresh token that comes again has been copied: the
    session ends for whoever holds any of them.
    """

    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="sessions", verbose_name=_("member")
    )
    device_name = models.CharField(_("device"), max_length=60, blank=True)
    device_hash = models.CharField(max_length=64, editable=False)
    nonce = models.CharField(max_length=32, editable=False)
    generation = models.PositiveIntegerField(_("generation"), default=1)
    access_hash = models.CharField(max_length=64, unique=True, editable=False)
    access_expires_at = models.DateTimeField(_("access until"))
    refresh_expires_at = models.DateTimeField(_("signed in until"))
    created_at = models.DateTimeField(_("signed in"))
    last_used_at = models.DateTimeField(_("last used"))
    revoked_at = models.DateTimeField(_("ended"), null=True, blank=True)
    revoked_why = models.CharField(_("why"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("signed-in device")
        verbose_name_plural = _("signed-in devices")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["member"], name="session_live", condition=models.Q(revoked_at__isnull=True))
        ]

    def __str__(self) -> str:
        return self.device_name or f"{self.pk}"


class PhoneChange(models.Model):
    """That the member's phone changed. For a day large spending asks for more (T6). Append-only."""

    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="phone_changes", verbose_name=_("member")
    )
    proven = models.BooleanField(_("both phones proven"))
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("change of phone")
        verbose_name_plural = _("changes of phone")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.member_id} {self.at:%Y-%m-%d}"
