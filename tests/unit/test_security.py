"""Only safetensors are loaded, nothing is unpickled, no text of a config becomes code or a place to write."""

from __future__ import annotations

import ast
import io
import json
import os
import pickle
import re
import shutil
import tokenize
from pathlib import Path

import pytest

from kdnas.config.check import check_config
from kdnas.config.schema import load_schema
from kdnas.errors import UserError
from kdnas.models.files import WEIGHTS
from kdnas.teachers.fetch import TeacherSource, fetch_teacher

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sorted([*(ROOT / "kdnas").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")])
RULES = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]

# modules that read pickles
MODULES = {"cPickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
# `eval` and its like are looked for as names alone, as `model.eval()` is a mode
ATTRIBUTES = {
    *("numpy.load", "np.load", "torch.load", "torch.save", "torch.hub", "torch.jit"),
    *("os.system", "os.popen", "os.execv", "os.execvp", "os.spawnv", "subprocess.getoutput"),
    *("pd.read_pickle", "pandas.read_pickle"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load"),
}
BUILTINS = {"eval", "exec", "compile", "__import__"}
KEYWORDS = {"trust_remote_code", "allow_pickle", "shell"}
WITHOUT_WEIGHTS = {"AutoConfig", "AutoTokenizer"}


def unsafe(source: str) -> list[str]:
    """Return what a Python source does that could run code out of data, with its lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            imported = {f"{module}.{alias.name}" for alias in node.names}
            names = [module] if module.partition(".")[0] in MODULES else sorted(imported & ATTRIBUTES)
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" in ATTRIBUTES:
                names = [f"{node.value.id}.{node.attr}"]
            names += [node.attr] if node.attr in ("to_pickle", "read_pickle") else []
        elif isinstance(node, ast.Name):
            names = [node.id] if node.id in BUILTINS else []
        elif isinstance(node, ast.Call):
            names = [keyword.arg for keyword in node.keywords if keyword.arg in KEYWORDS]
            if isinstance(node.func, ast.Attribute) and node.func.attr == "from_pretrained":
                loaded = ast.unparse(node.func.value)
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if loaded not in WITHOUT_WEIGHTS and given.get("use_safetensors") != "True":
                    names.append(f"{loaded}.from_pretrained")
        found += [f"line {node.lineno}: {name}" for name in names]
    return found


def test_no_module_reads_pickles_or_runs_text():
    found = {str(path.relative_to(ROOT)): unsafe(path.read_text(encoding="utf-8")) for path in PYTHON}
    assert len(found) > 100
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import torch\ntorch.load(path)",
        "from torch import load",
        "np.load(path, allow_pickle=True)",
        "frame.to_pickle(path)",
        "eval(text)",
        "import os\nos.system(text)",
        "run(text, shell=True)",
        "subprocess.getoutput(text)",
        "yaml.load(text)",
        "AutoModel.from_pretrained(folder)",
        "AutoModel.from_pretrained(folder, use_safetensors=False)",
        "AutoConfig.from_pretrained(folder, trust_remote_code=True)",
    ],
)
def test_the_check_sees_what_it_is_for(source):
    assert unsafe(source)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_no_rule_has_a_shell_command_or_runs_text(path):
    tokens = list(tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline))
    names = {token.string for token in tokens if token.type == tokenize.NAME}
    assert not names & (MODULES | BUILTINS | KEYWORDS | {"run", "system", "popen", "wrapper", "notebook"})


# --- weights


class Payload:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def teacher(tmp_path):
    """A teacher in a folder without weights."""
    folder = tmp_path / "teacher"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (WEIGHTS, f"{WEIGHTS} of teacher .* is damaged"),
        ("pytorch_model.bin", f"has no {WEIGHTS}; allowed: weights in this format"),
    ],
)
def test_a_malicious_pickle_is_refused_and_does_not_run(teacher, tmp_path, name, sentence):
    (teacher / name).write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    section = {"source": "local", "name": str(teacher), "revision": None, "sha256": None}
    with pytest.raises(UserError, match=sentence):
        fetch_teacher(TeacherSource.from_config(section), tmp_path / "base", lambda config, facts: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["teacher"]
    pickle.loads((teacher / name).read_bytes())
    assert (tmp_path / "ran").is_dir()  # so it would have run


def test_neither_a_pickle_nor_code_beside_the_model_is_used(teacher_folder, tmp_path):
    from kdnas.models.loading import load_classifier, load_config
    from kdnas.models.tokenizer import load_tokenizer

    folder = tmp_path / "model"
    shutil.copytree(teacher_folder, folder)
    (folder / "evil.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\n")
    names = {"AutoConfig": "evil.Config", "AutoModelForSequenceClassification": "evil.Model"}
    for file, auto_map in (
        ("config.json", names),
        ("tokenizer_config.json", {"AutoTokenizer": [None, "evil.T"]}),
    ):
        content = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(content | {"auto_map": auto_map}))
    load_config(folder)
    load_tokenizer(folder)
    load_classifier(folder)
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    with pytest.raises(UserError, match="damaged"):
        load_classifier(folder)
    assert not (tmp_path / "ran").exists()


# --- places

OUTSIDE = ["../../x", "/tmp/x", "a/b", "..", ".", "", "a\nb", "~", "a b", "$(touch x)", "a;b", "{R}", "a\\b"]
SHAPE = {"layers": 1, "hidden_size": 12, "attention_heads": 12, "ffn_size": 12, "activation": "gelu"}


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (lambda name: {"experiment": name}, "experiment"),
        (lambda name: {"environment": name}, "environment"),
        (lambda name: {"data": {"tasks": ["mnli", name]}}, "data.tasks"),
        (lambda name: {"search": {"task": name}}, "search.task"),
        (lambda name: {"search": {"strategies": [name]}}, "search.strategies"),
        (lambda name: {"fidelity": {"initialisations": [name]}}, "fidelity.initialisations"),
        (lambda name: {"students": {"hand_crafted": [{"name": name, **SHAPE}]}}, "students.hand_crafted"),
        (lambda name: {"students": {"matched": [name]}}, "students.matched"),
        (lambda name: {"claims": {"baseline": name}}, "claims.baseline"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_name_that_becomes_a_path_leaves_the_results(config, key):
    for name in OUTSIDE:
        with pytest.raises(UserError, match=rf"^{key}"):
            check_config(config(name))


@pytest.mark.parametrize(("section", "key"), [("data", "path"), ("teacher", "name"), ("latency", "table")])
def test_no_path_is_taken_for_a_wildcard(section, key):
    source = {"source": "local"} if section != "latency" else {}
    for path in ("{R}/x", "x}", "{"):
        with pytest.raises(UserError, match=rf"^{section}\.{key} is .*; allowed: a path without {{ and }}$"):
            check_config({section: {**source, key: path}})


def free_texts(schema, path=""):
    """Return the keys whose text may lead out of a folder."""
    if "string" in schema.get("type", []) and "enum" not in schema:
        return [path] if re.search(schema.get("pattern", ""), "../x") else []
    found = [
        key
        for name, inner in schema.get("properties", {}).items()
        for key in free_texts(inner, f"{path}.{name}".strip("."))
    ]
    return found + (free_texts(schema["items"], f"{path}[]") if "items" in schema else [])


def test_only_what_is_read_and_never_written_may_lead_anywhere():
    assert set(free_texts(load_schema())) == {"data.path", "teacher.name", "latency.table"}
