"""The admin site of the house: at `/`, with the dashboard as its index and pages that apps register."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

View = Callable[..., Any]


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
        return [path(route, self.admin_view(view), name=name) for name, (route, view) in self._pages.items()]
