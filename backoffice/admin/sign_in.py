"""Signing in and out: name and password, then the code where the account has a second factor."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AuthenticationForm

from backoffice import session_marks
from backoffice.admin.forms import dress
from backoffice.errors import Refusal, SignInOver
from backoffice.selectors import needs_second_factor
from backoffice.services import second_factor, sign_in
from backoffice.visits import visit_of

if TYPE_CHECKING:
    from backoffice.models import User

# A longer one is none of ours, and hashing it would cost the server.
LONGEST_PASSWORD = 1024
BACKEND = "backoffice.rights.RoleBackend"


def safe_next(request: HttpRequest) -> str:
    """Where to go afterwards: the page that was asked for, if it is one of ours, else the overview."""
    target = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if ours else reverse("admin:index")


def layout(request: HttpRequest) -> dict[str, Any]:
    """Template context: a page without navigation and figures while second factor or password is missing."""
    user: Any = request.user
    no_factor = not request.session.get(session_marks.FACTOR) and needs_second_factor(user)
    bare = no_factor or user.must_choose_password
    return {"layout": "unfold/layouts/unauthenticated.html" if bare else "admin/base_site.html", "bare": bare}


class SignInForm(AuthenticationForm):
    """Name and password; the service compares them. Its refusal is the form's only error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.code_awaited = False

    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not username or not password or self.request is None:
            return self.cleaned_data
        try:
            accepted = sign_in.check_password(
                username=username,
                password=password[:LONGEST_PASSWORD],
                visit=visit_of(self.request),
                now=timezone.now(),
            )
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal), code=refusal.code) from refusal
        self.user_cache = cast(Any, accepted.user)
        self.code_awaited = accepted.code_awaited
        return self.cleaned_data


class SignInView(LoginView):
    """The first step. Whoever has a second factor is not signed in by his password."""

    authentication_form = SignInForm
    template_name = "admin/sign_in.html"

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = form.get_user()
        now = timezone.now()
        if not form.code_awaited:
            return begin(self.request, user, self.get_success_url(), factor=False)
        session_marks.await_code(
            self.request.session, now, user_id=user.pk, auth_hash=user.get_session_auth_hash()
        )
        return HttpResponseRedirect(_second_step(self.get_success_url()))

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        if form.has_error("__all__", "too_many_tries"):
            response.status_code = 429
        return response


def begin(request: HttpRequest, user: User, target: str, *, factor: bool) -> HttpResponse:
    """Start the session of somebody who has proved himself."""
    login(request, user, backend=BACKEND)
    session_marks.begin(request.session, timezone.now(), factor=factor)
    return HttpResponseRedirect(target)


class CodeForm(forms.Form):
    """One field for both kinds: the code of the app, or a recovery code."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=32,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self.fields["code"])


@sensitive_post_parameters("code")
@never_cache
def second_step(request: HttpRequest) -> HttpResponse:
    """The code after the password; also for a session that began before its owner had a second factor."""
    now = timezone.now()
    whose = _whose(request)
    if whose is None:
        return _again(request)
    user_id, auth_hash = whose
    form = CodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            user = second_factor.sign_in_by_code(
                user_id=user_id,
                auth_hash=auth_hash,
                code=form.cleaned_data["code"],
                visit=visit_of(request),
                now=now,
            )
        except SignInOver:
            return _again(request)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            status = 429 if refusal.code == "too_many_tries" else 200
        else:
            return _through(request, user, now)
    context = {
        **admin.site.each_context(request),
        "title": _("Second step"),
        "form": form,
        "next": safe_next(request),
        "cancel_url": reverse("admin:login"),
    }
    return TemplateResponse(request, "admin/second_step.html", context, status=status)


def _through(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    """Starts the session, unless it goes on: a code alone must not give it another eight hours."""
    if session_marks.awaited(request.session, now):
        return begin(request, user, safe_next(request), factor=True)
    request.session.cycle_key()
    session_marks.prove(request.session, now, factor=True)
    return HttpResponseRedirect(safe_next(request))


def _whose(request: HttpRequest) -> tuple[int, str] | None:
    waiting = session_marks.awaited(request.session, timezone.now())
    if waiting:
        return waiting["user"], waiting["hash"]
    user: Any = request.user
    if user.is_authenticated:
        return user.pk, user.get_session_auth_hash()
    return None


def _again(request: HttpRequest) -> HttpResponse:
    messages.warning(request, str(SignInOver()))
    return HttpResponseRedirect(
        f"{reverse('admin:login')}?{urlencode({REDIRECT_FIELD_NAME: safe_next(request)})}"
    )


def _second_step(target: str) -> str:
    return f"{reverse('admin:second_step')}?{urlencode({REDIRECT_FIELD_NAME: target})}"
