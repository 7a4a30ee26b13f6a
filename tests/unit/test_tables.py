"""The tables against numbers worked out by hand."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from html.parser import HTMLParser

import fabricate
import pandas as pd
import pytest

from kdnas.data.tasks import TASKS
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json, write_json, write_text
from kdnas.search.history import write_history
from kdnas.tables.cost import cost_table
from kdnas.tables.efficiency import efficiency_table
from kdnas.tables.glue import glue_table
from kdnas.tables.html import html_text
from kdnas.tables.latex import latex_text
from kdnas.tables.markdown import markdown_text
from kdnas.tables.search import search_table
from kdnas.tables.table import Table
from kdnas.tables.writing import csv_text, write_table


def glue_cell(table, model, label):
    (row,) = table.data[(table.data["model"] == model) & (table.data["label"] == label)].itertuples()
    return row


@pytest.fixture
def small_glue(tmp_path):
    """MNLI (two splits), CoLA and MRPC of the teacher and one student, two seeds, round numbers."""
    points = {  # model: seed: (MNLI-m, MNLI-mm, CoLA, MRPC accuracy, MRPC F1)
        "teacher": {1: (80, 82, 40, 80, 90), 2: (82, 84, 44, 82, 92)},
        "tiny_one": {1: (70, 72, 20, 70, 80), 2: (74, 76, 26, 74, 84)},
    }
    paths = []
    for model, seeds in points.items():
        for seed, (matched, mismatched, cola, accuracy, f1) in seeds.items():
            scores = {
                "mnli": {
                    "validation_matched": {"accuracy": matched / 100},
                    "validation_mismatched": {"accuracy": mismatched / 100},
                },
                "cola": {"validation": {"matthews": cola / 100}},
                "mrpc": {"validation": {"accuracy": accuracy / 100, "f1": f1 / 100}},
            }
            for task, splits in scores.items():
                paths.append(fabricate.metrics(tmp_path, model, task, seed, splits))
    return paths


def test_glue_scores_and_spread(small_glue):
    table = glue_table(small_glue, ["mnli", "cola", "mrpc"])
    cell = glue_cell(table, "tiny_one", "CoLA")
    assert cell.score == pytest.approx(23)
    assert cell.sd == pytest.approx(18**0.5)  # of 20 and 26, divided by n - 1
    assert cell.seeds == 2
    assert glue_cell(table, "teacher", "MRPC").score == pytest.approx(86)  # 85 and 87


def test_glue_averages_count_mnli_once(small_glue):
    table = glue_table(small_glue, ["mnli", "cola", "mrpc"])
    # teacher: (81 + 40 + 85) / 3 and (83 + 44 + 87) / 3; student: (71 + 20 + 75) / 3 and (75 + 26 + 79) / 3
    teacher, student = (206 / 3 + 214 / 3) / 2, (166 / 3 + 180 / 3) / 2
    assert glue_cell(table, "teacher", "Avg.").score == pytest.approx(teacher)
    assert glue_cell(table, "tiny_one", "Avg.").score == pytest.approx(student)
    assert glue_cell(table, "tiny_one", "Avg.").sd == pytest.approx((180 - 166) / 3 / 2**0.5)
    assert glue_cell(table, "tiny_one", "% of teacher").score == pytest.approx(100 * student / teacher)
    # without CoLA: teacher (81 + 85) / 2 = 83 and 85, student 73 and 77
    assert glue_cell(table, "tiny_one", "w/o CoLA").score == pytest.approx(75)
    assert glue_cell(table, "tiny_one", "% w/o CoLA").score == pytest.approx(100 * 75 / 84)
    assert glue_cell(table, "teacher", "% of teacher").score == pytest.approx(100)


def test_glue_text(small_glue):
    table = glue_table(small_glue, ["mnli", "cola", "mrpc"])
    assert list(table.shown["Model"]) == ["teacher", "tiny_one"]
    assert list(table.shown["MNLI-mm"]) == ["83.0 ± 1.4", "74.0 ± 2.8"]
    assert list(table.shown["% w/o CoLA"]) == ["100.0", "89.3"]
    assert table.title == "GLUE development sets"
    assert "Mean ± standard deviation over 2 seeds." in table.notes
    assert "Average over 3 tasks (MNLI, CoLA, MRPC); MNLI's two splits count once." in table.notes


def test_glue_averages_without_wnli(tmp_path):
    points = {"teacher": {"rte": 70, "cola": 40, "wnli": 55}, "tiny_one": {"rte": 60, "cola": 20, "wnli": 58}}
    paths = [
        fabricate.metrics(tmp_path, model, task, 1, {"validation": {TASKS[task].metrics[0]: value / 100}})
        for model, tasks in points.items()
        for task, value in tasks.items()
    ]
    table = glue_table(paths, ["rte", "cola", "wnli"])
    expected = {
        "average": 46.0,
        "average_without_cola": 59.0,
        "average_without_wnli": 40.0,
        "average_without_cola_and_wnli": 60.0,
        "teacher_share_without_wnli": 100 * 40 / 55,
        "teacher_share_without_cola_and_wnli": 100 * 60 / 70,
    }
    own = table.data[table.data["model"] == "tiny_one"].set_index("task")["score"]
    assert own[list(expected)].to_dict() == pytest.approx(expected)
    summaries = ["Avg.", "w/o CoLA", "w/o WNLI", "% of teacher", "% w/o CoLA"]
    assert list(table.shown.columns) == ["Model", "RTE", "CoLA", "WNLI", *summaries]
    assert any("arXiv 1810.04805" in note for note in table.notes)
    without = glue_table([path for path in paths if "wnli" not in str(path)], ["rte", "cola"])
    assert "w/o WNLI" not in without.shown.columns
    assert not any("1810.04805" in note for note in without.notes)


def test_glue_holds_all_nine_tasks(tmp_path):
    run = fabricate.run(tmp_path, tasks=list(TASKS), seeds=(1, 2))
    table = glue_table(run["metrics"], list(TASKS))
    assert len(table.shown.columns) == 1 + 10 + 5  # MNLI has two
    assert "Average over 9 tasks" in "\n".join(table.notes)
    average = table.data[table.data["task"] == "average"].set_index("model")["score"]
    scores = table.data[table.data["split"].notna()].groupby(["model", "task"])["score"].mean()
    assert average["minilm_l3"] == pytest.approx(scores["minilm_l3"].mean())


def test_glue_one_seed_has_no_spread(small_glue):
    table = glue_table([path for path in small_glue if "seed_1" in str(path)], ["mnli", "cola", "mrpc"])
    assert table.data["sd"].isna().all()
    assert list(table.shown["CoLA"]) == ["40.0", "20.0"]
    assert "One seed, so no spread is known." in table.notes


def test_glue_missing_task_is_in_no_average(small_glue):
    paths = [path for path in small_glue if "tiny_one/mrpc" not in str(path)]
    table = glue_table(paths, ["mnli", "cola", "mrpc"])
    cell = glue_cell(table, "tiny_one", "MRPC")
    assert pd.isna(cell.score) and cell.reason == "not evaluated"
    assert list(table.shown["MRPC"]) == ["86.0 ± 1.4", ""]
    assert glue_cell(table, "teacher", "Avg.").score == pytest.approx((81 + 40 + 83 + 44) / 4)
    assert "tiny_one, MRPC: not evaluated; MRPC is in no model's average." in table.notes
    assert "tiny_one,mrpc,validation,MRPC,,,0,," in csv_text(table)


def test_glue_without_any_common_task(small_glue):
    paths = [path for path in small_glue if ("tiny_one" in str(path)) == ("cola" in str(path))]
    table = glue_table(paths, ["mnli", "cola", "mrpc"])
    average = glue_cell(table, "teacher", "Avg.")
    assert pd.isna(average.score) and average.reason == "no task that every model has"
    assert list(table.shown["Avg."]) == ["", ""]


@pytest.mark.parametrize(
    ("rows", "title", "note"),
    [
        (100, "GLUE development sets", "† scored on fewer rows than GLUE has: RTE 100 of 277."),
        (
            1200,
            "Development sets of your own data",
            "† more rows than GLUE has, so other data under its name: RTE 1200 (GLUE: 277).",
        ),
    ],
)
def test_glue_says_where_rows_are_not_the_official_ones(tmp_path, rows, title, note):
    scores = {"validation": {"accuracy": 0.5}}
    paths = [fabricate.metrics(tmp_path, "teacher", "rte", 1, scores, rows={"validation": rows})]
    table = glue_table(paths, ["rte"])
    assert table.title == title
    assert "RTE†" in table.shown.columns
    assert [text for text in table.notes if "†" in text] == [note]
    assert "% w/o CoLA" not in table.shown.columns


def test_glue_says_who_learned_from_rows_without_labels(tmp_path):
    scores = {"validation": {"accuracy": 0.5}}
    teacher, student, other = (
        fabricate.metrics(tmp_path, model, task, 1, scores)
        for model, task in (("teacher", "rte"), ("student", "rte"), ("student", "sst2"))
    )
    assert not any("without labels" in note for note in glue_table([teacher, student], ["rte"]).notes)
    write_json(student, read_json(student) | {"unlabelled_rows": 700})
    write_json(other, read_json(other) | {"unlabelled_rows": 0})
    notes = glue_table([teacher, student, other], ["sst2", "rte"]).notes
    assert "Students also learned from rows without labels, by pseudo-labels: RTE 700." in notes


def test_glue_calls_synthetic_data_synthetic(tmp_path):
    run = fabricate.run(tmp_path, tasks=["mnli"], seeds=(1,))
    table = glue_table(run["metrics"], ["mnli"])
    assert "not GLUE" in table.title
    assert "SYNTHETIC DATA, NOT GLUE" in markdown_text(table)
    assert "SYNTHETIC DATA, NOT GLUE" in latex_text(table)
    assert table.data["synthetic"].all()


def test_glue_bold_is_the_best_student_and_never_the_teacher(tmp_path):
    paths = [
        fabricate.metrics(tmp_path, model, "rte", 1, {"validation": {"accuracy": score}})
        for model, score in [("teacher", 0.9), ("a", 0.7), ("b", 0.70004), ("c", 0.6)]
    ]
    table = glue_table(paths, ["rte"])
    assert {row for row, column in table.bold if column == "RTE"} == {1, 2}  # both read 70.0


def efficiency(tmp_path, gpu=(), source="measured", **facts):
    metrics = [
        fabricate.metrics(tmp_path, model, "mnli", 1, {"validation_matched": {"accuracy": 0.5}}, parameters=n)
        for model, n in [("teacher", 20_000_000), ("tiny_one", 5_000_000)]
    ]
    for path in metrics:
        write_json(path, read_json(path) | facts)
    low, high = (None, None) if source == "table" else (0.2, 0.5)
    entry = {
        "model": "tiny_one",
        "latency_ms": 8.0,
        "ratio": 0.4,
        "ratio_low": low,
        "ratio_high": high,
        "rounds": 9,
    }
    architecture = fabricate.student(
        tmp_path, "tiny_one", "hand_crafted", "hand_crafted", None, fabricate.HAND_CRAFTED["minilm_l3"]
    )
    latencies = {
        "cpu": fabricate.latency(tmp_path / "cpu.json", "cpu", [entry], source),
        "gpu": fabricate.latency(tmp_path / "gpu.json", "gpu", list(gpu)),
    }
    return efficiency_table(metrics[0], metrics[1:], architectures=[architecture], latencies=latencies)


def test_efficiency_speedup_is_the_inverse_ratio(tmp_path):
    table = efficiency(tmp_path)
    teacher, student = table.data.to_dict("records")
    assert student["cpu_speedup"] == pytest.approx(2.5)
    assert (student["cpu_speedup_low"], student["cpu_speedup_high"]) == pytest.approx((2, 5))
    assert student["parameters_share"] == 0.25
    assert student["size_mb"] == 20.0
    assert teacher["cpu_latency_ms"] == 20.0 and teacher["cpu_speedup"] == 1.0
    assert list(table.shown["Architecture"]) == ["6L-384H-12A-1536F-gelu", "3L-384H-12A-1536F-gelu"]
    assert list(table.shown["CPU speed-up"]) == ["1.00×", "2.50× [2.00, 5.00]"]
    assert list(table.shown["Parameters (M)"]) == ["20.00", "5.00"]
    # 384 x 384 four times with bias, 384 x 1536 and 1536 x 384 with bias, two norms
    layer = 4 * (147_456 + 384) + 2 * 589_824 + 1536 + 384 + 2 * 768
    assert (teacher["encoder_parameters"], student["encoder_parameters"]) == (6 * layer, 3 * layer)
    assert list(table.shown["In layers (M)"]) == ["10.65", "5.32"]


def test_layers_with_a_gated_ffn_have_a_third_matrix_and_no_biases(tmp_path):
    teacher, student = efficiency(tmp_path, gated=True).data.to_dict("records")
    layer = 4 * 147_456 + 3 * 589_824 + 2 * 384
    assert (teacher["encoder_parameters"], student["encoder_parameters"]) == (6 * layer, 3 * layer)


def test_efficiency_without_gpu_has_the_reason_and_no_column(tmp_path):
    table = efficiency(tmp_path)
    assert table.data["gpu_latency_ms"].isna().all()
    assert set(table.data["gpu_reason"]) == {"not measured: this machine has no GPU"}
    assert not [column for column in table.shown if column.startswith("GPU")]
    assert "GPU: not measured: this machine has no GPU." in table.notes


def test_efficiency_with_gpu(tmp_path):
    ratios = {"ratio": 0.5, "ratio_low": 0.4, "ratio_high": 0.625}
    table = efficiency(tmp_path, gpu=[{"model": "tiny_one", "latency_ms": 10.0, "rounds": 9, **ratios}])
    assert table.shown["GPU speed-up"].iloc[1] == "2.00× [1.60, 2.50]"
    (note,) = [note for note in table.notes if note.startswith("GPU")]
    assert note.startswith("GPU: Some GPU, torch 2.13; batch size 1, sequence length 128 tokens; speed-up")


def test_efficiency_says_when_a_latency_table_was_used(tmp_path):
    table = efficiency(tmp_path, source="table")
    assert table.shown["CPU speed-up"].iloc[1] == "2.50×"
    (note,) = [note for note in table.notes if note.startswith("CPU")]
    assert "from the latency table, not measured" in note


def test_efficiency_student_that_was_not_profiled(tmp_path):
    table = efficiency(tmp_path, gpu=[{"model": "other", "latency_ms": 1.0, "ratio": 0.1, "rounds": 9}])
    assert table.shown["GPU speed-up"].tolist() == ["1.00×", ""]
    assert "tiny_one, GPU: not profiled." in table.notes


def searched(tmp_path, name, rows):
    path = tmp_path / f"{name}.csv"
    write_history(path, fabricate.history(rows))
    return path


def controller_rows(predicted, rewards, episode=1):
    return [
        {
            "episode": episode,
            "candidate": number,
            "origin": "controller",
            "predicted_reward": p,
            "reward": r,
            "quality": r,
            "latency_ratio": 0.6,
        }
        for number, (p, r) in enumerate(zip(predicted, rewards, strict=True), start=1)
    ]


def test_search_values(tmp_path):
    first = controller_rows([0.1, 0.2, 0.3, 0.4], [0.2, 0.5, 0.3, 0.4], episode=1)
    second = controller_rows([0.5, 0.1, 0.1, 0.1], [0.6, 0.0, 0.1, 0.2], episode=2)
    second[1] |= {"status": "failed", "reason": "out of memory", "quality": None, "latency_ratio": None}
    table = search_table(
        {"lstm": searched(tmp_path, "lstm", first + second)},
        quality="accuracy",
        timed_in="CPU",
        synthetic=False,
    )
    (row,) = table.data.to_dict("records")
    assert (row["evaluated"], row["failed"], row["episodes"]) == (8, 1, 2)
    assert (row["best_reward"], row["episode"], row["candidate"]) == (0.6, 2, 1)
    assert row["architecture"] == "6L-384H-12A-1536F-gelu"
    assert [row[f"best_reward_at_{share}_percent"] for share in (25, 50, 75)] == [0.5, 0.5, 0.6]
    assert row["mean_reward"] == pytest.approx(2.3 / 7)
    assert row["mean_reward_last_episode"] == pytest.approx(0.3)
    assert row["kendall_candidates"] == 3


def test_search_kendall_tau_is_within_episodes_after_the_first(tmp_path):
    first = controller_rows([1, 2, 3], [0.3, 0.2, 0.1], episode=1)  # by a controller that knows nothing
    second = controller_rows([1, 2, 3, 4], [0.1, 0.2, 0.4, 0.3], episode=2)  # 5 concordant, 1 discordant
    second[0]["origin"] = "random"
    third = controller_rows([9, 8, 7], [0.01, 0.02, 0.03], episode=3)  # 3 discordant
    table = search_table(
        {"lstm": searched(tmp_path, "lstm", first + second + third)},
        quality="accuracy",
        timed_in="CPU",
        synthetic=False,
    )
    row = table.data.iloc[0]
    assert row["kendall_tau"] == pytest.approx((5 - 4) / 9)
    assert row["kendall_candidates"] == 7
    assert -1 <= row["kendall_low"] < row["kendall_tau"] < row["kendall_high"] <= 1
    assert table.shown["Kendall τ"].item().startswith("0.11 [")


@pytest.mark.parametrize(
    ("predicted", "rewards", "reason"),
    [
        (
            [1, 2, 3, 4],
            [0.1, 0.2, 0.3, 0.4],
            "4 candidates predicted after episode 1, fewer than 5",
        ),
        (
            [1, 1, 1, 1, 1],
            [0.1, 0.2, 0.3, 0.4, 0.5],
            "all predicted or all obtained rewards of an episode are equal",
        ),
    ],
)
def test_search_no_kendall_tau(tmp_path, predicted, rewards, reason):
    rows = controller_rows([1], [0.5]) + controller_rows(predicted, rewards, episode=2)
    path = searched(tmp_path, "lstm", rows)
    table = search_table({"lstm": path}, quality="accuracy", timed_in="CPU", synthetic=False)
    assert table.data["kendall_tau"].isna().all()
    assert table.shown["Kendall τ"].item() == ""
    assert f"lstm: no Kendall τ ({reason})." in table.notes


def test_search_of_one_candidate_an_episode_has_no_pairs(tmp_path):
    rows = [row for e in range(1, 8) for row in controller_rows([e], [0.1 * e], episode=e)]
    table = search_table(
        {"lstm": searched(tmp_path, "lstm", rows)}, quality="accuracy", timed_in="CPU", synthetic=False
    )
    assert table.data["kendall_tau"].isna().all()
    assert "lstm: no Kendall τ (each episode has one such candidate)." in table.notes


def test_search_budgets_and_labels(tmp_path):
    short = searched(tmp_path, "random", controller_rows([1], [0.5]))
    long = searched(tmp_path, "lstm", controller_rows([1, 2], [0.5, 0.6]))
    table = search_table({"lstm": long, "random": short}, quality="loss", timed_in="GPU", synthetic=True)
    assert "The budgets differ, so the strategies can't be compared." in table.notes
    assert "synthetic data, not GLUE" in table.title
    assert "Latency ratio (GPU)" in table.shown.columns
    assert table.bold >= {(0, "Best reward")}


def test_search_survives_a_search_in_which_all_failed(tmp_path):
    rows = controller_rows([1, 2], [0.0, 0.0])
    path = searched(tmp_path, "lstm", [row | {"status": "failed", "reason": "out of memory"} for row in rows])
    table = search_table({"lstm": path}, quality="accuracy", timed_in="CPU", synthetic=False)
    assert table.shown["Best reward"].item() == table.shown["Architecture"].item() == ""


def test_cost_sums(tmp_path):
    benchmarks = {
        "finetune_teacher": [
            fabricate.benchmark(tmp_path / "a.tsv", 100.0, 500.0, 1800.0),
            fabricate.benchmark(tmp_path / "b.tsv", 50.0, 800.0, 3600.0),
        ],
        "select_student": [fabricate.benchmark(tmp_path / "c.tsv", 0.5, None, None)],
        "distill_glue": [],
    }
    table = cost_table(benchmarks)
    teacher, select, total = table.data.to_dict("records")
    assert (teacher["rule"], teacher["jobs"], teacher["wall_clock_s"]) == ("finetune_teacher", 2, 150.0)
    assert (teacher["longest_job_s"], teacher["cpu_hours"], teacher["peak_memory_mb"]) == (100.0, 1.5, 800.0)
    assert select["rule"] == "select_student" and pd.isna(select["cpu_hours"])
    assert (total["jobs"], total["wall_clock_s"], total["cpu_hours"]) == (3, 150.5, 1.5)
    assert list(table.shown["CPU hours"]) == ["1.500", "", "1.500"]


@pytest.mark.parametrize("content", ["", "s\tcpu_time\n1\t2\n", "\x00"])
def test_cost_damaged_benchmark(tmp_path, content):
    write_text(tmp_path / "rule.tsv", content)
    with pytest.raises(UserError, match=r"rule\.tsv is damaged"):
        cost_table({"rule": [tmp_path / "rule.tsv"]})


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.json is missing"):
        glue_table([tmp_path / "none.json"], ["rte"])
    with pytest.raises(UserError, match=r"none\.tsv is missing"):
        cost_table({"rule": [tmp_path / "none.tsv"]})


AWKWARD = Table(
    name="awkward",
    title="50 % of a_b & c",
    data=pd.DataFrame({"model": ["a_b"], "score": [1 / 3]}),
    shown=pd.DataFrame({"Model": ["a_b"], "% & #": ["1.0 ± 0.2"], "Pipe": ["x|y"]}),
    notes=["~ ^ $ { } \\ é"],
    bold={(0, "% & #")},
)


def test_latex_escapes_and_fits_the_page():
    text = latex_text(AWKWARD)
    assert r"a\_b & \textbf{1.0$_{\pm 0.2}$} & x|y \\" in text
    assert r"Model & \% \& \# & Pipe \\" in text
    assert r"\caption{50 \% of a\_b \& c}" in text
    assert r"\textasciitilde{} \textasciicircum{} \$ \{ \} \textbackslash{} é" in text
    assert "\\linewidth" in text and r"\begin{tabular}{lrr}" in text
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


def test_markdown_escapes_pipes():
    text = markdown_text(AWKWARD)
    assert "| a_b | **1.0 ± 0.2** | x\\|y |" in text
    assert "| --- | ---: | ---: |" in text


class Cells(HTMLParser):
    """The texts of a page's cells, and what its link would save."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.cells, self.saved = [], [], {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("th", "td"):
            self.cells.append("")
        if tag == "a":
            self.saved[attributes["download"]] = attributes["href"]
        if tag != "meta":
            self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.tags.pop() == tag

    def handle_data(self, text):
        if {"th", "td"} & set(self.tags):
            self.cells[-1] += f"<{text}>" if "strong" in self.tags else text


def test_html_has_the_cells_and_the_csv():
    hostile = replace(AWKWARD, shown=AWKWARD.shown.assign(Pipe=["<script>alert(1)</script>"]))
    csv = csv_text(hostile)
    page = Cells(html_text(hostile, csv))
    assert page.tags == []
    assert page.cells == ["Model", "% & #", "Pipe", "a_b", "<1.0 ± 0.2>", "<script>alert(1)</script>"]
    kind, data = page.saved["awkward.csv"].split(",")
    assert kind == "data:text/csv;base64" and base64.b64decode(data).decode() == csv


def test_csv_keeps_every_digit():
    assert pd.read_csv(io.StringIO(csv_text(AWKWARD)))["score"].item() == 1 / 3


def test_tables_are_the_same_bytes_twice(tmp_path):
    run = fabricate.run(tmp_path, seeds=(1, 2))
    written = []
    for attempt in ("first", "second"):
        table = glue_table(run["metrics"], fabricate.GLUE_TASKS)
        files = fabricate.table_files(tmp_path, attempt)
        write_table(table, **files)
        written.append([path.read_bytes() for path in files.values()])
    assert written[0] == written[1]
