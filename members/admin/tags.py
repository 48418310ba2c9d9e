"""The registry of tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.actors import Actor
from backoffice.admin.base import EVERYBODY, ScopedModelAdmin
from backoffice.admin.display import display, number
from backoffice.admin.exports.button import export_url
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, verb_paths, visible_or_404
from backoffice.errors import Refusal
from members.admin.listed_tags import ListedTagView
from members.admin.member_tags import GiveTagView, TakeTagView
from members.errors import TagLooksAlike
from members.models import Tag, TagName
from members.selectors.tags import dead_tags, with_carriers
from members.services import tags
from members.sockets import tag_uses
from members.tag_names import slug_of


class TagForm(forms.ModelForm):
    """A name that looks like another tag's is refused with that tag's name."""

    class Meta:
        model = Tag
        fields = ("name", "group", "definition", "owner", "expires_on")

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        known = TagName.objects.filter(slug=slug_of(name)).select_related("tag").first()
        if known and known.tag_id != self.instance.pk:
            raise forms.ValidationError(
                str(TagLooksAlike(name=name, other=known.tag.name, tag_id=known.tag_id))
            )
        return name


class DeadFilter(admin.SimpleListFilter):
    title = gettext_lazy("use")
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("living", _("In the registry")),
            ("dead", _("Dead: expired or carried by nobody")),
            ("merged", _("Merged")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "living":
                return queryset.living()
            case "dead":
                return queryset.filter(pk__in=dead_tags(timezone.localdate()))
            case "merged":
                return queryset.exclude(merged_into=None)
        return queryset


@admin.register(Tag)
class TagAdmin(ScopedModelAdmin):
    scope = EVERYBODY
    form = TagForm
    fields = ("name", "group", "definition", "owner", "expires_on", "aliases", "carriers", "where_used")
    readonly_fields = ("aliases", "carriers", "where_used")
    list_display = ("name", "group", "carriers", "owner", "expires_on", "merged_into")
    list_filter = (DeadFilter, "group")
    list_select_related = ("owner", "merged_into")
    search_fields = ("name", "group")
    ordering = ("group", "name")
    autocomplete_fields = ("owner",)
    change_form_outer_before_template = "members/tag_verbs.html"
    change_list_template = "members/tag_list.html"
    list_before_template = "members/dead_tags.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # A name is what files and people know it by: another name is an alias.
        return (*self.readonly_fields, "name") if obj else self.readonly_fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_carriers(super().get_queryset(request))

    @display(description=gettext_lazy("carried by"))
    def carriers(self, tag: Tag) -> str:
        count = number(getattr(tag, "carrier_count", None) or 0)
        if not tag.pk:
            return count
        address = reverse("admin:members_member_changelist")
        return format_html('<a class="sk-link" href="{}?tag={}">{}</a>', address, tag.pk, count)

    @display(description=gettext_lazy("names that lead here"))
    def aliases(self, tag: Tag) -> str:
        return "、".join(tag.names.values_list("name", flat=True)) or "-"

    @display(description=gettext_lazy("where it is used"))
    def where_used(self, tag: Tag) -> str:
        used = [what for use in tag_uses() for what, _address in use.where(tag_id=tag.pk)] if tag.pk else []
        return "、".join(used) or "-"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        dead = 0 if request.GET.get("use") else dead_tags(timezone.localdate()).count()
        more = {"dead_count": dead, "export_url": export_url(request, "tags")}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def save_model(self, request: HttpRequest, obj: Tag, form: Any, change: bool) -> None:
        user: Any = request.user
        actor, now = Actor.staff(user), timezone.now()
        if change:
            tags.change_tag(
                tag_id=obj.pk, group=obj.group, definition=obj.definition, owner=obj.owner,
                expires_on=obj.expires_on, actor=actor, now=now,
            )  # fmt: skip
            return
        made = tags.define_tag(
            name=obj.name, group=obj.group, definition=obj.definition, owner=obj.owner or user,
            expires_on=obj.expires_on, actor=actor, now=now,
        )  # fmt: skip
        obj.pk = made.pk

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        user: Any = request.user
        more = {"may_merge": object_id and user.has_perm("members.merge_tag")}
        try:
            return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **more})
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())

    def get_urls(self) -> list[Any]:
        own = [
            path(
                f"{slug}/<int:pk>/",
                self.admin_site.admin_view(view.as_view()),
                name=f"members_membertag_{slug}",
            )
            for slug, view in (("give", GiveTagView), ("take", TakeTagView))
        ]
        everybody = path(
            "listed/", self.admin_site.admin_view(ListedTagView.as_view()), name="members_membertag_listed"
        )
        return [
            everybody,
            *own,
            *verb_paths(self, {"merge": MergeView, "alias": AliasView}),
            *super().get_urls(),
        ]


class TagVerb(VerbView):
    permission = "members.merge_tag"

    def fetch(self, user: Any, pk: int) -> Tag:
        tag: Tag = visible_or_404(Tag.objects.living(), user, pk)
        return tag

    def summary(self, row: Tag) -> Sequence[tuple[Text, Any]]:
        return ((_("Tag"), row.name), (_("Group"), row.group), (_("Definition"), row.definition))

    def back_url(self, row: Tag) -> str:
        return reverse("admin:members_tag_change", args=[row.pk])


class MergeForm(VerbForm):
    into = forms.ModelChoiceField(label=gettext_lazy("Merge into"), queryset=Tag.objects.living())


class MergeView(TagVerb):
    """Everybody who carries this tag carries the other one instead (N7)."""

    name = "members.merge_tags"
    title = gettext_lazy("Merge this tag into another")
    confirm_label = gettext_lazy("Merge")
    form_class = MergeForm
    dangerous = True

    def make_form(self, row: Tag, data: Any = None, **kwargs: Any) -> VerbForm:
        form = super().make_form(row, data, **kwargs)
        choice: Any = form.fields["into"]
        choice.queryset = Tag.objects.living().exclude(pk=row.pk)
        return form

    def perform(self, row: Tag, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        into = tags.merge_tags(tag_id=row.pk, into_id=asked["into"].pk, actor=act.actor, now=act.now)
        return {"into": into.name}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The tag was merged into “%(name)s”.") % {"name": body["into"]}


class AliasForm(VerbForm):
    alias = forms.CharField(label=gettext_lazy("Another name"), max_length=40)


class AliasView(TagVerb):
    name = "members.alias_tag"
    title = gettext_lazy("Add another name")
    confirm_label = gettext_lazy("Save")
    form_class = AliasForm

    def perform(self, row: Tag, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        tags.add_alias(tag_id=row.pk, name=asked["alias"], actor=act.actor, now=act.now)
        return {"alias": asked["alias"]}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("Files that say “%(name)s” mean this tag now.") % {"name": body["alias"]}
