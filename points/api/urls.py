from django.urls import path

from points.api import balances, programs

urlpatterns = [
    path("programs", programs.Programs.as_view(), name="programs"),
    path("me/points", balances.MyBalances.as_view(), name="me_points"),
    path("me/points/<slug:program>/entries", balances.MyEntries.as_view(), name="me_entries"),
]
