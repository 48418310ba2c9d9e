"""Settings that every environment shares. Values that differ come from the environment (`.env.example`)."""

from pathlib import Path

import environ
from django.utils.translation import gettext_lazy as _

from config.logs import logging_config
from config.settings.api import API_MIDDLEWARE, REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401 - settings
from config.settings.theme import UNFOLD  # noqa: F401 - a setting

BASE_DIR = Path(__file__).resolve().parents[2]

env = environ.FileAwareEnv()
environ.Env.read_env(BASE_DIR / ".env")

DEBUG = False
SECRET_KEY = env("SECRET_KEY", default="")
# Earlier keys that still open what they signed and sealed.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    # Its default configuration would put its own admin site over ours.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "pgtrigger",
    "pghistory",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "import_export",
    "django_structlog",
    "django_prometheus",
    # Only for `allauth.mfa`; without its addresses nobody signs up or in through it (backoffice/README.md).
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "config.apps.AdminSiteConfig",
    "config.apps.WiringConfig",
    "backoffice",
    "members",
    "points",
    "tiers",
    "coupons",
    "partners",
    "campaigns",
]

MIDDLEWARE = [
    # Requests of the API leave here, for API_MIDDLEWARE.
    "backoffice.api.lane.ApiLane",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "backoffice.middleware.StaffSessionMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "backoffice.middleware.HistoryContextMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database: the application signs in as one user and may drop to a role that owns nothing ---------------
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgresql:///shuke")}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
DATABASE_ROLE = env("DATABASE_ROLE", default="")
# Only for `manage.py sync_database_roles --login`.
APP_DATABASE_PASSWORD = env("APP_DATABASE_PASSWORD", default="")
POSTGRES_SETTINGS = {
    "lock_timeout": "3s",
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "30s",
    # An acknowledged point must survive a crash; no import may switch this off either.
    "synchronous_commit": "on",
}


def postgres_options(role: str, overrides: dict[str, str] | None = None) -> str:
    """The libpq `options` string: one `-c name=value` a setting, and the role that requests run under."""
    values = POSTGRES_SETTINGS | (overrides or {}) | ({"role": role} if role else {})
    return " ".join(f"-c {name}={value}" for name, value in values.items())


DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "options": postgres_options(DATABASE_ROLE),
    # For the ledger's calls, which bind on the server; a pooler between transactions wants None.
    "prepare_threshold": env.int("DATABASE_PREPARE_AFTER", default=2) or None,
}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["ATOMIC_REQUESTS"] = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People ----------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "backoffice.User"
AUTHENTICATION_BACKENDS = ["backoffice.rights.RoleBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
# A session ends after so much quiet, and after so many hours whatever happens.
STAFF_IDLE_MINUTES = env.int("STAFF_IDLE_MINUTES", default=30)
STAFF_SESSION_HOURS = env.int("STAFF_SESSION_HOURS", default=8)
# Dangerous verbs ask for a proof of identity that is no older than this; 0 never asks.
STAFF_REAUTHENTICATE_MINUTES = env.int("STAFF_REAUTHENTICATE_MINUTES", default=15)
# Whether the rights named in backoffice/roles.py work only with a second factor.
STAFF_SECOND_FACTOR_REQUIRED = env.bool("STAFF_SECOND_FACTOR_REQUIRED", default=True)
# What seals the seeds of one-time codes, newest first; without any, SECRET_KEY does.
SECOND_FACTOR_KEYS = env.list("SECOND_FACTOR_KEYS", default=[])
MFA_ADAPTER = "backoffice.sealing.SealedAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Letters to staff. Without an address of a mail server none leaves.
MAIL = env.email_url("EMAIL_URL", default="dummymail://")
vars().update(MAIL)
DEFAULT_FROM_EMAIL = env("MAIL_FROM", default="shuke@localhost")
# How many proxies of ours append to X-Forwarded-For (backoffice/visits.py).
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
SESSION_COOKIE_AGE = STAFF_SESSION_HOURS * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"

# --- Language and time: stored in UTC, spoken in Taipei ----------------------------------------------------
LANGUAGE_CODE = "zh-hant"
LANGUAGES = [("zh-hant", _("Traditional Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Taipei"
FORMAT_MODULE_PATH = ["config.formats"]

# --- Files -----------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# How long the link to an exported file works, when the file itself goes, and the most rows of one file.
EXPORT_LINK_HOURS = env.int("EXPORT_LINK_HOURS", default=72)
EXPORT_KEPT_DAYS = env.int("EXPORT_KEPT_DAYS", default=7)
EXPORT_MOST_ROWS = env.int("EXPORT_MOST_ROWS", default=5_000_000)
# When a notice (the bell) goes, looked at or not.
NOTICES_KEPT_DAYS = env.int("NOTICES_KEPT_DAYS", default=30)
MEDIA_ROOT = env.path("MEDIA_ROOT", default=str(BASE_DIR / "var" / "media"))
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

# --- Answers to browsers ---------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # The theme's Alpine.js evaluates expressions from attributes, and sets styles inline.
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'self'"],
        "object-src": ["'none'"],
    }
}

# --- Background work: a row in PostgreSQL is the truth, the broker only wakes workers --------------------
CELERY_BROKER_URL = env("BROKER_URL", default="memory://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_BACKEND = None
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
# Long work has workers of its own, so that a million rows keep neither the outbox nor a hold waiting.
CELERY_TASK_DEFAULT_QUEUE = "house"
CELERY_TASK_ROUTES = {"backoffice.tasks.run_job": {"queue": "jobs"}}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_TASK_TIME_LIMIT = 900
CELERY_TASK_SOFT_TIME_LIMIT = 840
# The launcher sets this for a transport through files.
CELERY_BROKER_TRANSPORT_OPTIONS = env.json("BROKER_TRANSPORT_OPTIONS", default={"visibility_timeout": 3600})
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Where messages without a handler of their own go: "log", or "file" (JSON lines at the end of OUTBOX_FILE).
OUTBOX_TRANSPORT = env("OUTBOX_TRANSPORT", default="log")
OUTBOX_FILE = env("OUTBOX_FILE", default="")

# --- The API -----------------------------------------------------------------------------------------------
API_CALLS_PER_MINUTE = env.int("API_CALLS_PER_MINUTE", default=1200)
API_STRANGERS_CALLS_PER_MINUTE = env.int("API_STRANGERS_CALLS_PER_MINUTE", default=120)
# Requests with no token, or one that is none: of one network, and with one token that is over.
API_FAILED_CALLS_PER_MINUTE = env.int("API_FAILED_CALLS_PER_MINUTE", default=60)
# The version of the terms that members agree to, and where they stand; a new version asks everybody again.
MEMBERSHIP_TERMS_VERSION = env("MEMBERSHIP_TERMS_VERSION", default="1")
MEMBERSHIP_TERMS_URL = env("MEMBERSHIP_TERMS_URL", default="")
# For a day after a change of phone, points worth more than this are spent only after a code (NT$).
STEP_UP_ABOVE_TWD = env.int("STEP_UP_ABOVE_TWD", default=200)
# Receipts without a member: for how many days one may be added, and how many a member adds on one day.
RECEIPT_CLAIM_DAYS = env.int("RECEIPT_CLAIM_DAYS", default=30)
RECEIPT_CLAIMS_A_DAY = env.int("RECEIPT_CLAIMS_A_DAY", default=5)
# And how many one staff user adds to members on one day; the last one raises an alarm.
RECEIPT_CLAIMS_BY_STAFF_A_DAY = env.int("RECEIPT_CLAIMS_BY_STAFF_A_DAY", default=20)
# "console", "file" (JSON lines at the end of SMS_FILE) or "fake"; empty: no codes can be asked for.
SMS_TRANSPORT = env("SMS_TRANSPORT", default="")
SMS_FILE = env("SMS_FILE", default=str(BASE_DIR / "var" / "sms.jsonl"))
# Calling codes of the countries that codes are sent to.
SMS_COUNTRIES = env.list("SMS_COUNTRIES", cast=int, default=[886])
SMS_DAILY_BUDGET = env.int("SMS_DAILY_BUDGET", default=2000)
SMS_PER_NETWORK_AN_HOUR = env.int("SMS_PER_NETWORK_AN_HOUR", default=60)
SMS_PER_PREFIX_AN_HOUR = env.int("SMS_PER_PREFIX_AN_HOUR", default=60)

# Receipts of tills whose clock is further off than this go to the till inbox instead of being settled.
TILL_CLOCK_AHEAD_MINUTES = env.int("TILL_CLOCK_AHEAD_MINUTES", default=5)
TILL_OLDEST_DAYS = env.int("TILL_OLDEST_DAYS", default=7)
# Above these, too: what one receipt, and one till on one local day, may earn its members.
TILL_RECEIPT_MOST_POINTS = env.int("TILL_RECEIPT_MOST_POINTS", default=100_000)
TILL_DAY_MOST_POINTS = env.int("TILL_DAY_MOST_POINTS", default=1_000_000)
# What a service gives by its key: the most of one grant, and of one key on one local day.
GRANT_MOST_POINTS = env.int("GRANT_MOST_POINTS", default=100_000)
PARTNER_DAY_MOST_POINTS = env.int("PARTNER_DAY_MOST_POINTS", default=1_000_000)
# A file that gives more points than this in one program needs a second person.
IMPORT_POINTS_ALONE = env.int("IMPORT_POINTS_ALONE", default=100_000)
# Long work rests before a chunk while so many sessions wait for locks, one waits so long, or a replica is so
# far behind; a chunk waits no longer than the last of them.
JOBS_REST_WAITING = env.int("JOBS_REST_WAITING", default=4)
JOBS_REST_WAIT_SECONDS = env.float("JOBS_REST_WAIT_SECONDS", default=0.5)
JOBS_REST_LAG_SECONDS = env.float("JOBS_REST_LAG_SECONDS", default=30)
JOBS_REST_MOST_SECONDS = env.float("JOBS_REST_MOST_SECONDS", default=3)
TILL_LOOKUPS_PER_HOUR = env.int("TILL_LOOKUPS_PER_HOUR", default=600)
TILL_HOLD_MOST_MINUTES = env.int("TILL_HOLD_MOST_MINUTES", default=1440)
# What one till may let members redeem while it has no line.
OFFLINE_MOST_HOURS = env.int("OFFLINE_MOST_HOURS", default=24)
OFFLINE_MOST_POINTS = env.int("OFFLINE_MOST_POINTS", default=2000)
OFFLINE_MOST_REDEMPTIONS = env.int("OFFLINE_MOST_REDEMPTIONS", default=20)
# What one file of points may move, a row and in sum either way. Above the third it needs a second person, and
# above the fourth it rests so many hours after his approval.
POINTS_FILE_MOST_PER_ROW = env.int("POINTS_FILE_MOST_PER_ROW", default=100_000)
POINTS_FILE_MOST_PER_BATCH = env.int("POINTS_FILE_MOST_PER_BATCH", default=10_000_000_000)
POINTS_FILE_APPROVAL_ABOVE = env.int("POINTS_FILE_APPROVAL_ABOVE", default=1_000)
POINTS_FILE_HOLD_ABOVE = env.int("POINTS_FILE_HOLD_ABOVE", default=1_000_000)
POINTS_FILE_HOLD_HOURS = env.int("POINTS_FILE_HOLD_HOURS", default=24)
# Networks to which webhooks may go although they are private, and without TLS. For tests and development.
WEBHOOK_PRIVATE_NETWORKS = env.list("WEBHOOK_PRIVATE_NETWORKS", default=[])

IMPORT_EXPORT_USE_TRANSACTIONS = True
IMPORT_EXPORT_SKIP_ADMIN_LOG = True

# Empty: /metrics does not exist.
METRICS_TOKEN = env("METRICS_TOKEN", default="")

LOGGING = logging_config(json=env.bool("LOG_JSON", default=False), level=env("LOG_LEVEL", default="INFO"))
DJANGO_STRUCTLOG_CELERY_ENABLED = True
