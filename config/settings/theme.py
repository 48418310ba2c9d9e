"""What the admin theme is told: name, colours, style sheets, navigation. Only backoffice.admin imports it."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Shuke 熟客",
    "SITE_HEADER": "Shuke 熟客",
    "SITE_SUBHEADER": None,
    "SITE_SYMBOL": "loyalty",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "THEME": "light",
    "BORDER_RADIUS": "6px",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("shuke/icon.svg")},
    ],
    "STYLES": [
        lambda request: static("shuke/base.css"),
        lambda request: static("shuke/lists.css"),
        lambda request: static("shuke/pages.css"),
        lambda request: static("shuke/api_keys.css"),
        lambda request: static("shuke/desk.css"),
        lambda request: static("shuke/bell.css"),
        lambda request: static("shuke/security.css"),
    ],
    "ACCOUNT": {
        "navigation": [
            {"title": _("My sign-in"), "link": reverse_lazy("admin:security")},
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
        ],
    },
    "DASHBOARD_CALLBACK": "config.dashboard.dashboard",
    "SIDEBAR": {
        "show_search": False,
        "command_search": False,
        "show_all_applications": False,
        "navigation": "config.navigation.navigation",
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .013 182)",
            "100": "oklch(94.0% .040 182)",
            "200": "oklch(88.5% .070 182)",
            "300": "oklch(80.5% .095 183)",
            "400": "oklch(70.4% .105 184)",
            "500": "oklch(60.0% .100 185)",
            "600": "oklch(50.5% .088 187)",
            "700": "oklch(43.7% .074 188)",
            "800": "oklch(38.2% .061 190)",
            "900": "oklch(33.6% .050 192)",
            "950": "oklch(24.4% .040 194)",
        },
    },
}
