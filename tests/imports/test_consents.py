"""Consents by file: with source and day, one at a time; nobody becomes reachable without, and nobody is
written to.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from backoffice.models import OutboxMessage
from members.choices import ConsentPurpose
from members.models import Consent, Member, OneTimeCode
from members.selectors.consents import latest_consent
from tests.conftest import NOON
from tests.factories.backoffice import StoreFactory
from tests.factories.members import ConsentFactory, MemberFactory
from tests.imports.desk import bring, csv_of, outcomes

pytestmark = pytest.mark.django_db
SMS = ConsentPurpose.MARKETING_SMS.value
HEAD = "手機,姓名,簡訊行銷同意,電子報,LINE行銷同意,同意來源,同意日期"


def test_all_columns_of_the_kind_arrive_where_they_belong() -> None:
    store = StoreFactory(code="TPE01")
    head = (
        "會員編號,手機,卡號,姓名,性別,生日,電子郵件,縣市,行政區,地址,推薦門市,加入日期,簡訊行銷同意,電子報,LINE行銷同意,"
        "同意來源,同意日期"
    )
    line = (
        "H1,0912345678,9000000000000019,王小明,男,民國79年5月5日,w@example.com,臺北市,信義區,市府路 45 號,"
        "TPE01,2024-05-01,Y,N,是,紙本,2024-05-02"
    )
    batch = bring(csv_of(line, head=head))
    assert batch.counts.get("new") == 1, outcomes(batch)
    member = Member.objects.get()
    assert (member.external_id, member.phone, member.card_no, member.name, member.gender) == (
        "H1", "+886912345678", "9000000000000019", "王小明", "male",
    )  # fmt: skip
    assert (member.birthday, member.email, member.county, member.district, member.address) == (
        date(1990, 5, 5), "w@example.com", "臺北市", "信義區", "市府路 45 號",
    )  # fmt: skip
    assert (member.referring_store, member.joined_at) == (store, datetime(2024, 4, 30, 16, tzinfo=UTC))
    assert set(Consent.objects.values_list("purpose", "given", "source", "at")) == {
        (purpose, given, "paper", datetime(2024, 5, 1, 16, tzinfo=UTC))
        for purpose, given in (("marketing_sms", True), ("marketing_email", False), ("marketing_line", True))
    }


def test_rows_without_an_answer_never_make_anybody_reachable() -> None:
    refused = MemberFactory(phone="+886912345670")
    ConsentFactory(member=refused, purpose=SMS, given=False, at=NOON)
    lines = [
        "0912345670,王,,,,,",
        "0912345671,林,,,,紙本,2024-05-01",
        "0912345672,陳,否,,,,",
        "0912345673,李,Y,,,,",
    ]
    batch = bring(csv_of(*lines, head=HEAD))
    assert outcomes(batch)[3][1:] == ("error", "consent_undated")
    for member in Member.objects.all():
        for purpose in ("marketing_sms", "marketing_email", "marketing_line"):
            answer = latest_consent(member, purpose)
            assert answer is None or not answer.given
    assert set(Consent.objects.exclude(member=refused).values_list("purpose", "given")) == {(SMS, False)}


def test_a_yes_of_the_file_never_overrides_a_later_no() -> None:
    member = MemberFactory(phone="+886912345678")
    ConsentFactory(member=member, purpose=SMS, given=False, at=NOON)
    bring(csv_of("0912345678,王,Y,,,紙本,2024-05-01", head=HEAD))
    answer = latest_consent(member, SMS)
    assert answer is not None and not answer.given


def test_nobody_gets_a_message_because_a_file_came_in() -> None:
    """No welcome, no code: an import tells its uploader, and nobody else."""
    bring(csv_of(*(f"09123456{number:02},王,Y,Y,Y,紙本,2024-05-01" for number in range(30)), head=HEAD))
    assert Member.objects.count() == 30
    assert {topic.partition(".")[0] for topic in OutboxMessage.objects.values_list("topic", flat=True)} == {
        "import"
    }
    assert not OneTimeCode.objects.exists()
