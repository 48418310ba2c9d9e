"""Tags: the registry of what a tag means, every name that leads to it, and who carries it."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from members.choices import TagOrigin
from members.models.member import Member
from members.querysets import TagQuerySet


class Tag(models.Model):
    """A label with a definition, a group and somebody answerable. A merged one leads on to the other.

    `expires_on` is the last day on which the tag says anything; after it nobody counts as tagged.
    """

    name = models.CharField(_("tag"), max_length=40, unique=True)
    group = models.CharField(_("group"), max_length=40)
    definition = models.TextField(_("definition"), help_text=_("Who gets this tag, and what it is used for."))
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="tags",
        verbose_name=_("answerable"),
    )
    expires_on = models.DateField(_("last day"), null=True, blank=True)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="absorbed",
        verbose_name=_("merged into"),
    )
    created_at = models.DateTimeField(_("created"))

    objects = TagQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["group", "name"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(definition=""), name="tag_is_defined"),
        ]

    def __str__(self) -> str:
        return self.name


class TagName(models.Model):
    """A name that leads to a tag: its own and its aliases. `slug` is the name as look-alikes share it."""

    slug = models.CharField(_("compared as"), max_length=80, primary_key=True)
    name = models.CharField(_("name"), max_length=40)
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, related_name="names", verbose_name=_("tag"))

    class Meta:
        verbose_name = _("tag name")
        verbose_name_plural = _("tag names")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class MemberTag(models.Model):
    """A member carries a tag, and where that comes from: a rule, a colleague or an import.

    As lean as it can be, because a file brings a million of them: the pair is the key, one index on the tag,
    no foreign keys in the database. Rows are written where both ends are proven by a join, tags are never
    deleted, and whoever deletes a member deletes his tags (the undo of an import).
    """

    pk = models.CompositePrimaryKey("member_id", "tag_id")
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="tags",
        db_index=False,
        db_constraint=False,
        verbose_name=_("member"),
    )
    tag = models.ForeignKey(
        Tag,
        on_delete=models.PROTECT,
        related_name="carriers",
        db_index=False,
        db_constraint=False,
        verbose_name=_("tag"),
    )
    origin = models.CharField(_("from"), max_length=6, choices=TagOrigin.choices)
    origin_id = models.BigIntegerField(_("its number"), null=True, blank=True)
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("member tag")
        verbose_name_plural = _("member tags")
        indexes = [models.Index(fields=["tag"], name="member_tag_tag")]

    def __str__(self) -> str:
        return f"{self.member_id}:{self.tag_id}"
