"""The headline on the terminal says what the tables say."""

import fabricate
import pandas as pd
import pytest

from kdnas.__main__ import main
from kdnas.commands.headline import headline
from kdnas.files.csv_file import read_csv
from kdnas.tables.efficiency import efficiency_table
from kdnas.tables.glue import glue_table
from kdnas.tables.writing import write_table
from kdnas.workflow.provenance import config_text


def write_tables(tmp_path, synthetic):
    paths = fabricate.run(tmp_path, synthetic=synthetic)
    metrics = paths["metrics"]
    mnli = [path for path in metrics if "mnli/seed_1" in str(path)]
    teacher, students = mnli[0], mnli[1:]
    latencies = {device: tmp_path / f"latency/{device}.json" for device in ("cpu", "gpu")}
    for table in (
        glue_table(metrics, fabricate.GLUE_TASKS),
        efficiency_table(teacher, students, architectures=paths["architectures"], latencies=latencies),
    ):
        write_table(table, **fabricate.table_files(tmp_path / "tables", table.name))
    judge_against(tmp_path, None)
    return tmp_path


def judge_against(folder, baseline):
    (folder / "config.yaml").write_text(config_text({"claims": {"baseline": baseline}}))


@pytest.fixture
def finished(tmp_path):
    return write_tables(tmp_path, synthetic=True)


def test_headline_has_a_line_for_every_model_with_its_average(finished, capsys):
    assert main(["headline", str(finished)]) == 0
    printed = capsys.readouterr().out
    assert "not GLUE scores" in printed
    scores = read_csv(finished / "tables" / "glue.csv")
    averages = scores[scores["task"] == "average"]
    assert len(averages) > 3
    for row in averages.itertuples():
        (line,) = (line for line in printed.splitlines() if line.split()[0] == row.model)
        assert f"{row.score:.1f}" in line


def test_verdicts_of_an_earlier_configuration_are_not_printed(finished):
    row = {"claim": "A", "strategy": "lstm", "baseline": "mine", "quantity": "overall", "verdict": "holds"}
    pd.DataFrame([row | {"reason": None}]).to_csv(finished / "tables" / "claims.csv", index=False)
    assert "Claim" not in headline(finished)
    judge_against(finished, "mine")
    assert headline(finished).splitlines()[-1] == "Claim A, lstm against mine: holds"


def test_cola_is_named_where_it_is_in_the_average(finished):
    row = {"claim": "B", "strategy": "lstm", "baseline": "mine", "quantity": "overall", "verdict": "no"}
    row["reason"] = "cpu_speedup, teacher_share_without_cola"
    pd.DataFrame([row]).to_csv(finished / "tables" / "claims.csv", index=False)
    judge_against(finished, "mine")
    printed = headline(finished)
    assert "without CoLA" in printed and "teacher share without cola)" in printed
    path = finished / "tables" / "glue.csv"
    scores = read_csv(path)
    scores[scores["task"] != "cola"].to_csv(path, index=False)
    printed = headline(finished)
    assert "cola" not in printed.lower()
    assert printed.endswith("(cpu speedup, teacher share)")


def test_missing_tables_are_one_sentence(tmp_path, capsys):
    assert main(["headline", str(tmp_path)]) == 1
    assert "glue.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("own", "title"),
    [
        ([], "GLUE development sets."),
        (["rte"], "Development sets, not all of them GLUE's."),
        (fabricate.GLUE_TASKS, "Development sets of your own data."),
    ],
)
def test_headline_says_whether_the_data_are_glue(tmp_path, own, title):
    path = write_tables(tmp_path, synthetic=False) / "tables" / "glue.csv"
    scores = read_csv(path)
    scores.loc[scores["task"].isin(own), "official_rows"] = None
    scores.to_csv(path, index=False)
    assert headline(tmp_path).splitlines()[0] == title
