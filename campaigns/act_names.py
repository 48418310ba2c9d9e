"""What the acts of the campaigns and their background work are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.acts import name_acts, name_sources, name_work

name_acts(
    {
        "gift.change": _("Gift changed"),
        "gift.create": _("Gift added"),
        "gift.refused": _("Second gift for one phone refused"),
        "grant.cancel": _("Grant of points cancelled"),
        "purchase.claim": _("Receipt added to a member"),
        "purchase.return": _("Return taken back at the desk"),
        "till_item.refused": _("Item of the till inbox turned down"),
        "till_item.settled": _("Item of the till inbox settled"),
    }
)
name_sources(
    {
        "gift": _("Gift"),
        "given_back": _("Given back by a till"),
        "grant": _("Grant of points"),
        "grant_cancel": _("Cancelled grant of points"),
        "purchase": _("Purchase"),
        "reservation": _("Hold of a till"),
        "return": _("Return"),
    }
)
name_work(
    {
        "campaigns.confirm_due": _("Confirming waiting points"),
        "campaigns.import_purchases": _("Import of purchases"),
        "campaigns.parked_returns": _("Settling parked returns"),
    }
)
