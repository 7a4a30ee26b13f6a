"""The tabular benchmark: look-up, gathering from results, the data card, and replayed searches."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.replay import Landscape, curves, replay, summary, within_budgets
from benchmarks.replay_figure import curves_figure
from kdnas.benchmark.card import card, origin, origin_of
from kdnas.benchmark.gather import gather
from kdnas.benchmark.table import TabularBenchmark
from kdnas.errors import UserError
from kdnas.files.artifacts import write_json
from kdnas.search.reward import Reward
from kdnas.search.space import Architecture, SearchSpace

SPACE = {
    "layers": [1, 2, 3, 4],
    "hidden_size": [8, 16, 24, 32],
    "attention_heads": [1, 2, 3, 4],
    "head_size": 8,
    "ffn_size": [16, 32, 48],
    "activation": ["gelu"],
    "embedding_size": [8, 32],
}
SHAPES = SearchSpace(SPACE).enumerate()


def test_look_up():
    rows = [asdict(shape) | {"accuracy": shape.layers / 10, "name": shape.short_name} for shape in SHAPES]
    table = TabularBenchmark(pd.DataFrame(rows))
    assert len(table) == 84 == len(SHAPES)  # of four widths one, two, two and two embedding sizes
    assert table.architectures == SHAPES
    assert table[SHAPES[-1]]["name"] == SHAPES[-1].short_name
    assert table.of("accuracy", SHAPES[:2]) == dict.fromkeys(SHAPES[:2], 0.1)
    with pytest.raises(UserError, match="has no column loss; allowed: accuracy, name$"):
        table.of("loss")
    with pytest.raises(UserError, match="lacks 1 of 2 architectures, 9L-8H-1A-16F-gelu first"):
        table.of("accuracy", [SHAPES[0], Architecture(9, 8, 1, 16, "gelu")])


def test_wrong_tables_are_one_sentence(tmp_path):
    rows = pd.DataFrame([asdict(SHAPES[0])] * 2)
    with pytest.raises(UserError, match="has 1L-8H-1A-16F-gelu twice"):
        TabularBenchmark(rows)
    (tmp_path / "table.csv").write_text("layers,hidden_size\n1,8\n")
    with pytest.raises(UserError, match=r"table.csv has no column attention_heads"):
        TabularBenchmark.read(tmp_path / "table.csv")


def evaluation(shape, quality, status="ok"):
    return {
        "architecture": shape.to_dict(),
        "status": status,
        "quality_accuracy": quality,
        "quality_loss": quality and quality - 0.1,
        "parameters": 1000 * shape.layers if status == "ok" else None,
        "train_seconds": 2.0 if status == "ok" else None,
    }


def latency(shapes, runtime, factor):
    models = [
        {"architecture": shape.to_dict(), "ratio": factor * shape.layers, "ratio_low": 0.1, "ratio_high": 0.9}
        for shape in shapes
    ]
    hardware = {"device_name": "a processor", "cores": 2, "torch": "2"}
    return {"reason": None, "protocol": {"runtime": runtime}, "hardware": hardware, "models": models}


@pytest.fixture
def results(tmp_path):
    """Six architectures by two proxies, of which one fails; five in full with two seeds; two runtimes."""
    outside = Architecture(9, 8, 1, 16, "gelu")  # a matched student, which is timed along
    for episode, shapes in enumerate((SHAPES[:4], SHAPES[4:6]), start=1):
        folder = tmp_path / "whole" / "search" / "random" / f"episode_{episode:02d}"
        entries = [evaluation(shape, 0.5 + number / 100 * episode) for number, shape in enumerate(shapes)]
        write_json(folder / "cohort_01.json", {"evaluations": entries[:1]})
        write_json(folder / "cohort_02.json", {"evaluations": entries[1:]})
        write_json(folder / "latency.json", latency(shapes, "torch", 0.1))
    entries = [evaluation(shape, 0.4) for shape in SHAPES[:5]] + [evaluation(SHAPES[5], None, "failed")]
    folder = tmp_path / "untrained" / "search"
    write_json(folder / "random" / "episode_01" / "cohort_01.json", {"evaluations": entries})
    write_json(folder / "latency.json", latency([*SHAPES[:6], outside], "onnxruntime", 0.2))
    for seed in (1, 2):
        entries = [evaluation(shape, 0.6 + seed * number / 100) for number, shape in enumerate(SHAPES[:5])]
        write_json(tmp_path / f"full_{seed}" / "fidelity" / "full_teacher.json", {"evaluations": entries})
    return tmp_path


def gathered(results):
    return gather(
        {"75_steps": results / "whole", "no_steps": results / "untrained"},
        full={1: results / "full_1", 2: results / "full_2"},
        latencies=[results / "whole", results / "untrained"],
    )


def test_everything_is_gathered_once(results):
    table = gathered(results).table
    assert len(table) == 6
    benchmark = TabularBenchmark(table)
    row = benchmark[SHAPES[1]]
    assert (row["75_steps_accuracy"], row["75_steps_loss"]) == (0.51, pytest.approx(0.41))
    assert row["75_steps_seconds"] == 2.0
    assert (row["no_steps_accuracy"], row["parameters"]) == (0.4, 1000)
    assert (row["full_accuracy_seed_1"], row["full_accuracy_seed_2"]) == (0.61, 0.62)
    assert row["full_loss_seed_2"] == pytest.approx(0.52)
    assert (row["latency_ratio_torch"], row["latency_ratio_onnxruntime"]) == (0.1, 0.2)
    last = benchmark[SHAPES[5]]
    assert (last["75_steps_status"], last["no_steps_status"], last["parameters"]) == ("ok", "failed", 1000)
    assert np.isnan(last["no_steps_accuracy"]) and np.isnan(last["full_accuracy_seed_1"])
    columns = list(table.columns)
    assert columns[:6] == [
        "layers",
        "hidden_size",
        "attention_heads",
        "ffn_size",
        "activation",
        "embedding_size",
    ]
    assert len(columns) == 6 + 1 + 2 * 4 + 2 * 2 + 2 * 3


def test_results_that_contradict_each_other_or_are_not_there_are_one_sentence(results):
    with pytest.raises(
        UserError, match=r"whole/search.*has a_accuracy 0.5 of 1L-8H-1A-16F-gelu, an earlier file"
    ):
        write_json(
            results / "whole" / "search" / "lstm" / "episode_01" / "cohort_01.json",
            {"evaluations": [evaluation(SHAPES[0], 0.7)]},
        )
        gather({"a": results / "whole"}, full={}, latencies=[])
    with pytest.raises(UserError, match="full_1 has no search/"):
        gather({"a": results / "full_1"}, full={}, latencies=[])


def test_the_card_says_what_every_column_is_and_how_well_seeds_agree(results):
    found = gathered(results)
    versions = {"commit": "abc", "changed": True, "python": "3.11", "torch": "2", "transformers": "5"}
    known = origin({"proxy `no_steps`": Path("untrained")}, hardware=found.hardware, versions=versions)
    text = card("table", found.table, known)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    described = {
        name.strip("| `"): (known, what) for name, known, what in (row for row in rows if len(row) == 3)
    }
    assert list(described) == list(found.table.columns)
    assert all(what.strip(" |") for _, what in described.values())
    assert described["full_accuracy_seed_2"][0] == "5" and described["parameters"][0] == "6"
    assert "| `full_accuracy_seed_1` | `full_accuracy_seed_2` | 5 | 1.00 [1.00, 1.00] |" in text
    assert "| `full_accuracy_seed_1` | `no_steps_accuracy` | 5 | none: all equal |" in text
    assert "| proxy `no_steps` | `untrained`, commit `abc` with later changes, python 3.11, torch 2" in text
    assert "latencies in `onnxruntime` | a processor, cores 2, torch 2" in text
    (results / "table.md").write_text(text)
    assert origin_of(results / "table.md") == known
    with pytest.raises(UserError, match=r"other.md is no data card"):
        origin_of(results / "other.md")


def test_a_table_grows(results):
    first = gather({"no_steps": results / "untrained"}, full={}, latencies=[])
    (results / "table.csv").write_text(first.table.to_csv(index=False))
    full = results / "full_1"
    write_json(full / "fidelity" / "proxy_refit_4.json", {"evaluations": [evaluation(SHAPES[2], 0.3)]})
    grown = gather(
        {"300_steps": full / "fidelity" / "proxy_refit_4.json"},
        full={1: full},
        latencies=[],
        onto=results / "table.csv",
    ).table
    assert list(grown.columns) == [
        *first.table.columns,
        *(f"300_steps_{name}" for name in ("status", "seconds", "accuracy", "loss")),
        "full_accuracy_seed_1",
        "full_loss_seed_1",
    ]
    pd.testing.assert_frame_equal(grown[first.table.columns], first.table, check_dtype=False)
    assert grown["300_steps_accuracy"].dropna().tolist() == [0.3]
    assert grown["full_accuracy_seed_1"].notna().sum() == 5
    write_json(full / "fidelity" / "full_other.json", {"evaluations": [evaluation(SHAPES[0], 0.1)]})
    with pytest.raises(UserError, match="has full_accuracy_seed_1 0.6 of"):
        gather({}, full={1: full}, latencies=[])


def landscape():
    """A smooth quality with one failure, and a latency that grows with the size."""
    quality = {
        shape: 0.9 - 0.02 * (shape.layers - 3) ** 2 - 0.01 * abs(shape.hidden_size - 24) / 8
        for shape in SHAPES
    }
    ratio = {shape: 0.1 + 0.02 * shape.layers * shape.hidden_size / 8 for shape in SHAPES}
    quality[SHAPES[0]] = float("nan")
    exploration = {"start": 1.0, "end": 0.0, "step": 1.0}
    controller = {"embedding_size": 4, "hidden_size": 4, "learning_rate": 1e-3, "updates": 1}
    search = {
        "space": SPACE,
        "episodes": 3,
        "candidates": 5,
        "exploration": exploration,
        "controller": controller,
    }
    reward = Reward("accuracy", alpha=-0.06, beta=0.6, device="cpu")
    return Landscape(search, reward, quality=quality, ratio=ratio, seconds=dict.fromkeys(SHAPES, 36.0))


def test_replayed_searches_within_budgets():
    on = replace(landscape(), budgets=(0.2, 0.3))
    names = ("constrained", "random")
    found = {name: [replay(on, (name, seed)) for seed in range(1, 4)] for name in names}
    table = within_budgets(found, on).set_index(["strategy", "budget"])
    for place, budget in enumerate(on.budgets):
        within = {shape: value for shape, value in on.quality.items() if on.ratio[shape] <= budget}
        best = max(value for value in within.values() if value == value)
        row = table.loc["constrained", budget]
        assert row["best"] == best
        own, of_random = (np.array([best - s.lacks[place, -1] for s in found[name]]) for name in names)
        assert row["lacks"] == pytest.approx(best - own.mean())
        assert row["over_random"] == pytest.approx(np.mean(own - of_random))
        largest = max(shape.layers * shape.hidden_size for shape in within)
        picked = [value for shape, value in within.items() if shape.layers * shape.hidden_size == largest]
        assert row["over_size"] == pytest.approx(own.mean() - np.mean(picked))
    assert table.loc["random", "over_random"].tolist() == [0, 0]
    curve = (
        curves(found).set_index(["strategy", "measure", "unit"]).loc[("constrained", "lack", "evaluations")]
    )
    assert curve["median"].iloc[-1] == np.median([s.lacks[:, -1].mean() for s in found["constrained"]])
    after = int(summary(found).set_index("strategy").loc["random", "within_budgets_after"])
    median = np.median([search.lacks.mean(axis=0) for search in found["random"]], axis=0)
    assert median[after - 1] == median[-1] < median[after - 2]


def test_replayed_searches_by_evaluations_and_by_hours():
    on, names = landscape(), ("random", "linear", "evolution")
    found = {name: [replay(on, (name, seed)) for seed in range(1, 7)] for name in names}
    table = summary(found).set_index("strategy")
    best = max(reward for reward in on.rewards.values())
    for name, searches in found.items():
        last = [search.regret[-1] for search in searches]
        assert table.loc[name, "regret"] == pytest.approx(np.median(last))
        assert min(last) == table.loc[name, "regret_low"] and max(last) == table.loc[name, "regret_high"]
        middle = np.median([search.regret for search in searches], axis=0)
        reached = [
            after for after, value in enumerate(middle, start=1) if value <= table.loc["random", "regret"]
        ]
        assert table.loc[name, "reaches_random_after"] == min([*reached, float("inf")])
        assert table.loc[name, "found_best"] == np.mean([value == pytest.approx(0) for value in last])
    assert best == max(on.reward.of(on.quality[shape], on.ratio[shape]) for shape in SHAPES[1:])
    assert replay(on, ("linear", 3)).regret.tolist() == found["linear"][2].regret.tolist()

    drawn = curves(found)
    by = drawn[(drawn["strategy"] == "linear") & (drawn["measure"] == "regret")]
    evaluations, hours = (by[by["unit"] == unit] for unit in ("evaluations", "hours"))
    assert evaluations["at"].tolist() == list(range(1, 16))
    assert (hours["at"].min(), hours["at"].max()) == pytest.approx((0.01, 0.15))  # 36 seconds each
    assert hours["median"].iloc[-1] == evaluations["median"].iloc[-1]
    assert (np.diff(evaluations["median"].dropna()) <= 0).all()
    figure = curves_figure(drawn)
    assert [len(axes.lines) for axes in figure.axes] == [3, 3, 3, 3]


def test_replayed_searches_that_screen():
    """Screening by the true quality: where all of the space is looked at, the first episode has its best."""
    plain = landscape()
    known = {shape: 0.0 if np.isnan(quality) else quality for shape, quality in plain.quality.items()}
    screens = {"screen": known, "screen_seconds": dict.fromkeys(SHAPES, 3.6)}

    def searched(**search):
        return replay(replace(plain, search=plain.search | search, **screens), ("random_screened", 1))

    whole = searched(screened=len(SHAPES), episodes=1)
    best = sorted(plain.rewards.values(), reverse=True)
    assert whole.regret[-1] == pytest.approx(0) and len(whole.regret) == 5
    assert whole.place == pytest.approx(np.mean([reward < best[0] for reward in best]))
    assert whole.hours == pytest.approx(0.001 * len(SHAPES) + 0.01 * np.arange(1, 6))
    some = searched(screened=8, episodes=2)
    assert some.hours == pytest.approx(0.01 * np.arange(1, 11) + 0.008 * np.repeat([1, 2], 5))
    unscreened = replay(replace(plain, **screens), ("random", 1))
    assert unscreened.regret.tolist() == replay(plain, ("random", 1)).regret.tolist()
