"""What the API's libraries are told. The foundation itself is in `backoffice/api/`."""

from pathlib import Path
from typing import Any

# What requests of the API pass instead of MIDDLEWARE (backoffice/api/lane.py).
API_MIDDLEWARE = [
    "backoffice.api.counting.ApiMetrics",
    # Before the others, which ask for the host as well.
    "backoffice.api.lane.ApiRequests",
    "django.middleware.security.SecurityMiddleware",
    "backoffice.api.lane.ApiLanguage",
    "backoffice.middleware.HistoryContextMiddleware",
]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["backoffice.api.rendering.OneOrderJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["backoffice.api.parsing.StrictJSONParser"],
    # In this order: the last one refuses what nobody before it has recognised.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "members.api.authentication.MemberTokenAuthentication",
        "backoffice.api.authentication.ApiKeyAuthentication",
        "backoffice.api.authentication.NobodyElse",
    ],
    # A view that is no Operation is closed.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_SCHEMA_CLASS": "backoffice.api.schema.OperationSchema",
    "EXCEPTION_HANDLER": "backoffice.api.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": None,
}

WALKTHROUGH = Path(__file__).resolve().parents[2] / "backoffice" / "api" / "walkthrough.md"
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Shuke 熟客",
    # Shown above the operations; the walk-through in it is run as a test.
    "DESCRIPTION": WALKTHROUGH.read_text(encoding="utf-8"),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SCHEMA_COERCE_PATH_PK_SUFFIX": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "OperationState": ["final", "in_progress", "never_seen"],
        "HoldState": ["open", "committed", "released", "expired"],
        "TillState": ["settled", "review", "parked", "refused"],
        "QueuedState": ["settled", "inbox"],
    },
    "DISABLE_ERRORS_AND_WARNINGS": False,
    "SORT_OPERATIONS": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "persistAuthorization": False,
        "displayRequestDuration": True,
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "backoffice.api.schema.add_shared_parts",
    ],
}
