import pytest
import tests.imports.test_identity as ti
from members.services.imports import tag_lists, tag_sql
seen=[]
real=ti.undone
def spy(batch):
    from backoffice.models import ImportRow
    n=ImportRow.objects.filter(batch=batch, changes__tags__remove__isnull=False).exclude(changes__tags__remove=None).count()
    r=real(batch); seen.append((batch.policy["tags"], n, r)); return r
@pytest.fixture(autouse=True)
def _spy(monkeypatch):
    monkeypatch.setattr(ti,"undone",spy); monkeypatch.setattr(tag_sql,"GIVE_BACK","SELECT %(batch)s")
    yield
    print(seen)
test_y = ti.test_tags
