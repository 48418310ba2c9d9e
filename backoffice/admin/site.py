"""The admin site of the house: at `/`, with the dashboard as its index and pages that apps register."""

from collections.abc import Callable
from typing import Any

from django.db.models.base import ModelBase
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from backoffice.services.sign_in import signed_out
from backoffice.visits import visit_of

View = Callable[..., Any]
LIBRARIES = frozenset({"account", "mfa"})
# By name: these pages ask the site for their context, so they load after it.
SIGN_IN = "backoffice.admin.sign_in.SignInView"
SECOND_STEP = "backoffice.admin.sign_in.second_step"
OWN_PASSWORD = "backoffice.admin.own_password.change_password"


class ShukeAdminSite(UnfoldAdminSite):
    """Pages beside the model admins come by `register_page`, so that this floor need not know them."""

    site_title = "Shuke 熟客"
    site_header = "Shuke 熟客"
    index_title = _("Overview")
    login_template = "admin/sign_in.html"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._pages: dict[str, tuple[str, View]] = {}

    def register_page(self, route: str, view: View, name: str) -> None:
        """Mount `view` at `route` for signed-in staff, reversible as `admin:<name>`."""
        self._pages[name] = (route, view)

    def extra_urls(self) -> list[URLPattern]:
        # Not behind `admin_view`: whose code is awaited there is not signed in yet.
        second_step = path("second-step/", import_string(SECOND_STEP), name="second_step")
        pages = self._pages.items()
        return [
            second_step,
            *(path(route, self.admin_view(view), name=name) for name, (route, view) in pages),
        ]

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Leaves out the rows of the sign-in library: services write them, and their seeds are secret."""
        single = isinstance(model_or_iterable, ModelBase)
        models: list[Any] = [model_or_iterable] if single else list(model_or_iterable)
        ours = [model for model in models if model._meta.app_label not in LIBRARIES]
        super().register(ours, admin_class, **options)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """The themed page, over a view that counts tries and knows a second step."""
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "subtitle": None,
            "app_path": request.get_full_path(),
            **(extra_context or {}),
        }
        request.current_app = self.name
        view: View = import_string(SIGN_IN)
        response: HttpResponseBase = view.as_view(extra_context=context)(request)  # type: ignore[attr-defined]
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        user: Any = request.user
        if request.method == "POST" and user.is_authenticated:
            signed_out(user=user, visit=visit_of(request), now=timezone.now())
        response: HttpResponseBase = super().logout(request, extra_context)
        return response

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """The theme's command palette is off: there is one search box, and Ctrl-K belongs to it."""
        raise Http404

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        view: View = import_string(OWN_PASSWORD)
        response: HttpResponseBase = view(request)
        return response
