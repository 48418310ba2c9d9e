"""Terms to agree to, proofs before spending, and the security question (S12, S21, T6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.utils import DatabaseError

from backoffice.errors import LimitReached
from backoffice.models import AuditEvent
from members.choices import CodePurpose, ConsentPurpose
from members.errors import AnswerMissing, CodeWrong, NoSecurityQuestion, TermsInForce
from members.models import Member, MembershipTerms, OneTimeCode, PhoneChange, SecurityAnswer, StepUp
from members.selectors.standing import must_step_up, terms_in_force, unaccepted_terms
from members.services import codes, proofs_of_members
from members.services.secrets_of_rows import code_of
from members.services.terms import save_terms
from tests.api.conftest import forget_limits
from tests.conftest import NOON
from tests.factories.members import ConsentFactory, MemberFactory
from tests.factories.points import TESTER

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def terms(version: str, **values: object) -> MembershipTerms:
    row = MembershipTerms(**{"version": version, "effective_from": NOON, **values})
    return save_terms(terms=row, actor=TESTER, now=NOON - HOUR)


# --- Terms ------------------------------------------------------------------------------------------
def test_a_new_version_counts_from_its_first_instant() -> None:
    terms("2")
    before, at = terms_in_force(NOON - timedelta(microseconds=1)), terms_in_force(NOON)
    assert (before.version, before.must_accept) == ("1", False)
    assert (at.version, at.must_accept) == ("2", True)


def test_who_agreed_to_another_version_agrees_again_before_he_spends() -> None:
    member = MemberFactory()
    ConsentFactory(member=member, purpose=ConsentPurpose.TERMS, version="1", at=NOON - HOUR)
    assert unaccepted_terms(member, NOON) is None
    terms("2")
    assert unaccepted_terms(member, NOON) is not None
    ConsentFactory(member=member, purpose=ConsentPurpose.TERMS, version="2", at=NOON)
    assert unaccepted_terms(member, NOON) is None


def test_terms_that_only_inform_keep_nobody_from_spending() -> None:
    terms("2", must_accept=False)
    assert unaccepted_terms(MemberFactory(), NOON) is None


def test_terms_in_force_keep_their_version_and_start() -> None:
    row = terms("2")
    row.version = "3"
    with pytest.raises(TermsInForce):
        save_terms(terms=row, actor=TESTER, now=NOON)
    assert MembershipTerms.objects.get().version == "2"
    row.version, row.url = "2", "https://example.tw/terms"
    save_terms(terms=row, actor=TESTER, now=NOON)
    save_terms(terms=row, actor=TESTER, now=NOON)
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["terms.create", "terms.change"]


# --- A code before large spending -------------------------------------------------------------------
def asked(member: Member, purpose: CodePurpose = CodePurpose.SPEND) -> tuple[str, str]:
    told = codes.ask(phone=member.phone, purpose=purpose, neighbourhood="n", now=NOON, member=member)
    # As `codes.burn_attempt` leaves it, which needs a transaction of its own.
    OneTimeCode.objects.update(attempts=1)
    return told.challenge, code_of(OneTimeCode.objects.get(challenge=told.challenge).nonce)


def test_after_a_change_of_phone_a_proof_serves_for_half_an_hour() -> None:
    member = MemberFactory(phone="+886912345678")
    assert must_step_up(member, NOON) is None
    PhoneChange.objects.create(member=member, proven=False, at=NOON - HOUR)
    assert must_step_up(member, NOON) == NOON + 23 * HOUR
    challenge, code = asked(member)
    proofs_of_members.step_up(member=member, challenge=challenge, code=code, actor=TESTER, now=NOON)
    assert must_step_up(member, NOON + timedelta(minutes=29)) is None
    assert must_step_up(member, NOON + timedelta(minutes=30)) is not None
    assert must_step_up(member, NOON + 23 * HOUR) is None


def test_a_proof_of_before_the_change_is_none() -> None:
    """Who took the phone over may have proven the old one."""
    member = MemberFactory(phone="+886912345678")
    challenge, code = asked(member)
    proofs_of_members.step_up(member=member, challenge=challenge, code=code, actor=TESTER, now=NOON)
    PhoneChange.objects.create(member=member, proven=False, at=NOON + timedelta(minutes=1))
    assert must_step_up(member, NOON + timedelta(minutes=2)) is not None


def test_a_wrong_code_and_one_of_another_purpose_prove_nothing() -> None:
    member = MemberFactory(phone="+886912345678")
    challenge, code = asked(member, CodePurpose.LEAVE)
    for given in (code, f"{(int(code) + 1) % 10**6:06d}"):
        with pytest.raises(CodeWrong):
            proofs_of_members.step_up(member=member, challenge=challenge, code=given, actor=TESTER, now=NOON)
    assert not StepUp.objects.exists()


def test_proofs_are_facts() -> None:
    StepUp.objects.create(member=MemberFactory(), at=NOON)
    for change in (lambda: StepUp.objects.update(at=NOON + HOUR), lambda: StepUp.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


# --- The security question --------------------------------------------------------------------------
def keep(member: Member, question: str, answer: str, purpose: CodePurpose = CodePurpose.ANSWER) -> None:
    forget_limits()
    challenge, code = asked(member, purpose)
    proofs_of_members.keep_answer(
        member=member,
        question=question,
        answer=answer,
        challenge=challenge,
        code=code,
        actor=TESTER,
        now=NOON,
    )


def test_an_answer_is_kept_with_a_code_for_it_and_with_no_other() -> None:
    member, other = MemberFactory(phone="+886912345678"), MemberFactory(phone="+886987654321")
    told = {"member": member, "question": "q", "answer": "mine", "actor": TESTER, "now": NOON}
    with pytest.raises(CodeWrong):
        keep(member, "q", "mine", CodePurpose.SPEND)
    challenge, code = asked(other, CodePurpose.ANSWER)
    with pytest.raises(CodeWrong):
        proofs_of_members.keep_answer(challenge=challenge, code=code, **told)
    forget_limits()
    challenge, code = asked(member, CodePurpose.ANSWER)
    with pytest.raises(CodeWrong):
        proofs_of_members.keep_answer(challenge=challenge, code=f"{(int(code) + 1) % 10**6:06d}", **told)
    assert not SecurityAnswer.objects.exists()
    proofs_of_members.keep_answer(challenge=challenge, code=code, **told)
    with pytest.raises(CodeWrong):
        proofs_of_members.keep_answer(challenge=challenge, code=code, **(told | {"answer": "another"}))
    assert proofs_of_members.test_answer(member=member, answer="mine", actor=TESTER, now=NOON)


def test_an_answer_is_tested_and_never_stored() -> None:
    member = MemberFactory()
    told = {"member": member, "actor": TESTER, "now": NOON}
    keep(member, "您畢業的國小", "大安 國小A")
    kept = SecurityAnswer.objects.get()
    assert "大安" not in kept.answer_hash
    assert proofs_of_members.test_answer(answer="大安國小ａ", **told)
    assert not proofs_of_members.test_answer(answer="信義國小", **told)
    trail = str(list(AuditEvent.objects.values_list("changes", flat=True)))
    assert "國小" not in trail


def test_only_five_answers_an_hour_are_compared() -> None:
    member = MemberFactory()
    told = {"member": member, "actor": TESTER, "now": NOON}
    keep(member, "q", "right")
    for _try in range(proofs_of_members.TRIES):
        assert not proofs_of_members.test_answer(answer="wrong", **told)
    with pytest.raises(LimitReached):
        proofs_of_members.test_answer(answer="right", **told)
    assert proofs_of_members.test_answer(answer="right", **{**told, "now": NOON + HOUR})


def test_refusals() -> None:
    member = MemberFactory()
    told = {"member": member, "actor": TESTER, "now": NOON}
    with pytest.raises(NoSecurityQuestion):
        proofs_of_members.test_answer(answer="x", **told)
    for question, answer in ((" ", "right"), ("q", " a ")):
        with pytest.raises(AnswerMissing):
            keep(member, question, answer)
    assert not SecurityAnswer.objects.exists()
