"""Columns of files that are a tag each: the head is the tag's name or another name of it, the cells say yes
or no. A head that the registry does not know is ignored, until a person says that it shall become a tag.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from backoffice.services.imports.columns import CellFault, ImportWidget, Text
from members.import_widgets import YesNoWidget
from members.models import Tag, TagName
from members.services.imports.fields import NEW_TAG_FIELD, TAG_FIELD
from members.tag_names import bare_head, fit, slug_of

# A page with more choices for each column would be a long one.
MOST_OFFERED = 300


class TagCellWidget(YesNoWidget):
    def read(self, text: str) -> str:
        try:
            return super().read(text)
        except CellFault:
            raise CellFault("yes_no") from None


WIDGET = TagCellWidget()


class TagColumns:
    """`MoreColumns` over the registry of this moment."""

    into = "tags"

    def __init__(self) -> None:
        self._by_slug: dict[str, int] = dict(TagName.objects.values_list("slug", "tag_id"))

    def recognise(self, head: str) -> str:
        tag_id = self._by_slug.get(slug_of(bare_head(head)))
        return f"{TAG_FIELD}{tag_id}" if tag_id else ""

    def options(self, index: int, head: str) -> list[tuple[str, Text]]:
        living = Tag.objects.living().values_list("pk", "name")[:MOST_OFFERED]
        offered = {f"{TAG_FIELD}{pk}": _("tag “%(name)s”") % {"name": name} for pk, name in living}
        name = bare_head(head)
        if known := self.recognise(head):
            offered.setdefault(known, _("tag “%(name)s”") % {"name": name})
        elif fit(name):
            offered[f"{NEW_TAG_FIELD}{index}"] = _("new tag “%(name)s”") % {"name": name}
        return list(offered.items())

    def widget(self, field: str) -> ImportWidget | None:
        prefix = TAG_FIELD if field.startswith(TAG_FIELD) else NEW_TAG_FIELD
        number = field.removeprefix(prefix)
        if not field.startswith(prefix) or not number.isdecimal():
            return None
        known = prefix == NEW_TAG_FIELD or int(number) in self._by_slug.values()
        return WIDGET if known else None
