"""Routes of the installation: the back office at the root, health and language beside it."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from config import health
from config.metrics import metrics

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("i18n/setlang/", set_language, name="set_language"),
    path("metrics", metrics, name="metrics"),
    path("api/", include("config.api_urls")),
    path("", admin.site.urls),
]
