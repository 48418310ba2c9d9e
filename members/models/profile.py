"""Which profile fields a brand asks for."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.models import Brand
from members.choices import FieldNeed, ProfileField


class ProfileFieldRule(models.Model):
    """A brand's need for one field; without a brand it is the group's default. No rule means optional."""

    brand = models.ForeignKey(
        Brand,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="profile_rules",
        verbose_name=_("brand"),
        help_text=_("Empty: every brand without a rule of its own."),
    )
    field = models.CharField(_("field"), max_length=20, choices=ProfileField.choices)
    need = models.CharField(_("need"), max_length=10, choices=FieldNeed.choices)

    class Meta:
        verbose_name = _("profile field rule")
        verbose_name_plural = _("profile field rules")
        ordering = ["brand_id", "field"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "field"], name="profile_rule_once", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.get_field_display()}: {self.get_need_display()}"
