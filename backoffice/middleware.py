"""What happens around every request of staff: sessions end in time, the history knows who writes."""

from collections.abc import Callable
from typing import Any

import pghistory
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from backoffice import session_marks
from backoffice.selectors import has_second_factor, needs_second_factor
from backoffice.services import sign_in
from backoffice.visits import visit_of

# What somebody may do before he has shown the second factor that his rights need.
OPEN = frozenset(
    {
        "admin:login",
        "admin:logout",
        "admin:second_step",
        "admin:set_up_factor",
        "admin:prove",
        "admin:jsi18n",
        "set_language",
        "livez",
        "readyz",
        "metrics",
    }
)
# And before he has chosen a password of his own, where somebody else knows the present one.
OPEN_WITHOUT_PASSWORD = OPEN | {"admin:password_change"}


class StaffSessionMiddleware:
    """Ends sessions that were quiet too long or are too old, and leads to what has to be done first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._is_staff(request):
            now = timezone.now()
            if session_marks.is_over(request.session, now):
                user: Any = request.user
                sign_in.signed_out(user=user, visit=visit_of(request), now=now, ran_out=True)
                logout(request)
                messages.info(request, _("Your session has ended. Please sign in again."))
            else:
                # A page that stands open asks by itself whether there is something new: nobody works there.
                if request.path != reverse("admin:notices_unread"):
                    session_marks.touch(request.session, now)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Every page, read or written, waits for the second factor and then for a password of one's own."""
        match = request.resolver_match
        name = match.view_name if match is not None else ""
        if name in OPEN or not self._is_staff(request):
            return None
        user: Any = request.user
        if not request.session.get(session_marks.FACTOR) and needs_second_factor(user):
            page = "admin:second_step" if has_second_factor(user) else "admin:set_up_factor"
        elif user.must_choose_password and name not in OPEN_WITHOUT_PASSWORD:
            page = "admin:password_change"
        else:
            return None
        back = request.get_full_path() if request.method in {"GET", "HEAD"} else reverse("admin:index")
        return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': back})}")

    @staticmethod
    def _is_staff(request: HttpRequest) -> bool:
        # Whoever brings no session (tills, probes) costs nothing here.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return False
        return SESSION_KEY in request.session and request.user.is_authenticated


class HistoryContextMiddleware:
    """Names the signed-in user and the address on every history row that a writing request leaves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return self.get_response(request)
        user = getattr(request, "user", None)
        with pghistory.context(user=getattr(user, "pk", None), url=request.path):
            return self.get_response(request)
