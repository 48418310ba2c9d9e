"""What the schema describes: the operations, and not the pages that show them."""

from django.urls import include, path

from config.api_urls import v1

urlpatterns = [path("api/v1/", include((v1, "v1")))]
