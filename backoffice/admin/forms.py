"""Forms of staff verbs in the theme's clothes. Apps write plain Django fields and get the widgets here."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)


def dress(field: forms.Field) -> None:
    """Give a plain field the theme's widget; hidden ones and unknown kinds stay as they are."""
    if field.widget.is_hidden:
        return
    attrs = dict(field.widget.attrs)
    if isinstance(field.widget, forms.CheckboxSelectMultiple | forms.SelectMultiple):
        pass
    elif isinstance(field.widget, forms.PasswordInput):
        field.widget = UnfoldAdminPasswordWidget(attrs={**attrs, **field.widget_attrs(field.widget)})
    elif isinstance(field, forms.ChoiceField):
        # The widget's choices, not the field's: those of a model field follow a queryset that is set later.
        widget = UnfoldAdminSelectWidget(attrs=attrs)
        widget.choices = field.choices
        field.widget = widget
    elif isinstance(field, forms.IntegerField):
        field.widget = UnfoldAdminIntegerFieldWidget(attrs={**attrs, **field.widget_attrs(field.widget)})
    elif isinstance(field, forms.BooleanField):
        field.widget = UnfoldBooleanSwitchWidget(attrs=attrs)
    elif isinstance(field, forms.FileField):
        field.widget = UnfoldAdminFileFieldWidget(attrs=attrs)
    elif isinstance(field, forms.DateField):
        field.widget = UnfoldAdminDateWidget(attrs=attrs)
    elif isinstance(field, forms.EmailField):
        field.widget = UnfoldAdminEmailInputWidget(attrs=attrs)
    elif isinstance(field.widget, forms.Textarea):
        field.widget = UnfoldAdminTextareaWidget(attrs=attrs)
    elif isinstance(field, forms.CharField):
        field.widget = UnfoldAdminTextInputWidget(attrs={**attrs, **field.widget_attrs(field.widget)})
    field.widget.is_required = field.required


class VerbForm(forms.Form):
    """What a verb asks for, with the three hidden fields that make it safe.

    `key` names this one act (drawn when the page is opened), `expected_seq` the state of the account that the
    person looked at, `previewed` the figures that he was shown.
    """

    required_css_class = "required"

    key = forms.CharField(widget=forms.HiddenInput, max_length=64)
    expected_seq = forms.IntegerField(widget=forms.HiddenInput, required=False)
    previewed = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("key", uuid.uuid4().hex)
        for name, field in self.fields.items():
            dress(field)
            if field.help_text and not field.widget.is_hidden:
                field.widget.attrs.setdefault("aria-describedby", f"id_{name}_help")

    def asked(self) -> dict[str, Any]:
        """The cleaned values that the verb itself takes, without the hidden three."""
        hidden = {"key", "expected_seq", "previewed"}
        return {name: value for name, value in self.cleaned_data.items() if name not in hidden}
