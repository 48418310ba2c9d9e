"""The anchor over HTTP: Django REST framework as its own tutorial has it.

A token of `rest_framework.authtoken`, a generic view, a ModelSerializer with every field, the library's own
renderers, and the middleware that `startproject` writes: none of the product's own cost weighs on it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings
from django.urls import path
from rest_framework import generics, serializers
from rest_framework.authentication import TokenAuthentication
from rest_framework.metadata import SimpleMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer

from points.models import Account

PREFIX = "/stock/"
STARTPROJECT = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


class AccountSerializer(serializers.ModelSerializer):
    class Meta:
        model = Account
        exclude: ClassVar = ["last_hash"]


class AccountView(generics.RetrieveAPIView):
    queryset = Account.objects.all()
    serializer_class = AccountSerializer
    authentication_classes: ClassVar = [TokenAuthentication]
    permission_classes: ClassVar = [IsAuthenticated]
    renderer_classes: ClassVar = [JSONRenderer, BrowsableAPIRenderer]
    parser_classes: ClassVar = [JSONParser]
    content_negotiation_class = DefaultContentNegotiation
    metadata_class = SimpleMetadata
    # The product's schema does not describe it.
    schema = None


class StockHandler(WSGIHandler):
    """Django's own handler with the middleware of a new project."""

    def load_middleware(self, is_async: bool = False) -> Any:
        with override_settings(MIDDLEWARE=STARTPROJECT):
            return super().load_middleware(is_async)


urlpatterns = [path("accounts/<int:pk>", AccountView.as_view())]
