"""Changing one's own password: the old one is compared by the service, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AdminOwnPasswordChangeForm

from backoffice.admin.base import actor_of
from backoffice.admin.sign_in import layout, safe_next
from backoffice.errors import Refusal, WeakPassword
from backoffice.services import credentials
from backoffice.visits import visit_of

if TYPE_CHECKING:
    from django.forms import Form


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    def clean_old_password(self) -> str:
        return str(self.cleaned_data["old_password"])


@sensitive_post_parameters()
def change_password(request: HttpRequest) -> HttpResponse:
    """One's other sessions end; this one goes on, for whoever had to choose to where he was going."""
    user: Any = request.user
    asked = user.must_choose_password
    form: Form = OwnPasswordForm(user, request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            changed = credentials.change_own_password(
                actor=actor_of(request),
                old=form.cleaned_data["old_password"],
                new=form.cleaned_data["new_password1"],
                visit=visit_of(request),
                now=timezone.now(),
            )
        except Refusal as refusal:
            field = "new_password1" if isinstance(refusal, WeakPassword) else "old_password"
            form.add_error(field, str(refusal))
            status = 429 if refusal.code == "too_many_tries" else 200
        else:
            update_session_auth_hash(request, changed)
            done = safe_next(request) if asked else reverse("admin:password_change_done")
            return HttpResponseRedirect(done)
    title = _("Choose a password") if asked else _("Change password")
    context = {**admin.site.each_context(request), "title": title, "form": form}
    if not asked:
        return TemplateResponse(request, "registration/password_change_form.html", context, status=status)
    context |= {**layout(request), "next": safe_next(request)}
    return TemplateResponse(request, "admin/choose_password.html", context, status=status)
