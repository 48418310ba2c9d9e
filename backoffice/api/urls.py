from django.urls import path, register_converter

from backoffice.api import imports, views
from backoffice.api.converters import Key, RowId

register_converter(RowId, "row")
register_converter(Key, "key")

urlpatterns = [
    path("operations/<key:key>", views.OperationOutcome.as_view(), name="operation_outcome"),
    path("imports", imports.Imports.as_view(), name="imports"),
    path("imports/<row:pk>", imports.OneImport.as_view(), name="import"),
    path("imports/<row:pk>/check", imports.ImportCheck.as_view(), name="import_check"),
    path("imports/<row:pk>/confirm", imports.ImportConfirm.as_view(), name="import_confirm"),
    path("imports/<row:pk>/stop", imports.ImportStop.as_view(), name="import_stop"),
    path("imports/<row:pk>/drop", imports.ImportDrop.as_view(), name="import_drop"),
    path("imports/<row:pk>/undo", imports.ImportUndo.as_view(), name="import_undo"),
]
