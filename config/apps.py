from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AdminSiteConfig(AdminConfig):
    """Django's admin, with our own site in front of every registered admin."""

    default_site = "backoffice.admin.site.ShukeAdminSite"

    def ready(self) -> None:
        # The site's own package registers admins too. Imported while the lazy site is being built, it would
        # hand them to a second site that nobody keeps.
        import_module("backoffice.admin")
        super().ready()
        # Every process wakes workers, a command as well: without this, tasks would go to Celery's default.
        import_module("config.celery")


class WiringConfig(AppConfig):
    """The top floor as an app, so that Django finds its commands (`doctor`, `seed_demo`)."""

    name = "config"
