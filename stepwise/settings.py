"""Settings of the Django project, all from the environment (table in README.md); every one has a default that runs."""

import os
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from ris import networks
from ris.throttling import UNGUESSABLE
from stepwise import logs
from stepwise.databases import SQLITE_OPTIONS, default_database
from stepwise.secrets import Url, secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(str(BASE_DIR / ".env")) if (BASE_DIR / ".env").exists() else None


def _number(name: str, default: int, lowest: int = 0, highest: int = 65_535) -> int:
    """A whole number from the environment; a port unless other bounds are given."""
    value = env.str(name, default=str(default))
    if not value.isascii() or not value.isdigit() or not lowest <= int(value) <= highest:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a whole number from {lowest} to {highest}.")
    return int(value)


# --- Where things live -------------------------------------------------------------------------------------------
DATA_DIR = Path(env.str("RIS_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DEBUG = False
DEMO = env.bool("RIS_DEMO", default=False)
DEMO_PASSWORD = env.str("RIS_DEMO_PASSWORD", default="")
SECRET_KEY = env.str("RIS_SECRET_KEY", default="") or secret_key(DATA_DIR)
ALLOWED_HOSTS = env.list("RIS_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
API_TOKEN = env.str("RIS_API_TOKEN", default="")

HTTP_PORT = _number("RIS_HTTP_PORT", 8000)
HTTP_BIND = env.str("RIS_BIND", default="127.0.0.1")
DICOM_PORT = _number("RIS_DICOM_PORT", 11112)
DICOM_BIND = env.str("RIS_DICOM_BIND", default="127.0.0.1")
DICOM_HOST = env.str("RIS_DICOM_HOST", default="127.0.0.1")  # where the web finds the DICOM port for its health check
DICOM_PROCESSES = _number("RIS_DICOM_PROCESSES", 1, 1, 64)
DICOM_MAX_ASSOCIATIONS = _number("RIS_DICOM_MAX_ASSOCIATIONS", 1000, 1, 50_000)
DICOM_MAX_PER_CALLER = _number("RIS_DICOM_MAX_PER_CALLER", 0, 0, 50_000)  # 0: no limit of its own
DICOM_USER_IDENTITY = env.str("RIS_DICOM_USER_IDENTITY", default="ignore")
DICOM_MAX_PDU = _number("RIS_DICOM_MAX_PDU", 131_072, 4096, 16_777_216)  # bytes
DICOM_MAX_MESSAGE = _number("RIS_DICOM_MAX_MESSAGE", 16_777_216, 65_536, 1_073_741_824)
DICOM_ARRIVAL_TIMEOUT = _number("RIS_DICOM_ARRIVAL_TIMEOUT", 30, 1, 3600)  # seconds, as the next three
DICOM_IDLE_TIMEOUT = _number("RIS_DICOM_IDLE_TIMEOUT", 900, 1, 86_400)
DICOM_IO_TIMEOUT = _number("RIS_DICOM_IO_TIMEOUT", 60, 1, 3600)
DICOM_STOP_TIMEOUT = _number("RIS_DICOM_STOP_TIMEOUT", 7, 1, 600)
DICOM_TLS_PORT = _number("RIS_DICOM_TLS_PORT", 0)  # 0: no TLS
DICOM_TLS_CERTIFICATE = env.str("RIS_DICOM_TLS_CERTIFICATE", default="")
DICOM_TLS_KEY = env.str("RIS_DICOM_TLS_KEY", default="")
DICOM_TLS_CA = env.str("RIS_DICOM_TLS_CA", default="")
DICOM_TLS_CLIENT = env.str("RIS_DICOM_TLS_CLIENT", default="none")
AE_TITLE = env.str("RIS_AE_TITLE", default="STEPWISE")
DISCONTINUATION_REASONS = env.str("RIS_DISCONTINUATION_REASONS", default="")
UNKNOWN_CALLED = env.str("RIS_UNKNOWN_CALLED", default="reject")
UNKNOWN_CALLERS = env.str("RIS_UNKNOWN_CALLERS", default="accept" if DEMO else "reject")
MLLP_HOST = env.str("RIS_MLLP_HOST", default="")  # empty: this machine, for the demo charge processor
MLLP_PORT = _number("RIS_MLLP_PORT", 0)  # 0: a free port, which the demo charge processor records
CHARGE_FOLDER = env.str("RIS_CHARGE_FOLDER", default="")  # where charges are put instead of being sent over MLLP
CHARGE_GIVE_UP_TRIES = _number("RIS_CHARGE_GIVE_UP_TRIES", 20, 0, 1_000_000)  # 0: never
CHARGE_GIVE_UP_HOURS = _number("RIS_CHARGE_GIVE_UP_HOURS", 72, 0, 8760)
JOURNAL = env.bool("RIS_JOURNAL", default=True)
JOURNAL_DAYS = _number("RIS_JOURNAL_DAYS", 14, 1, 36_500)
DELIVERY_DAYS = _number("RIS_DELIVERY_DAYS", 14, 1, 36_500)
JOURNAL_MEGABYTES = _number("RIS_JOURNAL_MEGABYTES", 1024, 1, 1_000_000)

SESSION_HOURS = _number("RIS_SESSION_HOURS", 8, 1, 8760)
SESSION_IDLE_MINUTES = _number("RIS_SESSION_IDLE_MINUTES", 60, 0, 525_600)  # 0: as long as the session
CLOSE_WAITING_DAYS = _number("RIS_CLOSE_WAITING_DAYS", 7, 0, 3650)  # 0: never, as the next one
CLOSE_BEGUN_DAYS = _number("RIS_CLOSE_BEGUN_DAYS", 0, 0, 3650)

if MLLP_HOST not in ("", "127.0.0.1", "localhost", "::1") and not MLLP_PORT:
    raise ImproperlyConfigured(f"RIS_MLLP_HOST is {MLLP_HOST!r}; say by RIS_MLLP_PORT, too, at which port charges are taken there.")
if CHARGE_FOLDER and not Path(CHARGE_FOLDER).is_absolute():
    raise ImproperlyConfigured(f"RIS_CHARGE_FOLDER is {CHARGE_FOLDER!r}; it must be the whole path of a folder, e.g. /srv/charges.")
if DICOM_USER_IDENTITY not in ("ignore", "refuse"):
    raise ImproperlyConfigured(f"RIS_DICOM_USER_IDENTITY is {DICOM_USER_IDENTITY!r}; it must be 'ignore' or 'refuse'.")
if DICOM_TLS_CLIENT not in ("none", "optional", "required"):
    raise ImproperlyConfigured(f"RIS_DICOM_TLS_CLIENT is {DICOM_TLS_CLIENT!r}; it must be 'none', 'optional' or 'required'.")
if DICOM_TLS_PORT and not DICOM_TLS_CERTIFICATE:
    raise ImproperlyConfigured("RIS_DICOM_TLS_PORT needs a certificate: name its PEM file in RIS_DICOM_TLS_CERTIFICATE.")
if UNKNOWN_CALLED not in ("accept", "reject"):
    raise ImproperlyConfigured(f"RIS_UNKNOWN_CALLED is {UNKNOWN_CALLED!r}; it must be 'accept' or 'reject'.")
if UNKNOWN_CALLERS not in ("accept", "reject"):
    raise ImproperlyConfigured(f"RIS_UNKNOWN_CALLERS is {UNKNOWN_CALLERS!r}; it must be 'accept' or 'reject'.")
if not 1 <= len(AE_TITLE.strip()) <= 16 or "\\" in AE_TITLE or not AE_TITLE.isascii():
    raise ImproperlyConfigured(f"RIS_AE_TITLE is {AE_TITLE!r}; an AE title is 1 to 16 ASCII characters without backslash (PS3.5 6.2).")

try:
    TRUSTED_PROXIES = networks.parsed(networks.listed(env.list("RIS_TRUSTED_PROXIES", default=[])))
except ValueError as error:
    raise ImproperlyConfigured(f"RIS_TRUSTED_PROXIES {error}.") from error

# --- Applications ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_structlog",
    "ninja",
    "dimse",
    "ris",
    "worklist",
    "mpps",
    "billing",
    "training",
    "stepwise",
    "django.contrib.auth",  # behind ours, whose changepassword and createsuperuser take the place of its
]
MIDDLEWARE = [
    "stepwise.middleware.deeds_of_requests",
    "stepwise.middleware.schemes",
    # What browsers are told stands outside of all that may refuse a request: its refusals are told so, too.
    "stepwise.middleware.policies",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "stepwise.middleware.body_limits",
    "stepwise.middleware.lengths",
    "stepwise.middleware.charsets",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "stepwise.sessions.ending",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ris.web.recording.Audited",
    "stepwise.middleware.Requests",
    "django_htmx.middleware.HtmxMiddleware",
    "stepwise.middleware.method_refusals",
    "stepwise.middleware.clock_of_the_site",
]
ROOT_URLCONF = "stepwise.urls"
WSGI_APPLICATION = "stepwise.wsgi.application"
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
                "stepwise.context_processors.shell",
            ],
        },
    },
]

# --- Databases ---------------------------------------------------------------------------------------------------
DATABASES = {
    "default": default_database(env, DATA_DIR),
    # The message journal is written beside the hot path and may be lost without harm: synchronous=NORMAL.
    "journal": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "journal.sqlite3",
        "OPTIONS": SQLITE_OPTIONS | {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"},
        "TEST": {"NAME": DATA_DIR / "test-journal.sqlite3"},
    },
}
DATABASE_ROUTERS = ["dimse.routers.JournalRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# --- Redis and Celery --------------------------------------------------------------------------------------------
def redis_socket(data_dir: Path) -> Path:
    """Unix socket of the Redis that `simulate` starts; a long data directory (sun_path holds 108 bytes) moves it to /tmp."""
    path = data_dir / "redis.sock"
    if len(os.fsencode(path)) <= 100:
        return path
    return Path(tempfile.gettempdir()) / f"stepwise-{sha256(os.fsencode(data_dir)).hexdigest()[:16]}.sock"


REDIS_SOCKET = redis_socket(DATA_DIR)
REDIS_IS_EXTERNAL = bool(env.str("REDIS_URL", default=""))
REDIS_URL = Url(env.str("REDIS_URL", default="") or f"unix://{REDIS_SOCKET}")
CELERY_BROKER_URL = Url(REDIS_URL.replace("unix://", "redis+socket://", 1))
CELERY_TASK_IGNORE_RESULT = True  # no result backend: what a task did is in the database
CELERY_TASK_ACKS_LATE = True  # a task whose worker was killed is run again; every task is safe to run twice
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TIMEZONE = "UTC"
# Redis may be killed and come back at any moment: the worker tries for ever (every 2 s: stepwise/broker.py).
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,  # seconds after which an unacknowledged task is given to another worker
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 5,
    # What a sender (beat, the nudge) does when Redis is away: give up soon, the sweep sends what is left.
    "max_retries": 2,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.5,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULER = "stepwise.broker:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
# `expires`: sweeps that waited for an absent worker are dropped, one sweep sends all there is.
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "send waiting charges": {"task": "billing.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "let consoles report": {"task": "training.tasks.report_due", "schedule": 30.0, "options": {"expires": 30}},
    "send performed steps on": {"task": "mpps.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "forget old journal entries": {"task": "dimse.tasks.prune_journal", "schedule": 3600.0, "options": {"expires": 3600}},
    "forget what was sent on": {"task": "mpps.tasks.forget_sent", "schedule": 3600.0, "options": {"expires": 3600}},
    "close what is left over": {"task": "stepwise.tasks.close_left_over", "schedule": 600.0, "options": {"expires": 600}},
    "audit rejected associations": {"task": "stepwise.tasks.audit_rejections", "schedule": 60.0, "options": {"expires": 60}},
    "forget old searches": {"task": "stepwise.tasks.forget_searches", "schedule": 3600.0, "options": {"expires": 3600}},
    "forget old sign-ins": {"task": "stepwise.tasks.forget_sign_ins", "schedule": 3600.0, "options": {"expires": 3600}},
    "forget old findings": {"task": "worklist.tasks.prune_findings", "schedule": 3600.0, "options": {"expires": 3600}},
}

# --- Web ---------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["ris.accounts.Backend"]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # no collectstatic step: one process serves what is in the tree
WHITENOISE_AUTOREFRESH = False
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "object-src": [NONE],
    }
}
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_COOKIE_HTTPONLY = True
# Not in a cookie, which anybody can read and which outlives the sign-out: what is said after a change goes with the session.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_COOKIE_HTTPONLY = True  # forms carry the token, no script reads it
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# RIS_HTTPS says that this is production: browsers come by HTTPS alone, whoever ends TLS.
HTTPS = env.bool("RIS_HTTPS", default=False)
if HTTPS and len(SECRET_KEY) < UNGUESSABLE:
    raise ImproperlyConfigured(
        f"RIS_SECRET_KEY has {len(SECRET_KEY)} characters, and signs cookies; with RIS_HTTPS it must have at least {UNGUESSABLE}. "
        "`openssl rand -base64 48` makes one; without the variable one is made and kept in the data directory."
    )
if HTTPS and 0 < len(API_TOKEN) < UNGUESSABLE:
    raise ImproperlyConfigured(
        f"RIS_API_TOKEN has {len(API_TOKEN)} characters, and may do everything; with RIS_HTTPS it must have at least {UNGUESSABLE}. "
        "`openssl rand -base64 32` makes one."
    )
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # is asked from within, beside the proxy
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
# Preloading (W021) binds the hospital's whole domain in every browser there is: not for one server in it to say.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SESSION_COOKIE_NAME = f"stepwise_session_{HTTP_PORT}"  # two simulators on one host keep their own sign-in
KNOWN_BROWSER_COOKIE_NAME = f"stepwise_known_{HTTP_PORT}"
CSRF_COOKIE_NAME = f"stepwise_csrf_{HTTP_PORT}"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

# --- Time and language -------------------------------------------------------------------------------------------
TIME_ZONE = env.str("RIS_TIME_ZONE", default="America/New_York")
if TIME_ZONE not in available_timezones():
    raise ImproperlyConfigured(f"RIS_TIME_ZONE is {TIME_ZONE!r}; it must be the name of a time zone such as 'Europe/Berlin'.")
USE_TZ = True
LANGUAGE_CODE = "en"
USE_I18N = False

# --- Logs --------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("RIS_LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in logs.LEVELS:
    raise ImproperlyConfigured(f"RIS_LOG_LEVEL is {LOG_LEVEL!r}; it must be one of {', '.join(logs.LEVELS)}.")
LOGGING = logs.logging_config(LOG_LEVEL)
