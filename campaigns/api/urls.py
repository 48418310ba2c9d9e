from django.urls import path

from campaigns.api import grants, receipts, till_offline, till_purchases, till_spending

urlpatterns = [
    path("grants", grants.Grants.as_view(), name="grants"),
    path("grants/<key:grant_no>", grants.GrantOfBrand.as_view(), name="grant"),
    path("grants/<key:grant_no>/cancel", grants.CancelGrant.as_view(), name="grant_cancel"),
    path("looks", till_spending.Look.as_view(), name="look"),
    path("purchases", till_purchases.Purchases.as_view(), name="purchases"),
    path("purchases/<key:receipt_no>", till_purchases.PurchaseOfTill.as_view(), name="purchase"),
    path(
        "purchases/<key:receipt_no>/returns",
        till_purchases.ReturnsOfPurchase.as_view(),
        name="purchase_returns",
    ),
    path("quotes", till_spending.Quotes.as_view(), name="quotes"),
    path("holds", till_spending.Holds.as_view(), name="holds"),
    path("holds/<key:hold_no>", till_spending.HoldOfTill.as_view(), name="hold"),
    path("holds/<key:hold_no>/commit", till_spending.CommitHold.as_view(), name="hold_commit"),
    path("holds/<key:hold_no>/release", till_spending.ReleaseHold.as_view(), name="hold_release"),
    path("holds/<key:hold_no>/refunds", till_spending.GiveBackSpent.as_view(), name="hold_refunds"),
    path("corrections", till_spending.CorrectionRequests.as_view(), name="corrections"),
    path("offline/allowances", till_offline.Allowances.as_view(), name="offline_allowances"),
    path("offline/queue", till_offline.Queue.as_view(), name="offline_queue"),
    path("reports/days/<str:day>", till_offline.DayReports.as_view(), name="day_report"),
    path("me/receipts", receipts.MyReceipts.as_view(), name="me_receipts"),
    path("me/receipts/<row:pk>", receipts.MyReceipt.as_view(), name="me_receipt"),
]
