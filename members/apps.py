from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = _("members")

    def ready(self) -> None:
        # Every app's `plugs.py` fills the sockets; models of all apps are loaded by now.
        autodiscover_modules("plugs")
