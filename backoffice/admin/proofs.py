"""Dangerous verbs ask for a proof of identity that is not old: the password again, or the second factor."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from backoffice import session_marks
from backoffice.admin.forms import dress
from backoffice.admin.sign_in import CodeForm, layout, safe_next
from backoffice.errors import Refusal
from backoffice.selectors import has_second_factor
from backoffice.services import second_factor, sign_in
from backoffice.visits import visit_of


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self.fields["password"])


def first_prove(request: HttpRequest) -> HttpResponse | None:
    """The way to the page that asks for a proof, or None when there is a fresh one.

    After a POST the way back leads to the page itself: what was typed has to be typed again.
    """
    if session_marks.proved_recently(request.session, timezone.now()):
        return None
    back = request.get_full_path() if request.method in {"GET", "HEAD"} else request.path
    return HttpResponseRedirect(f"{reverse('admin:prove')}?{urlencode({REDIRECT_FIELD_NAME: back})}")


@sensitive_post_parameters("code", "password")
def prove(request: HttpRequest) -> HttpResponse:
    """`prove/?next=`: asks for the second factor where there is one, else for the password."""
    user: Any = request.user
    by_code = has_second_factor(user)
    form_class = CodeForm if by_code else PasswordForm
    form = form_class(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        now = timezone.now()
        try:
            if by_code:
                second_factor.prove_by_code(
                    user=user, code=form.cleaned_data["code"], visit=visit_of(request), now=now
                )
            else:
                sign_in.prove_by_password(
                    user=user, password=form.cleaned_data["password"], visit=visit_of(request), now=now
                )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            status = 429 if refusal.code == "too_many_tries" else 200
        else:
            session_marks.prove(request.session, now, factor=by_code)
            return HttpResponseRedirect(safe_next(request))
    context = {
        **admin.site.each_context(request),
        **layout(request),
        "title": _("Is it you?"),
        "form": form,
        "by_code": by_code,
        "next": safe_next(request),
        "back_url": reverse("admin:index"),
    }
    return TemplateResponse(request, "admin/prove.html", context, status=status)
