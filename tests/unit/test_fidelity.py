"""The fidelity study: its spread, its rank correlations by hand and against scipy, its keys, its table."""

from __future__ import annotations

import itertools
import math

import fabricate
import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, kendalltau
from tiny import DISTILLATION, evaluate, write_frame

from kdnas.analysis.fidelity import recipe, search_setting, spread
from kdnas.analysis.ranking import RESAMPLES, kendall_tau, tau_interval
from kdnas.data.frames import write_split, write_task
from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.figures.fidelity import fidelity_figure
from kdnas.figures.saving import save_figure
from kdnas.files.artifacts import read_json, write_json
from kdnas.plan import Setting
from kdnas.plan import fidelity_settings as settings
from kdnas.search.space import Architecture, SearchSpace, encoder_parameters
from kdnas.tables.fidelity import fidelity_table
from kdnas.tables.writing import csv_text, write_table
from kdnas.training.rows import Rows

SPACE = SearchSpace(
    {
        "layers": [2, 3, 4],
        "hidden_size": [192, 288, 384],
        "attention_heads": [6, 12],
        "ffn_size": [384, 768, 1536],
        "activation": ["gelu", "relu"],
    }
)


# The settings


def test_settings_by_name_and_back():
    study = {"architectures": 3, "initialisations": ["random", "teacher"], "proxy_epochs": [4, 1]}
    found = settings(study)
    names = ["proxy_random_4", "proxy_random_1", "full_random", "proxy_teacher_4", "proxy_teacher_1"]
    assert [setting.name for setting in found] == [*names, "full_teacher"]
    assert [Setting.from_name(setting.name) for setting in found] == found
    assert settings(study | {"architectures": 0}) == []


def test_recipe_changes_what_its_setting_names_and_leaves_out_other_stages():
    config = DISTILLATION | {"proxy": DISTILLATION["proxy"] | {"min_steps": 70}}
    short = recipe(config, Setting("random", 3))
    assert short == {
        "initialisation": "random",
        **{key: config[key] for key in ("refit_rows", "temperature", "relation_heads", "losses")},
        "proxy": config["proxy"] | {"epochs": 3, "min_steps": 0},
    }
    assert recipe(config, Setting("teacher", None))["student"] == config["student"]
    assert config["proxy"]["min_steps"] == 70
    assert search_setting(config) is None
    assert search_setting(DISTILLATION) == Setting("teacher", 2)


# The spread


def test_encoder_parameters_are_those_of_transformers():
    from transformers import BertConfig, BertModel

    architecture = Architecture(3, 24, 4, 40, "gelu")
    config = BertConfig(
        vocab_size=10, num_hidden_layers=3, hidden_size=24, num_attention_heads=4, intermediate_size=40
    )
    counted = sum(parameter.numel() for parameter in BertModel(config).encoder.parameters())
    assert encoder_parameters(architecture) == counted


@pytest.mark.parametrize("count", [3, 10, 36, 108])
def test_spread_has_one_architecture_of_each_quantile_of_size(count):
    drawn = spread(SPACE, count, 1)
    assert len(set(drawn)) == count
    assert all(architecture in SPACE for architecture in drawn)
    assert drawn == spread(SPACE, count, 1)
    sizes = np.array([encoder_parameters(architecture) for architecture in drawn])
    assert (np.diff(sizes) >= 0).all()
    everything = np.sort([encoder_parameters(architecture) for architecture in SPACE.enumerate()])
    parts = np.array_split(everything, count)
    assert all(part[0] <= size <= part[-1] for part, size in zip(parts, sizes, strict=True))


def test_spread_differs_by_seed_and_draws_every_architecture_alike():
    counts = pd.Series(0, index=[architecture.short_name for architecture in SPACE.enumerate()])
    for seed in range(300):
        counts[[architecture.short_name for architecture in spread(SPACE, 9, seed)]] += 1
    # each is drawn with probability 9 / 108: 25 times of 300, with a standard deviation of 4.8
    assert counts.sum() == 9 * 300
    assert counts.min() > 25 - 5 * 4.8 and counts.max() < 25 + 5 * 4.8
    # equal sizes in random order: heads and activation, which come last in the space, are no size
    assert abs(counts[counts.index.str.contains("gelu")].sum() / (9 * 300) - 0.5) < 0.05


# Rank correlation


def test_tau_by_hand():
    # of ten pairs the two swaps are discordant: (8 - 2) / 10
    assert kendall_tau([1, 2, 3, 4, 5], [1, 3, 2, 5, 4]) == pytest.approx(0.6)
    # one tie in each, none in both: 8 concordant pairs, 9 untied ones in each
    assert kendall_tau([1, 2, 2, 3, 4], [1, 2, 3, 3, 4]) == pytest.approx(8 / 9)
    assert math.isnan(kendall_tau([1, 1, 1], [1, 2, 3]))
    for seed in range(20):
        x, y = made_up(12, seed)
        assert kendall_tau(x, y) == pytest.approx(kendalltau(x, y).statistic)


def test_tau_within_groups_by_hand():
    # of the first group all three pairs agree, of the second its one does not; across groups all disagree
    x, y, groups = [1, 2, 3, 10, 11], [7, 8, 9, 2, 1], [1, 1, 1, 2, 2]
    assert kendall_tau(x, y, groups) == pytest.approx((3 - 1) / 4)
    low, high, undefined = tau_interval(x, y, groups)
    # a resample has 0, 2 or 3 pairs of the first group and 0 or 1 of the second
    assert (low, high) == (-1.0, 1.0)
    # none: the same one of three thrice (1 / 9) and the same one of two twice (1 / 2)
    assert undefined / RESAMPLES == pytest.approx(1 / 18, abs=0.01)


def made_up(pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rounded, so sometimes tied, numbers that agree by and large."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=pairs)
    return x.round(1), (x + generator.normal(size=pairs)).round(1)


def test_interval_is_that_of_resampled_pairs_one_by_one(monkeypatch):
    monkeypatch.setattr("kdnas.analysis.ranking.RESAMPLES", 300)
    x, y = made_up(7, 2)
    drawn = np.random.default_rng(1).multinomial(7, np.full(7, 1 / 7), size=300)
    taus = np.array([kendalltau(np.repeat(x, times), np.repeat(y, times)).statistic for times in drawn])
    low, high, undefined = tau_interval(x, y)
    assert (low, high) == pytest.approx(np.nanquantile(taus, [0.025, 0.975]), abs=1e-12)
    assert undefined == np.isnan(taus).sum()


def test_interval_is_scipys_but_for_chance():
    x, y = made_up(10, 3)
    reference = bootstrap(
        (x, y),
        lambda a, b: kendalltau(a, b).statistic,
        paired=True,
        vectorized=False,
        n_resamples=1000,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert tau_interval(x, y)[:2] == pytest.approx((reference.low, reference.high), abs=0.06)


def test_interval_of_a_perfect_ranking_is_degenerate():
    assert (kendall_tau(range(10), range(10)), *tau_interval(range(10), range(10))) == (1.0, 1.0, 1.0, 0)
    assert tau_interval(range(10), range(10, 0, -1))[:2] == (-1.0, -1.0)


def test_resamples_without_a_tau_are_left_out_and_counted():
    # nine equal scores and another one, which a resample misses with probability 0.9 ** 10 = 0.349
    low, high, undefined = tau_interval(range(10), [0] * 9 + [1])
    assert undefined / RESAMPLES == pytest.approx(0.349, abs=0.02)
    assert 0 < low <= high <= 1
    assert tau_interval([1, 1, 1], [1, 2, 3])[2] == RESAMPLES


# The keys


@pytest.fixture
def files(tmp_path):
    """A proxy set and a whole task on disk."""
    task = get_task("mnli")
    write_split(tmp_path / "proxy.parquet", write_frame(task, 40, 1))
    frames = {split: write_frame(task, 48, number) for number, split in enumerate(task.splits, start=5)}
    meta = {"splits": {split: {"rows": 48} for split in frames}, "fingerprint": "whole"}
    write_task(tmp_path / "data", frames | {"heldout": write_frame(task, 20, 2)}, meta)
    return tmp_path


def whole_task(files):
    return Rows.of_task("mnli", files / "data", max_length=32, scored=["validation_matched"])


def test_study_shares_the_searchs_evaluations_and_no_others(files, teacher_folder, make_run):
    from kdnas.files.store import Store

    store = Store(files / "store")
    entries = [{"candidate": 1, "architecture": Architecture(2, 12, 3, 24, "gelu").to_dict()}]
    proxy = Rows.of_proxy("mnli", files / "proxy.parquet", files / "data", max_length=32)
    whole = whole_task(files)

    def evaluated(rows, distillation, stage="proxy"):
        return evaluate(entries, teacher_folder, rows, distillation, 1, make_run(), store, stage)[0]

    config = DISTILLATION | {"student": DISTILLATION["student"] | {"epochs": 1}}
    searched = evaluated(proxy, config)
    own = evaluated(proxy, recipe(config, search_setting(config)))
    assert own == {**searched, "from_store": True}
    values = [searched]
    for setting in (Setting("teacher", 1), Setting("random", 2), Setting("teacher", None)):
        rows = whole if setting.proxy_epochs is None else proxy
        values.append(evaluated(rows, recipe(config, setting), setting.stage))
    assert [value["from_store"] for value in values] == [False] * 4
    assert len({value["weights_sha256"] for value in values}) == 4


def test_whole_task_is_scored_on_its_first_evaluation_split(files):
    rows = whole_task(files)
    pd.testing.assert_frame_equal(rows.scored["validation_matched"], write_frame(get_task("mnli"), 48, 6))
    pd.testing.assert_frame_equal(rows.train, write_frame(get_task("mnli"), 48, 5))
    # the other development split is not part of the key, either of these is
    before = rows.key
    write_split(files / "data" / "validation_mismatched.parquet", write_frame(get_task("mnli"), 48, 9))
    assert whole_task(files).key == before
    write_split(files / "data" / "validation_matched.parquet", write_frame(get_task("mnli"), 48, 9))
    assert whole_task(files).key != before


# The table

FULL = [0.60, 0.62, 0.61, 0.66, 0.64]
SIZES = [10, 20, 20, 30, 40]


@pytest.fixture
def study(tmp_path):
    """Five architectures; the accuracy of the proxy swaps no pair but (4, 5), its loss is all the same."""
    proxy = fabricate.fidelity_setting(
        tmp_path, "proxy_teacher_4", [0.50, 0.55, 0.52, 0.56, 0.58], [0.3] * 5, SIZES
    )
    full = fabricate.fidelity_setting(tmp_path, "full_teacher", FULL, FULL, SIZES)
    return [proxy, full]


def test_table_by_hand(study):
    table = fidelity_table(study, search_setting=Setting("teacher", 4), task="mnli", synthetic=False)
    accuracy, loss, _, size, shape = table.data.itertuples()
    assert (accuracy.predictor, accuracy.quality, accuracy.of_search) == ("proxy_teacher_4", "accuracy", True)
    assert accuracy.tau == pytest.approx((9 - 1) / 10)
    assert accuracy.first == "5L-384H-12A-1536F-gelu"
    assert (accuracy.first_score, accuracy.best_score) == (pytest.approx(64), pytest.approx(66))
    assert accuracy.mean_score == pytest.approx(62.6)
    assert (accuracy.regret, accuracy.gain) == (pytest.approx(2), pytest.approx(1.4))
    assert accuracy.tau_low < accuracy.tau < accuracy.tau_high <= 1
    assert pd.isna(loss.tau) and loss.reason == "all predictions are equal" and pd.isna(loss.regret)
    # sizes: 2 and 3 tie; of the nine other pairs (4, 5) is discordant: (8 - 1) / sqrt(9 * 10)
    assert (size.predictor, size.of_search) == ("parameters", False)
    assert size.tau == pytest.approx(7 / 90**0.5)
    low, high, _ = tau_interval(SIZES, FULL)
    assert list(table.shown["Kendall τ"])[1::2] == ["", f"{7 / 90**0.5:.2f} [{low:.2f}, {high:.2f}]"]
    sizes = ["parameters", "layers_times_hidden_size"]
    assert list(table.shown["Predictor"]) == ["proxy_teacher_4†"] * 3 + sizes
    regrets = list(table.shown["Regret"])
    assert [*regrets[:2], regrets[3]] == ["2.0", "", "2.0"]
    assert "proxy_teacher_4 (loss): no Kendall τ (all predictions are equal)." in table.notes
    # one to five layers of the same width: (2, 3) and (4, 5) are discordant
    assert shape.tau == pytest.approx((8 - 2) / 10) and shape.regret == pytest.approx(2)
    assert table.bold == {(0, "Kendall τ"), (2, "Kendall τ")}  # agreement is made up as accuracy is


def test_table_says_what_else_the_full_distillation_read(study):
    plain = fidelity_table(study, search_setting=None, task="mnli", synthetic=False)
    assert any("on the whole training set with" in note for note in plain.notes)
    (full,) = [path for path in study if path.stem == "full_teacher"]
    write_json(full, read_json(full) | {"unlabelled_rows": 700})
    more = fidelity_table(study, search_setting=None, task="mnli", synthetic=False)
    assert any("whole training set and 700 rows without labels with" in note for note in more.notes)


def test_failures_are_in_no_pair_and_fewer_than_five_tell_nothing(tmp_path):
    failing = [0.50, None, 0.52, 0.56, 0.58]
    paths = [
        fabricate.fidelity_setting(tmp_path, "proxy_random_1", failing, [0.3] * 5, SIZES),
        fabricate.fidelity_setting(tmp_path, "full_random", FULL, FULL, SIZES),
    ]
    table = fidelity_table(paths, search_setting=None, task="mnli", synthetic=True)
    accuracy, _, _, size, _ = table.data.itertuples()
    assert (accuracy.pairs, accuracy.architectures, size.pairs) == (4, 5, 5)
    assert pd.isna(accuracy.tau) and accuracy.reason == "4 architectures, fewer than 5"
    assert accuracy.regret == pytest.approx(2) and accuracy.mean_score == pytest.approx(62.75)
    words = "proxy_random_1: 1 of 5 architectures failed (out of memory at step 3) and are in no pair."
    assert words in table.notes
    assert "The search's own proxy is not among them." in table.notes
    assert "not GLUE" in table.title and "SYNTHETIC" in table.notes[0]


def test_first_of_architectures_that_tie_is_their_mean(tmp_path):
    paths = [
        fabricate.fidelity_setting(tmp_path, "proxy_teacher_1", [0.5, 0.6, 0.5, 0.6, 0.4], [0.3] * 5, SIZES),
        fabricate.fidelity_setting(tmp_path, "full_teacher", FULL, FULL, SIZES),
    ]
    accuracy = fidelity_table(paths, search_setting=None, task="rte", synthetic=False).data.iloc[0]
    assert accuracy["first"] == "2L-384H-12A-1536F-gelu or 4L-384H-12A-1536F-gelu"
    assert accuracy["first_score"] == pytest.approx(64)


def test_each_proxy_is_compared_within_its_own_start(tmp_path):
    paths = [
        fabricate.fidelity_setting(tmp_path, "proxy_teacher_1", FULL, FULL, SIZES),
        fabricate.fidelity_setting(tmp_path, "full_teacher", FULL, FULL, SIZES),
        fabricate.fidelity_setting(tmp_path, "proxy_random_1", FULL[::-1], FULL, SIZES),
        fabricate.fidelity_setting(tmp_path, "full_random", FULL[::-1], FULL, SIZES),
    ]
    data = fidelity_table(paths, search_setting=None, task="mnli", synthetic=False).data
    taus = data[data["quality"] == "accuracy"].set_index("predictor")["tau"]
    assert taus.to_dict() == {"proxy_teacher_1": pytest.approx(1), "proxy_random_1": pytest.approx(1)}
    sizes = data[data["predictor"] == "parameters"].set_index("initialisation")["tau"]
    assert sizes["teacher"] > 0 > sizes["random"]


# The figure


@pytest.fixture
def drawn(tmp_path):
    paths = fabricate.fidelity(tmp_path, 10, ["teacher", "random"], [1, 4])
    table = fidelity_table(paths, search_setting=None, task="mnli", synthetic=True)
    write_table(table, **fabricate.table_files(tmp_path, "fidelity"))
    return paths, tmp_path / "fidelity.csv"


def test_figure_has_a_panel_a_proxy_with_its_tau(drawn, tmp_path):
    paths, table = drawn
    written = []
    for attempt in ("first", "second"):
        figure = fidelity_figure(paths, table, "loss")
        names = {kind: tmp_path / f"{attempt}.{kind}" for kind in ("svg", "pdf", "png")}
        save_figure(figure, **names)
        written.append([name.read_bytes() for name in names.values()])
    assert written[0] == written[1]
    panels = [axes for axes in figure.axes if axes.get_visible()]
    cells = pd.read_csv(table).query("quality == 'loss'")
    assert len(panels) == len(cells) == 4
    for axes, row in zip(panels, cells.itertuples(), strict=True):
        assert f"τ {row.tau:.2f}" in axes.get_title(loc="left")
        best, points, ring = axes.lines
        assert len(points.get_xdata()) == 10
        assert max(points.get_ydata()) == pytest.approx(best.get_ydata()[0]) == pytest.approx(row.best_score)
        assert ring.get_ydata() == pytest.approx([row.first_score])
    assert "Synthetic data, not GLUE" in [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def test_figure_of_three_proxies_keeps_its_words_apart_and_inside(tmp_path):
    paths = fabricate.fidelity(tmp_path, 10, ["teacher", "random"], [1, 2, 16])
    (tmp_path / "fidelity.csv").write_text(
        csv_text(fidelity_table(paths, search_setting=None, task="mnli", synthetic=False))
    )
    for quality in ("accuracy", "loss"):
        figure = fidelity_figure(paths, tmp_path / "fidelity.csv", quality)
        figure.draw_without_rendering()
        words = [axes._left_title for axes in figure.axes] + [axes.xaxis.label for axes in figure.axes]
        boxes = [word.get_window_extent() for word in words if word.get_text()]
        assert len(boxes) == 6 + 3
        assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
        assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_figure_says_where_there_is_no_tau(study, tmp_path):
    (tmp_path / "fidelity.csv").write_text(
        csv_text(fidelity_table(study, search_setting=None, task="mnli", synthetic=False))
    )
    (axes,) = fidelity_figure(study, tmp_path / "fidelity.csv", "loss").axes
    assert "no τ" in axes.get_title(loc="left")
    with pytest.raises(UserError, match="is missing"):
        fidelity_figure(study, tmp_path / "none.csv", "loss")
    assert read_json(study[0])["proxy_epochs"] == 4
