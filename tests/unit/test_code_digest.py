"""Digests of code: what an edit re-runs."""

from __future__ import annotations

import shutil

import pytest

from kdnas.files import code_digest as digest_module
from kdnas.files.code_digest import NEUTRAL, ROOT, code_digest, script_digest
from kdnas.training import candidates, students


def forget():
    """Let the next digest read all files anew."""
    for function in (
        digest_module._definition,
        digest_module._effects,
        digest_module._source,
        digest_module._file,
    ):
        function.cache_clear()


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """Return the function from the files of a made-up package, and a script, to the script's digest."""
    monkeypatch.setattr(digest_module, "ROOT", tmp_path)

    def of(files):
        shutil.rmtree(tmp_path / "kdnas", ignore_errors=True)
        for name, text in {"kdnas/__init__.py": "", **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        forget()
        return script_digest(tmp_path / "script.py")

    yield of
    forget()


SCRIPT = {"script.py": "from kdnas import a\n\nprint(a.f(3))\n"}
A = "from kdnas.b import LIMIT, g\n\ndef f(x):\n    return g(x, LIMIT)\n\ndef other():\n    return 1\n"
B = "LIMIT = 5\n\ndef g(x, limit):\n    return min(x, limit)\n"
FILES = {**SCRIPT, "kdnas/a.py": A, "kdnas/b.py": B}


@pytest.mark.parametrize(
    "change",
    [
        {"kdnas/b.py": B.replace("5", "6")},
        {"kdnas/b.py": B.replace("min", "max")},
        {"kdnas/a.py": A.replace("g(x, LIMIT)", "g(x, LIMIT) + 1")},
        {"kdnas/a.py": A.replace("return g(x, LIMIT)", "import kdnas.c\n    return g(x, kdnas.c.h)")},
        {"kdnas/b.py": B + "\nimport os\nos.environ['X'] = '1'\n"},
        {"script.py": SCRIPT["script.py"].replace("3", "4")},
    ],
)
def test_what_is_used_counts_however_deep(digest, change):
    extra = {"kdnas/c.py": "def h(): return 2\n"}
    assert digest(FILES | extra) != digest(FILES | extra | change)


@pytest.mark.parametrize(
    "change",
    [
        {"kdnas/a.py": A.replace("return 1", "return 2")},  # a function that nothing uses
        {"kdnas/c.py": "x = 1\n"},
        {"kdnas/b.py": '"""Other."""\nLIMIT = (5)\ndef g(x, limit):  # !\n "Doc."\n return min(x,limit)\n'},
        {"kdnas/b.py": B.replace("g(x, limit):", "g(x: int, limit: float) -> float:")},
        {"kdnas/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import kdnas.a\n" + B},
    ],
)
def test_what_decides_nothing_does_not_count(digest, change):
    assert digest(FILES) == digest(FILES | change)


HANDED = """from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from kdnas.b import Rate

def f(rate: Rate):
    return rate.at(3)
"""
RATE = "class Rate:\n    def at(self, step):\n        return step / 2\n"


def test_the_methods_of_what_is_handed_in_count(digest):
    """Nothing but an annotation says which class it is."""
    files = {**SCRIPT, "kdnas/a.py": HANDED, "kdnas/b.py": RATE}
    assert digest(files) != digest(files | {"kdnas/b.py": RATE.replace("2", "3")})
    again = HANDED + "\ndef other(rate: Rate): pass\n"
    assert digest(files) == digest(files | {"kdnas/a.py": again})


def test_an_annotation_that_says_nothing_new_is_neutral(digest):
    a = "from kdnas.b import Rate\n\ndef f(x):\n    return g(Rate())\n\ndef g(rate):\n    return rate.at(3)\n"
    files = {**SCRIPT, "kdnas/a.py": a, "kdnas/b.py": RATE}
    assert digest(files) == digest(files | {"kdnas/a.py": a.replace("g(rate)", "g(rate: Rate)")})


def test_moves_and_renames_are_neutral(digest):
    before = digest(FILES)
    moved = "from kdnas.deep.home import g\nfrom kdnas.limits import MOST as LIMIT\n" + A.partition("\n")[2]
    files = {"kdnas/limits.py": "MOST = 5\n", "kdnas/deep/__init__.py": ""}
    files["kdnas/deep/home.py"] = B.partition("\n\n")[2]
    assert digest({**SCRIPT, "kdnas/a.py": moved, **files}) == before
    renamed = (
        A.replace("def f", "def first")
        .replace("g(", "least(")
        .replace("import LIMIT, g", "import LIMIT, least")
    )
    script = {"script.py": "from kdnas.a import first as f\n\nprint(f(3))\n"}
    assert digest({**script, "kdnas/a.py": renamed, "kdnas/b.py": B.replace("def g", "def least")}) == before


def test_functions_that_change_places_count(digest):
    """All is still there, but other code calls it."""
    a = "def f(x):\n    return g(x) - h(x)\n\ndef g(x):\n    return x + 1\n\ndef h(x):\n    return x * 2\n"
    swapped = a.replace("g(x) - h(x)", "h(x) - g(x)")
    assert digest({**SCRIPT, "kdnas/a.py": a}) != digest({**SCRIPT, "kdnas/a.py": swapped})


def test_functions_that_call_each_other(digest):
    a = "def f(x):\n    return g(x)\n\ndef g(x):\n    return x and f(x - 1)\n"
    before = digest({**SCRIPT, "kdnas/a.py": a})
    assert before != digest({**SCRIPT, "kdnas/a.py": a.replace("- 1", "- 2")})


def test_registries_name_what_they_use(digest):
    """A registry imports by name, only what is asked for."""
    script = {"script.py": "from kdnas import registry\n\nprint(registry.ALL['b'])\n"}
    files = {**script, "kdnas/registry.py": 'ALL = {"b": "kdnas.b:g"}\n', "kdnas/b.py": B}
    assert digest(files) != digest(files | {"kdnas/b.py": B.replace("min", "max")})
    assert digest(files) == digest(files | {"kdnas/b.py": B.replace("5", "6")})


def test_words_of_errors_do_not_count(digest):
    a = "from kdnas.errors import UserError\n\ndef f(x):\n if x < 3:\n  raise UserError({0})\n return x\n"
    files = {**SCRIPT, "kdnas/errors.py": "class UserError(Exception): pass\n"}
    assert digest({**files, "kdnas/a.py": a.format("'no'")}) == digest(
        {**files, "kdnas/a.py": a.format("f'{x}'")}
    )
    assert digest({**files, "kdnas/a.py": a.format("1")}) != digest(
        {**files, "kdnas/a.py": a.format("1").replace("raise UserError", "raise ValueError")}
    )


SOURCE = """
import kdnas.c

def f(x, *, y=None, **rest):
    return {**rest, x: f"{y!r:>{x}} \N{SNOWMAN} \U0001fae8"} if x else u"text", (), [], None, 1e-5
"""


def test_digest_is_the_same_with_every_version_of_python(digest):
    """Pinned: computed with Python 3.11; the trees of 3.12 and 3.13 differ from its."""
    assert digest({"script.py": SOURCE, "kdnas/c.py": "x = 1\n"}) == "d4a67101fef3d04f"


def test_modules_that_decide_no_result_are_in_no_digest(tmp_path, monkeypatch):
    """In a copy of the library, for a rule that trains, one that learns and one that fetches."""
    for name in ("kdnas", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest_module, "ROOT", tmp_path)

    def digests():
        forget()
        scripts = ("distill_candidates", "update_controller", "fetch_teacher")
        return [script_digest(tmp_path / "scripts" / f"{name}.py") for name in scripts]

    def extend(module):
        path = tmp_path / f"{module.replace('.', '/')}.py"
        path.write_text(path.read_text().replace("return ", "return 0 or "))

    before = digests()
    for module in (*NEUTRAL, "kdnas.config.validation", "kdnas.config.cross_checks"):
        extend(module)
    assert digests() == before
    extend("kdnas.losses.logits")
    assert [now == then for now, then in zip(digests(), before, strict=True)] == [False, True, True]
    extend("kdnas.search.reward")
    assert digests()[1] != before[1]
    forget()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("training/recipe.py", "(step + 1) / rising", "(step + 2) / rising"),
        ("training/rows.py", "answers.logits[TRAIN][train", "-answers.logits[TRAIN][train"),
        ("training/loop.py", "seed=seed, epoch=epoch", "seed=seed, epoch=0"),
        ("losses/logits.py", "temperature**2", "temperature"),
        ("models/narrowing.py", "return ", "return None or "),
    ],
)
def test_whatever_decides_a_training_is_in_its_digests(tmp_path, monkeypatch, file, old, new):
    """In the keys of the store and in the parameter of the rule; in a copy of the library."""
    for name in ("kdnas", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest_module, "ROOT", tmp_path)

    def digests():
        forget()
        rules = [
            script_digest(tmp_path / "scripts" / f"{name}.py")
            for name in ("distill_candidates", "distill_student")
        ]
        return [*rules, code_digest(candidates._evaluate), code_digest(students._train)]

    before, path = digests(), tmp_path / "kdnas" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert not set(digests()) & set(before)
    forget()


def test_neutral_modules_are_there():
    assert all((ROOT / f"{module.replace('.', '/')}.py").is_file() for module in NEUTRAL)
