"""The figures: the same bytes twice, what they say, and that odd input draws too."""

from __future__ import annotations

import fabricate
import matplotlib
import pandas as pd
import pytest
from matplotlib.lines import Line2D

from kdnas.data.tasks import TASKS
from kdnas.errors import UserError
from kdnas.figures.dimensions import dimensions_figure, marginal_means
from kdnas.figures.glue import glue_figure
from kdnas.figures.prediction import prediction_figure
from kdnas.figures.quality_latency import quality_latency_figure
from kdnas.figures.quality_speed import quality_speed_figure
from kdnas.figures.reward import reward_figure
from kdnas.figures.saving import save_figure
from kdnas.figures.style import SYNTHETIC, bottom_legend, new_figure, style
from kdnas.search.baselines import Baseline
from kdnas.search.history import read_history, write_history
from kdnas.search.predicted_rewards import predicted_candidates
from kdnas.tables.glue import glue_table
from kdnas.tables.writing import csv_text

KINDS = ("svg", "pdf", "png")
SPACE = {
    "layers": [1, 2, 3, 4, 5],
    "hidden_size": [192, 288, 384],
    "attention_heads": [6, 12],
    "ffn_size": [768],
    "activation": ["gelu", "relu"],
}


def files_in(folder):
    return {kind: folder / f"figure.{kind}" for kind in KINDS}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    run = fabricate.run(folder, seeds=(1, 2), missing=("minilm_l3", "rte"))
    (folder / "glue.csv").write_text(csv_text(glue_table(run["metrics"], fabricate.GLUE_TASKS)))
    return run | {"glue": folder / "glue.csv"}


def draw(name, run, synthetic=True):
    if name == "reward":
        return reward_figure(run["histories"], synthetic)
    if name == "quality_latency":
        return quality_latency_figure(
            run["histories"],
            run["architectures"],
            baselines={},
            latency_budgets=[0.3],
            quality="accuracy",
            timed_in="CPU",
            synthetic=synthetic,
        )
    if name == "dimensions":
        return dimensions_figure(
            run["histories"], SPACE, quality="accuracy", timed_in="CPU", synthetic=synthetic
        )
    if name == "prediction":
        return prediction_figure(run["histories"], synthetic)
    return glue_figure(run["glue"])


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


@pytest.mark.parametrize("name", ["reward", "quality_latency", "dimensions", "prediction", "glue"])
def test_files_have_no_dates_and_synthetic_is_said(name, run, tmp_path):
    before = dict(matplotlib.rcParams)
    figure = draw(name, run)
    files = files_in(tmp_path)
    save_figure(figure, **files)
    svg, pdf, png = (path.read_bytes() for path in files.values())
    assert svg.startswith(b"<?xml") and pdf.startswith(b"%PDF") and png.startswith(b"\x89PNG")
    assert b"dc:date" not in svg and b"CreationDate" not in pdf
    assert SYNTHETIC in texts(figure)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", ["reward", "quality_latency", "dimensions", "prediction"])
def test_real_data_is_not_called_synthetic(name, run):
    assert SYNTHETIC not in texts(draw(name, run, synthetic=False))


def test_reward_shows_every_candidate(run):
    lstm, random = draw("reward", run).axes
    hollow, filled, failed = lstm.lines[1:4]
    origins = fabricate.search("lstm", 3, 4, (2, 3)).query("status == 'ok'")["origin"].value_counts()
    assert len(hollow.get_xdata()) == origins["random"]
    assert len(filled.get_xdata()) == origins["controller"]
    assert failed.get_xdata().tolist() == [pytest.approx(2.1)]  # third of four candidates, within 1.6 to 2.4
    best = lstm.lines[4].get_ydata()
    rewards = fabricate.search("lstm", 3, 4, (2, 3))["reward"]
    assert best[-1] == rewards.max() and all(a <= b for a, b in zip(best, best[1:], strict=False))
    assert len(random.lines) == 4  # no failed one


def test_quality_speed_by_a_latency_table_has_no_intervals(tmp_path):
    scores, sizes = tmp_path / "glue.csv", tmp_path / "efficiency.csv"
    scores.write_text(
        "model,task,score,sd,synthetic\nteacher,average,80.0,,False\nlstm_best,average,78.0,,False\n"
    )
    sizes.write_text(
        "model,origin,architecture,parameters,cpu_speedup,cpu_speedup_low,cpu_speedup_high,"
        "cpu_latency_ms\n"
        "teacher,,,2e7,1.0,,,20.0\nlstm_best,lstm,2L,1e7,8.0,,,2.5\n"
    )
    axes = quality_speed_figure(scores, sizes, "cpu").axes[0]
    assert [list(line.get_xdata()) for line in axes.lines][1:] == [[1.0], [8.0]]


def test_reward_axis_counts_whole_episodes(run, tmp_path):
    write_history(tmp_path / "one.csv", fabricate.search("lstm", 1, 4, None))
    figure = reward_figure({"lstm": tmp_path / "one.csv"}, False)
    low, high = figure.axes[0].get_xlim()
    assert [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high] == [1]


def test_a_search_that_failed_at_first_draws(tmp_path):
    rows = [
        {"episode": 1, "candidate": 1, "status": "failed", "reason": "out of memory", "reward": 0.0},
        {"episode": 1, "candidate": 2, "reward": 0.5, "quality": 0.5, "latency_ratio": 0.6},
    ]
    write_history(tmp_path / "history.csv", fabricate.history(rows))
    histories = {"lstm": tmp_path / "history.csv"}
    figures = [
        reward_figure(histories, False),
        quality_latency_figure(
            histories, [], baselines={}, latency_budgets=[], quality="loss", timed_in="GPU", synthetic=False
        ),
    ]
    for figure in figures:
        save_figure(figure, **files_in(tmp_path))


def test_quality_latency_names_searched_students_only(run):
    figure = draw("quality_latency", run)
    words = texts(figure)
    assert {"lstm_best", "random_best", "lstm_budget_0.3", "random_budget_0.3"} <= set(
        "\n".join(words).split("\n")
    )
    assert "minilm_l3" not in words
    assert "Latency / teacher's (CPU; log)" in words


def test_quality_latency_marks_matched_students_and_says_budgets(run):
    baselines = {"minilm_l3": Baseline(0.65, 0.9), "tiny": Baseline(0.45, 0.02)}
    figure = quality_latency_figure(
        run["histories"],
        [],
        baselines=baselines,
        latency_budgets=[0.3, 0.25],
        quality="accuracy",
        timed_in="CPU",
        synthetic=False,
    )
    axes, key = figure.axes
    (crosses,) = [line for line in axes.lines if line.get_marker() == "x"]
    assert list(zip(*crosses.get_data(), strict=True)) == [(0.9, 0.65), (0.02, 0.45)]
    assert texts(key) == ["a", "tiny", "b", "minilm_l3"]
    low, high = axes.get_xlim()
    assert low < 0.02 and high > 0.9
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert "hand-crafted" in labels and "budget 0.3, 0.25" in labels and "selected student" not in labels


def test_labels_stay_inside_and_apart(run):
    figure = draw("quality_latency", run)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [matplotlib.text.Text.get_window_extent(text) for text in axes.texts]
    assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for box in boxes)
    assert not any(a.overlaps(b) for position, a in enumerate(boxes) for b in boxes[:position])


def test_thirty_students_have_letters_of_their_own_and_all_fits(tmp_path):
    places = [(0.05 + 0.02 * number, 0.4 + 0.4 * (number / 30) ** 0.5) for number in range(30)]
    rows = [{"episode": 1, "candidate": 1 + number} for number in range(30)]
    for row, (ratio, quality) in zip(rows, places, strict=True):
        row |= {"latency_ratio": ratio, "quality": quality, "reward": quality}
    found = fabricate.history(rows)
    write_history(tmp_path / "lstm.csv", found)
    students = [
        fabricate.student(tmp_path, f"s_{number}", "lstm", "budget", found.iloc[number])
        for number in range(30)
    ]
    budgets = [round(ratio, 2) for ratio, _ in places[:29]]
    figure = quality_latency_figure(
        {"lstm": tmp_path / "lstm.csv"},
        students,
        baselines={},
        latency_budgets=budgets,
        quality="loss",
        timed_in="CPU",
        synthetic=True,
    )
    axes, key = figure.axes
    words = texts(key)
    assert words[::2] == [*"abcdefghijklmnopqrstuvwxyz", "aa", "ab", "ac", "ad"]
    assert words[1::2] == [f"s_{number}" for number in range(30)]
    assert sorted(text.get_text() for text in axes.texts) == sorted(words[::2])
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert "29 budgets" in [text.get_text() for text in legend.get_texts()]
    boxes = [matplotlib.text.Text.get_window_extent(text) for text in axes.texts]
    assert not any(a.overlaps(b) for position, a in enumerate(boxes) for b in boxes[:position])
    for text in [*legend.get_texts(), *key.texts]:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text.get_text()
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text.get_text()
    for letter, name in zip(key.texts[::2], key.texts[1::2], strict=True):
        assert letter.get_window_extent().x1 < name.get_window_extent().x0


@pytest.mark.parametrize("ratios", [(0.002, 0.004), (0.52, 0.68), (8.0, 30.0), (0.1, 0.4)])
def test_quality_latency_has_ticks_at_any_ratio(ratios, tmp_path):
    rows = [
        {"episode": 1, "candidate": number, "latency_ratio": ratio, "quality": ratio / 100, "reward": 0.1}
        for number, ratio in enumerate(ratios)
    ]
    write_history(tmp_path / "lstm.csv", fabricate.history(rows))
    figure = quality_latency_figure(
        {"lstm": tmp_path / "lstm.csv"},
        [],
        baselines={},
        latency_budgets=[],
        quality="loss",
        timed_in="CPU",
        synthetic=False,
    )
    low, high = figure.axes[0].get_xlim()
    assert len([tick for tick in figure.axes[0].get_xticks() if low <= tick <= high]) > 1


@pytest.mark.parametrize("name", ["quality_latency", "prediction"])
def test_nothing_is_cut_off(name, tmp_path, run):
    if name == "quality_latency":  # long names, at the right end
        rows = [{"candidate": 1, "quality": 0.5, "latency_ratio": 0.2, "reward": 0.5}]
        rows.append({"candidate": 2, "quality": 0.6, "latency_ratio": 0.7, "reward": 0.6})
        found = fabricate.history([{"episode": 1, **row} for row in rows])
        write_history(tmp_path / "lstm.csv", found)
        rules = ("no_slower_than_bert_medium", "no_worse_than_bert_medium", "budget_0.295", "best")
        names = [f"{strategy}_{rule}" for strategy in ("lstm", "random") for rule in rules]
        students = [fabricate.student(tmp_path, name, "lstm", "best", found.iloc[1]) for name in names]
        figure = quality_latency_figure(
            {"lstm": tmp_path / "lstm.csv"},
            students,
            baselines={},
            latency_budgets=[],
            quality="loss",
            timed_in="CPU",
            synthetic=False,
        )
        assert texts(figure.axes[1]) == [word for name in names for word in ("a", name)]
    else:
        figure = draw(name, run)
    figure.draw_without_rendering()
    written = [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        titles = (axes.title, axes._left_title, axes._right_title)
        written += [*axes.texts, *titles, axes.xaxis.label, axes.yaxis.label]
    for text in filter(matplotlib.text.Text.get_text, written):
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text.get_text()
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text.get_text()


def written(tmp_path, **searches):
    for strategy, rows in searches.items():
        write_history(tmp_path / f"{strategy}.csv", fabricate.history(rows))
    return {strategy: tmp_path / f"{strategy}.csv" for strategy in searches}


def test_marginal_means_by_hand():
    rows = [
        {"layers": 2, "activation": "gelu", "quality": 0.5},
        {"layers": 2, "activation": "relu", "quality": 0.6},
        {"layers": 4, "activation": "gelu", "quality": 0.9},
    ]
    means = marginal_means(fabricate.history(rows), "layers", [2, 3, 4], "quality")
    assert means["n"].tolist() == [2, 0, 1]
    assert means["mean"].to_dict() == pytest.approx({2: 0.55, 3: float("nan"), 4: 0.9}, nan_ok=True)
    means = marginal_means(fabricate.history(rows), "activation", ["relu", "gelu"], "quality")
    assert means["n"].tolist() == [1, 2]
    assert means["mean"].to_dict() == pytest.approx({"relu": 0.6, "gelu": 0.7})


def test_dimensions_show_each_architecture_once_and_no_failed_one(tmp_path):
    shared = {"layers": 2, "quality": 0.6, "latency_ratio": 0.4, "reward": 0.6}
    narrow = {"layers": 2, "hidden_size": 192, "quality": 0.5, "latency_ratio": 0.1, "reward": 0.5}
    failed = {"layers": 4, "status": "failed", "reason": "out of memory", "reward": 0.0}
    paths = written(
        tmp_path,
        lstm=[shared, failed, {"layers": 3, "quality": 0.7, "latency_ratio": 0.5, "reward": 0.7}],
        random=[shared, narrow],
    )
    space = SPACE | {"layers": [2, 3, 4], "attention_heads": [12], "activation": ["gelu"]}
    figure = dimensions_figure(paths, space, quality="loss", timed_in="GPU", synthetic=False)
    layers, hidden, layers_below, _ = figure.axes  # two dimensions have more than one choice
    assert [layers_below.get_xlabel(), figure.axes[3].get_xlabel()] == ["Layers", "Hidden size"]
    assert layers.get_ylabel() == "Proxy quality\n(1 − held-out loss)"
    assert layers_below.get_ylabel() == "Latency ratio\n(GPU)"
    (points,) = layers.lines
    assert sorted(zip(points.get_xdata().round(), points.get_ydata(), strict=True)) == [
        (0, 0.5),
        (0, 0.6),
        (1, 0.7),
    ]
    assert [text.get_text() for text in layers.texts] == ["n = 2", "1", "0"]
    assert [text.get_text() for text in hidden.texts] == ["1", "0", "2"]
    bars = [segment[0][1] for segment in layers.collections[0].get_segments() if len(segment)]
    assert bars == pytest.approx([0.55, 0.7])  # and none where nothing is
    assert any("3 evaluated, 1 failed and left out" in text for text in texts(figure))


def test_dimensions_put_whole_tables_at_the_choice_that_stands_for_them(tmp_path):
    sizes = [(192, 192), (192, 128), (384, 384), (384, 128)]
    rows = [
        {"hidden_size": hidden, "embedding_size": size, "quality": 0.6, "latency_ratio": 0.4, "reward": 0.6}
        for hidden, size in sizes
    ]
    space = {name: choices[:1] for name, choices in SPACE.items()}
    space |= {"layers": [6], "hidden_size": [192, 384], "ffn_size": [1536], "embedding_size": [128, 384]}
    space["attention_heads"] = [12]
    figure = dimensions_figure(
        written(tmp_path, lstm=rows), space, quality="accuracy", timed_in="CPU", synthetic=False
    )
    assert figure.axes[3].get_xlabel() == "Embedding size"
    assert [text.get_text() for text in figure.axes[1].texts] == ["2", "2"]


def test_dimensions_of_heads_of_one_size_have_no_panel_of_heads(tmp_path):
    paths = written(tmp_path, lstm=[{"quality": 0.6, "latency_ratio": 0.4, "reward": 0.6}])
    space = SPACE | {"hidden_size": [192, 384], "head_size": 32}
    labels = [
        axes.get_xlabel()
        for axes in dimensions_figure(paths, space, quality="loss", timed_in="CPU", synthetic=False).axes
    ]
    assert list(filter(None, labels)) == ["Layers", "Hidden size", "Activation"]


def test_dimensions_spread_points_within_their_choice(run):
    for axes in draw("dimensions", run).axes:
        x = axes.lines[0].get_xdata()
        assert (abs(x - x.round()) <= 0.3).all()
        assert len(set(zip(x, axes.lines[0].get_ydata(), strict=True))) == len(x)


def test_dimensions_of_a_space_without_choices(tmp_path):
    paths = written(tmp_path, lstm=[{"quality": 0.6, "latency_ratio": 0.4, "reward": 0.6}])
    one = {name: choices[:1] for name, choices in SPACE.items()}
    figure = dimensions_figure(paths, one, quality="accuracy", timed_in="CPU", synthetic=False)
    figure.draw_without_rendering()
    assert texts(figure) == ["every dimension of the space has one\nchoice"]


def test_prediction_shows_own_choices_filled_and_random_slots_as_rings(run):
    lstm, random, _ = draw("prediction", run).axes
    pairs = predicted_candidates(read_history(run["histories"]["lstm"]))
    assert len(pairs) >= 5 and set(pairs["status"]) == {"ok"}
    assert 1 not in set(pairs["episode"])
    for points, origin in zip(lstm.collections, ("controller", "random"), strict=True):
        rows = pairs[pairs["origin"] == origin]
        shown = sorted(map(tuple, points.get_offsets().tolist()))
        assert shown == sorted(zip(rows["predicted_reward"], rows["reward"], strict=True))
        assert bool(len(points.get_facecolors())) == (origin == "controller" and len(rows) > 0)
    assert not random.collections
    assert [text.get_text() for text in random.texts] == [
        "No τ: 0 candidates predicted after\nepisode 1, fewer than 5."
    ]


def test_prediction_tau_by_hand(tmp_path):
    rows = [
        {"episode": 2, "origin": "controller", "predicted_reward": p, "reward": r, "layers": p}
        for p, r in zip([1, 2, 3, 4, 5], [0.5, 0.2, 0.3, 0.4, 0.1], strict=True)
    ]
    ignored = [
        {"episode": 1, "origin": "random", "predicted_reward": 9, "reward": 0.9},
        {"episode": 2, "origin": "controller", "predicted_reward": 9, "reward": 0.0, "status": "failed"},
    ]
    figure = prediction_figure(written(tmp_path, lstm=ignored[:1] + rows + ignored[1:]), False)
    # 1 above all others: 4 discordant; 2 < 3 < 4 concordant: 3; 5 below these three: 3 discordant; of 10
    title = figure.axes[0].get_title(loc="right")
    assert title.startswith("τ = −0.40 [−1.00, ") and title.endswith("], n = 5, 1 failed")
    few = prediction_figure(written(tmp_path, lstm=ignored[:1] + rows[:4]), False)
    assert len(few.axes) == 1  # no scale of episodes
    assert "fewer than 5" in "\n".join(texts(few))
    save_figure(few, **files_in(tmp_path))


def test_glue_groups_and_error_bars(run):
    panels = draw("glue", run).axes
    names = [axes.get_title() for axes in panels]
    assert names == ["MNLI-m", "MNLI-mm", "RTE (not in avg.)", "MRPC", "SST-2", "CoLA", "STS-B", "Avg."]
    students = [label.get_text() for label in panels[0].get_yticklabels()]
    assert students == [path.parent.name for path in run["architectures"]]
    assert [len(axes.containers) for axes in panels] == [5, 5, 4, 5, 5, 5, 5, 5]  # one has no RTE score
    score = pd.read_csv(run["glue"]).query("model == 'random_best' and label == 'CoLA'")["score"].item()
    (point, *_) = panels[5].containers[students.index("random_best")]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (pytest.approx(score), 2)


def test_glue_of_nine_tasks_and_many_models_fits_a_page(tmp_path, monkeypatch):
    names = [f"a_hand_crafted_student_{number}" for number in range(8)]
    monkeypatch.setattr(fabricate, "HAND_CRAFTED", dict.fromkeys(names, fabricate.TEACHER))
    run = fabricate.run(tmp_path, tasks=list(TASKS), seeds=(1,))
    (tmp_path / "glue.csv").write_text(csv_text(glue_table(run["metrics"], list(TASKS))))
    figure = glue_figure(tmp_path / "glue.csv")
    assert figure.get_figheight() < 9
    assert [axes.get_title() for axes in figure.axes if axes.axison][-2:] == ["WNLI", "Avg."]
    figure.draw_without_rendering()
    assert all(axes.bbox.width > 60 for axes in figure.axes)  # pixels at 100 dpi


def test_damaged_table_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"glue\.csv is missing"):
        glue_figure(tmp_path / "glue.csv")


def test_a_legend_has_only_as_many_columns_as_fit():
    handles = [
        Line2D([], [], label=text)
        for text in ("short", "budget 0.22, 0.3, 0.4", "selected student", "x" * 30)
    ]
    with style():
        narrow, wide = new_figure(2, False, width=2.2), new_figure(2, False, width=9)
        for figure in (narrow, wide):
            bottom_legend(figure, handles, columns=4)
            (legend,) = figure.legends
            figure.draw_without_rendering()
            assert legend.get_window_extent().width <= figure.bbox.width
    assert (narrow.legends[0]._ncols, wide.legends[0]._ncols) == (1, 4)
