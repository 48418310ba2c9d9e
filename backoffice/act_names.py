"""What the acts of the house and its background work are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.acts import name_acts, name_work
from backoffice.services.imports import steps

name_acts(
    {
        "alarm.acknowledge": _("Alarm acknowledged"),
        "api_key.issue": _("API key issued"),
        "api_key.revoke": _("API key revoked"),
        "brand.change": _("Brand changed"),
        "brand.create": _("Brand added"),
        "export.ask": _("Export asked for"),
        "export.everything": _("All data of the house exported"),
        "export.ready": _("Export ready"),
        "export.take": _("Export downloaded"),
        "export.unfit": _("Export could not be made"),
        "import.applied": _("Import: everything brought in"),
        "import.approve": _("Import approved by a second person"),
        "import.collect": _("List taken for tagging"),
        "import.confirm": _("Import confirmed"),
        "import.drop": _("Import dropped"),
        "import.everything": _("All data of the house brought in"),
        "import.stop": _("Import stopped"),
        "import.take_errors": _("Import: list of faults downloaded"),
        "import.undo": _("Undo of an import asked for"),
        "import.undone": _("Import: everything undone"),
        "import.upload": _("File for an import uploaded"),
        "job.cancel": _("Job cancelled"),
        "job.pause": _("Job paused"),
        "job.resume": _("Job resumed"),
        "job.retry": _("Job tried again"),
        "report.download": _("Report downloaded"),
        "staff.assign": _("Role, reach or stores of a colleague changed"),
        "staff.change_password": _("Own password changed"),
        "staff.create": _("Colleague added"),
        "staff.disable": _("Account of a colleague disabled"),
        "staff.edit": _("Colleague's data changed"),
        "staff.enable": _("Account of a colleague enabled"),
        "staff.remove_second_factor": _("Own second factor removed"),
        "staff.renew_recovery_codes": _("Own recovery codes renewed"),
        "staff.reset_password": _("Password of a colleague reset"),
        "staff.reset_second_factor": _("Second factor of a colleague reset"),
        "staff.set_up_second_factor": _("Own second factor set up"),
        "store.change": _("Store changed"),
        "store.create": _("Store added"),
        "webhook.end": _("Webhook ended"),
        "webhook.resend": _("Webhook sent again"),
        "webhook.subscribe": _("Webhook added"),
    }
)
name_work(
    {
        steps.LOOK: _("Import: reading the file"),
        steps.ERRORS: _("Import: writing the rows that stay out"),
        steps.CHECK: _("Import: checking the rows"),
        steps.COLLECT: _("Import: taking the rows of a list"),
        steps.APPLY: _("Import: bringing the rows in"),
        steps.UNDO: _("Import: undoing"),
        "demo": _("Demo data"),
        "export_everything": _("Command line: all data out"),
        "exports.write": _("Export: writing the file"),
        "forget_exports": _("Old exports are removed"),
        "import_everything": _("Command line: all data in"),
        "issue_api_key": _("Command line: API key"),
        "scheduler": _("Scheduler"),
        "run_export": _("Command line: export"),
        "run_import": _("Command line: import"),
        "undo_import": _("Command line: undo of an import"),
        "webhooks": _("Sending webhooks"),
    }
)
