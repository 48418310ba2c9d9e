"""Every reason for which a settlement or an import of purchases refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.errors import Refusal


class NoSuchPurchase(Refusal):
    code = "no_such_purchase"
    sentence = _("There is no purchase with the receipt number “%(receipt_no)s” from “%(source)s”.")


class PurchaseMoved(Refusal):
    code = "purchase_moved"
    sentence = _("The purchase went to another member meanwhile. Try again.")


class UnknownBrand(Refusal):
    code = "unknown_brand"
    sentence = _("There is no brand “%(code)s”. Known: %(known)s.")


class NoSuchFile(Refusal):
    code = "no_such_file"
    sentence = _("The file of this import is gone. Upload it again.")
