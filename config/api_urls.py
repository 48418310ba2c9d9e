"""The API: one router for all apps, one version in the path."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from backoffice.api.views import NothingHere

v1 = [
    path("", include("backoffice.api.urls")),
    path("", include("members.api.urls")),
    path("", include("points.api.urls")),
    path("", include("campaigns.api.urls")),
]

urlpatterns = [
    path("schema/", SpectacularJSONAPIView.as_view(urlconf="config.api_schema_urls"), name="api_schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api_schema"), name="api_docs"),
    path("v1/", include((v1, "v1"))),
    # Also an address with a line break in it.
    re_path(r"^[\s\S]*$", NothingHere.as_view(), name="api_nothing_here"),
]
