"""The sign in the header of every page: how much the person has not looked at yet."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from backoffice.choices import NoticeSubject
from backoffice.models import Notice
from backoffice.selectors import counted, open_alarms, unread_notices
from backoffice.services import notices

# Nobody counts further, and neither does the database.
MOST_SHOWN = 99
KNOWN = "bell_counts"


def unread(request: HttpRequest) -> int:
    """How many notices the person has not looked at, up to one more than is shown."""
    return _counts(request)["unread"]


def ringing(request: HttpRequest) -> int:
    """How many alarms are open within the person's reach, for the list beside every page."""
    return _counts(request)["alarms"]


def _counts(request: HttpRequest) -> dict[str, int]:
    """Both in one statement, once for a request: every page shows both."""
    known: dict[str, Any] = vars(request)
    if KNOWN not in known:
        user: Any = request.user
        few = unread_notices(user)[: MOST_SHOWN + 1]
        known[KNOWN] = counted(unread=Notice.objects.filter(pk__in=few), alarms=open_alarms(user))
    counts: dict[str, int] = known[KNOWN]
    return counts


def is_known(request: HttpRequest, *, unread: int, alarms: int) -> None:
    """The page has counted already, together with all else that waits (the overview)."""
    vars(request)[KNOWN] = {"unread": unread, "alarms": alarms}


def looked_at(request: HttpRequest, subject: NoticeSubject, pk: int) -> None:
    """The person opens the page of `subject`: what he was told about it is read. Costs nothing when nothing
    is unread.
    """
    user: Any = request.user
    if request.method != "GET" or not unread(request):
        return
    if notices.look_at(user=user, subject=(subject, pk), now=timezone.now()):
        del vars(request)[KNOWN]


def sign(count: int) -> dict[str, str]:
    """What the bell shows and what it says to those who do not see it."""
    shown = "" if not count else str(count) if count <= MOST_SHOWN else f"{MOST_SHOWN}+"
    said = ngettext("Notices: %(count)s not looked at", "Notices: %(count)s not looked at", count)
    return {"shown": shown, "said": said % {"count": shown} if count else _("Notices")}


@require_safe
def ask(request: HttpRequest) -> JsonResponse:
    """What the bell asks for while its page is in sight. Not a sign of life: the session may run out
    (`StaffSessionMiddleware`).
    """
    return JsonResponse(sign(unread(request)))


SITE: Any = admin.site
SITE.register_page("notices/unread/", ask, "notices_unread")
