"""Keys by which machines call the API. Only a hash of each is kept; the key itself is shown once."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.choices import ApiKeyKind, ApiScope
from backoffice.models.merchant import Brand, Store
from backoffice.querysets import ApiKeyQuerySet


class ApiKey(models.Model):
    """One caller: a till, a partner's backend, or a person's own script.

    `prefix` is the readable beginning of the key, `secret_hash` the SHA-256 of its 256 secret bits. A till's
    key is bound to its store, a partner's to a brand, a person's to him: it sees what he sees and ends with
    him.
    """

    kind = models.CharField(_("kind"), max_length=10, choices=ApiKeyKind.choices)
    name = models.CharField(_("name"), max_length=60)
    prefix = models.CharField(_("beginning of the key"), max_length=16, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=32, choices=ApiScope.choices), verbose_name=_("may"), default=list
    )
    brand = models.ForeignKey(
        Brand, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("brand")
    )
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("store")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="api_keys",
        verbose_name=_("belongs to"),
    )
    networks = ArrayField(
        models.CharField(max_length=43),
        verbose_name=_("addresses"),
        default=list,
        blank=True,
        help_text=_("Networks such as 203.0.113.0/24. Empty: from anywhere."),
    )
    signed = models.BooleanField(
        _("requests are signed"),
        default=False,
        help_text=_("Each request must carry a signature that is at most five minutes old."),
    )
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(
        _("last used"), null=True, blank=True, help_text=_("Exact to a few minutes.")
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    models.Q(kind="till", store__isnull=False, owner__isnull=True)
                    | models.Q(kind="partner", brand__isnull=False, store__isnull=True, owner__isnull=True)
                    | models.Q(kind="staff", owner__isnull=False, expires_at__isnull=False)
                ),
                name="api_key_bound_to_its_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(secret_hash__regex=r"^[0-9a-f]{64}$"), name="api_key_hash_is_sha256"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_live(self, now: datetime) -> bool:
        """Neither revoked nor over. Whether its owner and its shop still work is asked of their rows."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
