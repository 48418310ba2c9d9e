"""What the demo data's actors are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.acts import name_work

name_work({"import": _("Purchases of the old system"), "seed_demo": _("Demo data"), "webshop": _("Web shop")})
