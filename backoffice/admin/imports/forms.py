"""Forms of the import desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.forms import dress
from backoffice.choices import Reach
from backoffice.models import Brand, User
from backoffice.services.imports.kinds import ImportKind, kinds_for

ENCODINGS = (
    ("", gettext_lazy("Find out")),
    ("utf-8-sig", "UTF-8"),
    ("cp950", gettext_lazy("Big5 (CP950)")),
    ("utf-16", "UTF-16"),
)
DELIMITERS = (
    ("", gettext_lazy("Find out")),
    (",", gettext_lazy("Comma ,")),
    (";", gettext_lazy("Semicolon ;")),
    ("\t", gettext_lazy("Tab")),
    ("|", gettext_lazy("Bar |")),
)


class UploadForm(forms.Form):
    """A file and what it is."""

    required_css_class = "required"
    kind = forms.ChoiceField(label=gettext_lazy("What does the file hold?"))
    brand = forms.ModelChoiceField(
        label=gettext_lazy("brand"),
        queryset=Brand.objects.none(),
        required=False,
        empty_label=gettext_lazy("The whole group"),
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV (UTF-8, Big5 or UTF-16, also gzipped) or XLSX, up to 200 MB."),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx,.gz"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind: Any = self.fields["kind"]
        kind.choices = [(kind.name, kind.title) for kind in kinds_for(user)]
        brand: Any = self.fields["brand"]
        if user.reach == Reach.GROUP:
            brand.queryset = Brand.objects.all()
        else:
            del self.fields["brand"]
        for field in self.fields.values():
            dress(field)


def shown_encoding(layout: Mapping[str, Any]) -> str:
    """The choice of ENCODINGS by which the file is read."""
    encoding = str(layout.get("encoding") or "")
    return "utf-16" if encoding.startswith("utf-16") else "utf-8-sig" if encoding == "utf-8" else encoding


class ReadingForm(forms.Form):
    """How the file is read, where the desk guessed wrong."""

    encoding = forms.ChoiceField(label=gettext_lazy("Encoding"), choices=ENCODINGS, required=False)
    delimiter = forms.ChoiceField(label=gettext_lazy("Between columns"), choices=DELIMITERS, required=False)
    sheet = forms.ChoiceField(label=gettext_lazy("Sheet"), required=False)
    head = forms.IntegerField(
        label=gettext_lazy("Line of the column names"), min_value=1, max_value=10, required=False
    )

    def __init__(self, layout: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if layout.get("type") == "xlsx":
            del self.fields["encoding"], self.fields["delimiter"]
            sheet: Any = self.fields["sheet"]
            sheet.choices = [(one["name"], one["name"]) for one in layout.get("sheets", [])]
            if not sheet.choices:
                del self.fields["sheet"]
        else:
            del self.fields["sheet"]
        for field in self.fields.values():
            dress(field)

    @staticmethod
    def of(layout: Mapping[str, Any]) -> ReadingForm:
        """The form as the file is read now."""
        now = {
            "encoding": shown_encoding(layout),
            "delimiter": layout.get("delimiter", ""),
            "sheet": layout.get("sheet", ""),
            "head": layout.get("head"),
        }
        return ReadingForm(layout, initial=now)


class CheckForm(forms.Form):
    """Which column is which field, and what the rows may do."""

    def __init__(self, kind: ImportKind, layout: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.layout = kind, layout
        fields = [
            ("", _("- ignore -")),
            *((name, str(column.title)) for name, column in kind.columns.items()),
        ]
        more = kind.more() if kind.more else None
        for index, head in enumerate(layout["heads"]):
            own = [(field, str(title)) for field, title in more.options(index, head)] if more else []
            self.fields[f"column_{index}"] = forms.ChoiceField(
                label=head or _("Column %(number)s") % {"number": index + 1},
                choices=[*fields, *own],
                required=False,
                initial=layout["fields"][index],
            )
        for choice in kind.choices:
            if choice.options:
                options = [(value, str(title)) for value, title in choice.options]
                self.fields[f"policy_{choice.name}"] = forms.ChoiceField(
                    label=str(choice.title), choices=options, required=False
                )
            else:
                self.fields[f"policy_{choice.name}"] = forms.CharField(
                    label=str(choice.title), max_length=200, required=False
                )
        for field in self.fields.values():
            dress(field)

    def columns(self) -> list[forms.BoundField]:
        return [self[f"column_{index}"] for index in range(len(self.layout["heads"]))]

    def policies(self) -> list[forms.BoundField]:
        return [self[f"policy_{choice.name}"] for choice in self.kind.choices]

    def fields_by_column(self) -> list[str]:
        return [self.cleaned_data[f"column_{index}"] for index in range(len(self.layout["heads"]))]

    def policy(self) -> dict[str, str]:
        return {choice.name: self.cleaned_data[f"policy_{choice.name}"] for choice in self.kind.choices}
