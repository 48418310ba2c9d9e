"""Nobody reads a code: every act that the code records, and all work in the background, has a name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.utils.translation import override

from backoffice import acts
from backoffice.services import jobs
from tests.contracts.source import FLOORS, ROOT, python_files

CODE = re.compile(r"[a-z_]+(\.[a-z_]+)+")
QUOTED = re.compile(r"'([a-z_]+\.[a-z_]+)'")
TRAIL = "INSERT INTO backoffice_auditevent"
# In SQL the trail's subject stands beside its act.
MODELS = {model._meta.label_lower for model in apps.get_models()}


def strings(node: ast.AST) -> list[str]:
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def branches(node: ast.expr) -> list[ast.expr]:
    return [*branches(node.body), *branches(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def is_call(node: ast.AST, owner: str, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == owner
    )


def handed_on(tree: ast.Module, name: str, shape: re.Pattern[str] = CODE) -> list[str]:
    """What a module may put into a name: by assignment, or to a function of its own as argument."""
    takers = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and name in [one.arg for one in (*node.args.args, *node.args.kwonlyargs)]
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Name) and one.id == name for one in node.targets
        ):
            found += [value for branch in branches(node.value) for value in strings(branch)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in takers:
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            found += [text for one in given for text in strings(one) if shape.fullmatch(text)]
    return found


def codes(value: ast.expr, tree: ast.Module) -> list[str]:
    """What `action=` may be given; "?" where that cannot be read."""
    if isinstance(value, ast.Constant):
        return [value.value]
    if isinstance(value, ast.Name):
        return handed_on(tree, value.id) or ["?"]
    if isinstance(value, ast.JoinedStr):
        holes = [part for part in value.values if isinstance(part, ast.FormattedValue)]
        if len(holes) == 1 and isinstance(holes[0].value, ast.Name):
            words = handed_on(tree, holes[0].value.id, re.compile("[a-z_]+"))
            return ["".join(strings(value)[0:1]) + word for word in words] or ["?"]
    return ["?"]


def recorded(root: Path, floors: list[str]) -> Iterator[tuple[Path, str]]:
    """Every act that is recorded, with its file; "?" for one whose code cannot be read there."""
    for path in python_files(root, floors):
        text = path.read_text(encoding="utf-8")
        if TRAIL in text:
            for sql in strings(ast.parse(text)):
                if TRAIL in sql:
                    yield from ((path, code) for code in QUOTED.findall(sql) if code not in MODELS)
        if "audit.record(" not in text:
            continue
        tree = ast.parse(text)
        for call in (node for node in ast.walk(tree) if is_call(node, "audit", "record")):
            (value,) = [keyword.value for keyword in call.keywords if keyword.arg == "action"]  # type: ignore[attr-defined]
            for branch in branches(value):
                yield from ((path, code) for code in codes(branch, tree))


def workers(root: Path, floors: list[str]) -> Iterator[tuple[Path, str]]:
    """Every name under which work in the background acts; constants of other modules are kinds of jobs."""
    for path in python_files(root, floors):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if is_call(node, "Actor", "job"):
                yield from ((path, name) for name in strings(node))


def test_every_recorded_act_has_a_name() -> None:
    found = list(recorded(ROOT, FLOORS))
    assert len(found) > 60
    named = set(acts.act_codes())
    assert {code: path.name for path, code in found if code not in named} == {}


def test_no_name_is_of_an_act_that_nobody_records() -> None:
    assert sorted(set(acts.act_codes()) - {code for _path, code in recorded(ROOT, FLOORS)}) == []


def test_all_work_in_the_background_has_a_name() -> None:
    named = set(acts.work_codes())
    assert sorted(set(jobs.kinds()) - named) == []
    assert {code: path.name for path, code in workers(ROOT, FLOORS) if code not in named} == {}


@pytest.mark.parametrize(
    "text",
    [
        'audit.record(actor=a, action="cat.feed", subject=s, now=n)',
        'audit.record(actor=a, action="cat.feed" if hungry else "member.enrol", subject=s, now=n)',
        'def f(action):\n    audit.record(actor=a, action=action)\n\ndef g():\n    f("cat.feed")',
        'action = "cat.feed" if x else "cat.stroke"\naudit.record(actor=a, action=action)',
        'def f(what):\n    audit.record(actor=a, action=f"cat.{what}")\n\ndef g():\n    f("feed")',
        "SQL = \"INSERT INTO backoffice_auditevent (action) SELECT 'cat.feed', 'members.member'\"",
    ],
)
def test_an_act_without_a_name_is_seen(text: str, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "verbs.py").write_text(text, encoding="utf-8")
    found = [code for _path, code in recorded(tmp_path, ["app"])]
    assert "cat.feed" in found
    assert "cat.feed" not in acts.act_codes()
    assert "members.member" not in found


@pytest.mark.parametrize("code", [*acts.act_codes(), *acts.work_codes()])
def test_names_are_sentences_in_both_languages(code: str) -> None:
    title = acts.act_title if code in acts.act_codes() else acts.work_title
    with override("en"):
        english = title(code)
    with override("zh-hant"):
        chinese = title(code)
    assert english[0].isupper()
    assert english != code
    assert re.search("[\N{CJK UNIFIED IDEOGRAPH-4E00}-\N{CJK UNIFIED IDEOGRAPH-9FFF}]", chinese), code


def test_actors_are_told_in_words() -> None:
    with override("en"):
        assert acts.actor_text("staff", "7", "Mei") == "Mei"
        assert acts.actor_text("staff", "7") == "7"
        assert acts.actor_text("job", "points.expire", "points.expire") == "System: Nightly expiry of points"
        assert acts.actor_text("pos", "TPE01", "TPE01") == "Till TPE01"
    # What a later version calls otherwise stays readable.
    assert acts.act_title("gone.verb") == acts.work_title("gone.verb") == "gone.verb"
