"""The product's addresses and the stock view's, for one server."""

from django.urls import include, path

from config.urls import urlpatterns as product

urlpatterns = [path("stock/", include("bench.stock")), *product]
