from django.urls import path, register_converter

from backoffice.api import views
from backoffice.api.converters import Key, RowId

register_converter(RowId, "row")
register_converter(Key, "key")

urlpatterns = [
    path("operations/<key:key>", views.OperationOutcome.as_view(), name="operation_outcome"),
]
