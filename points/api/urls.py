from django.urls import path

from points.api import balances

urlpatterns = [
    path("me/points", balances.MyBalances.as_view(), name="me_points"),
    path("me/points/<slug:program>/entries", balances.MyEntries.as_view(), name="me_entries"),
]
