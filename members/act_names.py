"""What the acts about members and the background work for them are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.acts import name_acts, name_reasons, name_work

name_acts(
    {
        "card.issue": _("Blank cards issued"),
        "consent.give": _("Consent given"),
        "consent.withdraw": _("Consent withdrawn"),
        "member.absorb": _("Another member merged into this one"),
        "member.change_phone": _("Phone changed"),
        "member.change_profile": _("Profile changed"),
        "member.enrol": _("Enrolled"),
        "member.erase": _("Erased"),
        "member.export_person": _("Data of the person exported"),
        "member.forget_carrier": _("Invoice carrier removed"),
        "member.freeze": _("Frozen"),
        "member.import": _("Brought in by an import"),
        "member.keep_answer": _("Security question set"),
        "member.keep_carrier": _("Invoice carrier stored"),
        "member.lock_referring_store": _("Referring store locked"),
        "member.merge": _("Merged"),
        "member.refer": _("Recommended by a member"),
        "member.replace_card": _("Card replaced"),
        "member.reveal": _("Unmasked"),
        "member.step_up": _("Proved himself before spending"),
        "member.tag": _("Tag put on a member"),
        "member.test_answer": _("Security answer checked"),
        "member.undo_import": _("Import of this member undone"),
        "member.unfreeze": _("Unfrozen"),
        "member.untag": _("Tag taken off a member"),
        "member.verify_phone": _("Phone verified"),
        "note.add": _("Note written"),
        "note.strike": _("Note struck out"),
        "profile_rule.change": _("Rule of a profile field changed"),
        "profile_rule.create": _("Rule of a profile field added"),
        "profile_rule.delete": _("Rule of a profile field removed"),
        "session.end": _("Member signed out of a device"),
        "session.open": _("Member signed in"),
        "staff_card.change": _("Member card of a colleague changed"),
        "staff_card.create": _("Member card of a colleague named"),
        "staff_card.delete": _("Member card of a colleague removed"),
        "store.load_file": _("Stores loaded from a file"),
        "terms.change": _("Terms of membership changed"),
        "terms.create": _("Terms of membership added"),
        "tag.alias": _("Other name of a tag added"),
        "tag.change": _("Tag changed"),
        "tag.define": _("Tag made"),
        "tag.merge": _("Tags merged"),
    }
)
# Whoever opens the form of the profile types no reason: the name of the verb stands for it.
name_reasons({"members.change_profile": ""})
name_work(
    {
        "erase_member": _("Command line: erasure"),
        "export_member": _("Command line: data of a person"),
        "import_members": _("Command line: members of the old system"),
        "import_stores": _("Command line: stores"),
        "members.cashiers": _("Watch over cards at cashiers"),
        "sms_budget": _("Watch over text messages"),
    }
)
