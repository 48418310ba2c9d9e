from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class BackofficeConfig(AppConfig):
    name = "backoffice"
    verbose_name = _("back office")

    def ready(self) -> None:
        from backoffice import tasks
        from backoffice.services import jobs

        jobs.wake_with(tasks.wake)
        # Every app's handlers of jobs and of outbox topics register when their module is imported.
        autodiscover_modules("jobs")
        # What their acts and their work are called.
        autodiscover_modules("act_names")
