"""One's own safety: the second factor, its recovery codes, and what happened at the door under one's name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import segno
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from backoffice import session_marks
from backoffice.actors import Actor
from backoffice.admin.proofs import first_prove, prove
from backoffice.admin.sign_in import CodeForm, layout, safe_next
from backoffice.errors import Refusal
from backoffice.sealing import seal, unseal
from backoffice.selectors import has_second_factor, login_events_of, needs_second_factor
from backoffice.services import second_factor
from backoffice.visits import request_id, visit_of

EVENTS = 10
View = Callable[[HttpRequest], HttpResponse]


def after_proof(view: View) -> View:
    """The page opens to somebody who has proved himself a short while ago."""

    @wraps(view)
    def proven(request: HttpRequest) -> HttpResponse:
        return first_prove(request) or view(request)

    return proven


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """`security/`: whether there is a second factor, and the latest sign-in events of one's own account."""
    user: Any = request.user
    factor = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    context = {
        "title": _("My sign-in"),
        "factor": factor,
        "needed": needs_second_factor(user),
        "demo": getattr(settings, "SHUKE_DEMO", False),
        "codes_left": len(second_factor.unused_codes(user)) if factor else 0,
        "events": login_events_of(user)[:EVENTS],
    }
    return page(request, "admin/security.html", context)


@sensitive_post_parameters("code")
@after_proof
def set_up(request: HttpRequest) -> HttpResponse:
    """`security/set-up/`: shows the seed as a picture and as text, and binds it once a code proves it."""
    user: Any = request.user
    if has_second_factor(user):
        return HttpResponseRedirect(reverse("admin:security"))
    posted = request.method == "POST"
    secret = _kept_secret(request) if posted else None
    form = CodeForm(request.POST if posted and secret else None)
    if secret is None:
        secret = second_factor.new_secret()
        request.session[session_marks.NEW_SECRET] = seal(secret)
    if form.is_bound and form.is_valid():
        now = timezone.now()
        try:
            second_factor.set_up(
                actor=Actor.staff(user, request_id()),
                secret=secret,
                code=form.cleaned_data["code"],
                visit=visit_of(request),
                now=now,
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            request.session.pop(session_marks.NEW_SECRET, None)
            session_marks.prove(request.session, now, factor=True)
            messages.success(request, _("The second factor is set up."))
            return _to_codes(request)
    url = get_adapter().build_totp_url(user, secret)
    context = {
        **layout(request),
        "title": _("Set up the second factor"),
        "form": form,
        "picture": segno.make(url, error="m").svg_data_uri(scale=5, border=2),
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "needed": needs_second_factor(user),
        "next": safe_next(request),
    }
    return page(request, "admin/set_up_factor.html", context)


@after_proof
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """`security/recovery-codes/`: shows new codes once; a POST makes new ones."""
    user: Any = request.user
    if not has_second_factor(user):
        return HttpResponseRedirect(reverse("admin:security"))
    if request.method == "POST":
        try:
            second_factor.renew_codes(
                actor=Actor.staff(user, request_id()), visit=visit_of(request), now=timezone.now()
            )
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:security"))
        return _to_codes(request)
    codes = second_factor.unused_codes(user)
    shown = request.session.pop(session_marks.SHOW_CODES, False)
    context = {
        "title": _("Recovery codes"),
        "codes": [f"{code[:4]} {code[4:]}" for code in codes] if shown else [],
        "left": len(codes),
        "next": safe_next(request),
    }
    return page(request, "admin/recovery_codes.html", context)


@after_proof
def remove(request: HttpRequest) -> HttpResponse:
    """`security/remove/`: asks, then takes the second factor off one's own account."""
    user: Any = request.user
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    if request.method == "POST":
        try:
            second_factor.remove(
                actor=Actor.staff(user, request_id()), visit=visit_of(request), now=timezone.now()
            )
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            request.session[session_marks.FACTOR] = False
            messages.success(request, _("The second factor was removed."))
        return HttpResponseRedirect(reverse("admin:security"))
    return page(request, "admin/remove_factor.html", {"title": _("Remove the second factor")})


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})


def _kept_secret(request: HttpRequest) -> str | None:
    sealed = request.session.get(session_marks.NEW_SECRET)
    try:
        return unseal(sealed) if sealed else None
    except ValueError:
        return None


def _to_codes(request: HttpRequest) -> HttpResponse:
    request.session[session_marks.SHOW_CODES] = True
    back = urlencode({REDIRECT_FIELD_NAME: safe_next(request)})
    return HttpResponseRedirect(f"{reverse('admin:recovery_codes')}?{back}")


SITE: Any = admin.site
SITE.register_page("security/", security, "security")
SITE.register_page("security/set-up/", set_up, "set_up_factor")
SITE.register_page("security/recovery-codes/", recovery_codes, "recovery_codes")
SITE.register_page("security/remove/", remove, "remove_factor")
SITE.register_page("prove/", prove, "prove")
