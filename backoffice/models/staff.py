"""Staff users. Members are never rows of this table."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from backoffice.choices import Reach
from backoffice.models.merchant import Brand, Store


class StaffManager(UserManager["User"]):
    use_in_migrations = False

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra: Any
    ) -> "User":
        """Whoever may do everything also sees the whole group, or a new superuser would see nothing."""
        return super().create_superuser(username, email, password, **{"reach": Reach.GROUP, **extra})


class User(AbstractUser):
    """A person who works here. What he may do comes from his roles, what he may see from `reach`.

    Reach fails closed: `brand` without a brand and `stores` without stores see nothing.
    """

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("full name"), max_length=100, blank=True)
    reach = models.CharField(_("reach"), max_length=10, choices=Reach.choices, default=Reach.STORES)
    brand = models.ForeignKey(
        Brand,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="staff",
        verbose_name=_("brand"),
        help_text=_("Needed when the reach is one brand."),
    )
    stores = models.ManyToManyField(Store, blank=True, related_name="staff", verbose_name=_("stores"))
    session_epoch = models.PositiveIntegerField(
        _("session epoch"),
        default=0,
        db_default=0,
        editable=False,
        help_text=_("Counting it up ends all sessions of this person."),
    )
    must_choose_password = models.BooleanField(
        _("has to choose a password"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("Somebody else knows the present one; nothing else opens before it is changed."),
    )

    objects: ClassVar[StaffManager] = StaffManager()

    class Meta:
        verbose_name = _("staff user")
        verbose_name_plural = _("staff users")
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(reach="brand") | models.Q(brand__isnull=False),
                name="staff_brand_reach_names_brand",
                violation_error_message=_("Choose the brand that this person works for."),
            )
        ]

    def __str__(self) -> str:
        return self.name or self.username

    def brand_ids(self) -> list[int]:
        """The brands of his stores; read together with the signed-in user (`rights.RoleBackend`)."""
        known = vars(self).get("store_brands")
        return list(self.stores.values_list("brand_id", flat=True)) if known is None else known

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What every session of this person carries; the password and the epoch make it.

        Both of Django's public methods come here, the one for the key of today and the one for older keys.
        """
        return salted_hmac(
            "backoffice.User.session",
            f"{self.session_epoch}:{self.password}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    def get_full_name(self) -> str:
        return self.name or self.username

    def get_short_name(self) -> str:
        return self.name or self.username
