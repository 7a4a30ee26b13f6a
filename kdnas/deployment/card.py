"""The model card of a student: what it is, what it scores, how fast it is, how to load it and its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from string import Template
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from kdnas.data.sources.hub import DATASET
from kdnas.data.tasks import Task
from kdnas.latency.protocol import hardware_text
from kdnas.models.tokenizer import TOKEN_TYPES
from kdnas.runtimes import TORCH
from kdnas.search.space import Architecture
from kdnas.tables.markdown import plain_table
from kdnas.tables.table import mean_sd

TEACHER, HAND_CRAFTED = "teacher", "hand_crafted"
NOT_STATED = "not stated"
_METRICS_ON_HUB = {"matthews": "matthews_correlation", "pearson": "pearsonr", "spearman": "spearmanr"}
_TEXTS_FROM = {"synthetic": "generated texts", "local": "a local folder", "hub": "the Hugging Face hub"}
_TEACHER_FROM = {"package": "an installed package", "local": "a local folder", "hub": "the Hugging Face hub"}

_CARD = Template("""
# $student, a model for $task
$warning
A small, fast student of a larger model, $origin and distilled for one task by KD-NAS (arXiv 2303.09639).

- **Input**: $input, cut to $max_length tokens.
- **Output**: $output.
- **Architecture**: `$short_name`, of the type $model_type: $shape.
- **Size**: $parameters parameters, $share % of the teacher's.
- **Teacher**: $teacher.
- **Licence**: of the teacher: $licence. Of this model: not stated; whoever publishes it has to choose one
  that those of teacher and data allow.
- **Data**: $data.

## Development scores

On the development set; no test set was used. $seeds

$scores

## Latency

$latency

## How to load it

$loading

## Limits

$limits
""")

_TRANSFORMERS = Template("""With transformers:

```python
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("FOLDER")
model = AutoModelForSequenceClassification.from_pretrained("FOLDER")
logits = model(**tokenizer($texts, truncation=True, return_tensors="pt")).logits
print(logits.tolist(), model.config.id2label)
```""")

_ONNXRUNTIME = Template("""With onnxruntime and tokenizers, without torch:

```python
import numpy, onnxruntime, tokenizers

session = onnxruntime.InferenceSession("FOLDER/$file")
row = tokenizers.Tokenizer.from_file("FOLDER/tokenizer.json").encode($texts)
given = {"input_ids": row.ids, "token_type_ids": row.type_ids, "attention_mask": row.attention_mask}
print(session.run(["logits"], {i.name: numpy.array([given[i.name]]) for i in session.get_inputs()}))
```""")

_TRANSFORMERS_JS = Template("""With transformers.js:

```js
import { AutoModelForSequenceClassification, AutoTokenizer } from "@huggingface/transformers";

const tokenizer = await AutoTokenizer.from_pretrained("FOLDER");
const model = await AutoModelForSequenceClassification.from_pretrained("FOLDER", { dtype: "$dtype" });
const { logits } = await model(tokenizer($texts));
console.log(logits.tolist(), model.config.id2label);
```""")

Scores = Mapping[str, Mapping[str, float]]  # of a model: {split: {metric: value}}


@dataclass(frozen=True)
class Facts:
    """What the artifacts of a run tell of a student on a task (docs/artifacts.md).

    ``licence`` is the teacher's, None where nobody said it; ``timed_on`` is the task whose models were timed.
    """

    student: str
    task: Task
    seed: int
    max_length: int
    licence: str | None
    timed_on: str
    architecture: Mapping[str, Any]  # architecture.json
    metrics: Sequence[Mapping[str, Any]]  # metrics.json of every seed
    model_type: str
    inputs: Sequence[str]  # the tokenizer's model_input_names
    teacher: Mapping[str, Any]  # meta.json of the fetched teacher
    teacher_metrics: Mapping[str, Any]  # metrics.json of this seed
    source: str  # of the task's rows
    exported: Mapping[str, Any]  # scores.json of rule export_models
    latency: Mapping[str, Any] | None  # latency/deployment.json; None where nothing was timed
    given_answers: bool = False  # whether the student learned the answers of another model than the teacher

    @property
    def own_metrics(self) -> Mapping[str, Any]:
        """The student's ``metrics.json`` of this seed."""
        return next(found for found in self.metrics if found["seed"] == self.seed)

    @property
    def parameters(self) -> int:
        """The parameters of the model in the bundle, which may have fewer word pieces than the trained."""
        found: int = self.own_metrics["parameters"]
        if self.cut is None:
            return found
        shape = Architecture.from_dict(self.architecture["architecture"])
        return found - (self.cut["whole"] - self.cut["pieces"]) * shape.embedding_size

    @property
    def cut(self) -> Mapping[str, Any] | None:
        """What ``deployment.vocabulary`` left of the word pieces; None where all of them are there."""
        return self.exported.get("vocabulary", {}).get(self.student)

    @property
    def pairs(self) -> bool:
        """Whether a row has two texts."""
        return len(self.task.text_columns) == 2

    def scores_of(self, model: str) -> dict[str, Scores]:
        """Return a model's scores by runtime."""
        return {row["runtime"]: row["scores"] for row in self.exported["models"] if row["model"] == model}


def card(facts: Facts, dtypes: Mapping[str, str]) -> ModelCard:
    """Return the card of a bundle with the ONNX files ``dtypes``: paths in it by transformers.js' names."""
    shape = Architecture.from_dict(facts.architecture["architecture"])
    synthetic = "\n**Synthetic data: it learned from generated texts and is of no use on real ones.**\n"
    text = _CARD.substitute(
        student=facts.student,
        task=facts.task.name,
        warning=synthetic if facts.exported["synthetic"] else "",
        origin=_origin(facts.architecture),
        input="a pair of texts" if facts.pairs else "one text",
        max_length=facts.max_length,
        output=_output(facts.task),
        short_name=shape.short_name,
        model_type=facts.model_type,
        shape=_in_words(shape),
        parameters=f"{facts.parameters:,}",
        share=f"{100 * facts.parameters / facts.teacher_metrics['parameters']:.0f}",
        teacher=_teacher(facts),
        licence=facts.licence or NOT_STATED,
        data=_data(facts),
        seeds=_seeds(facts),
        scores=_scores(facts),
        latency=_latency(facts),
        loading=_loading(facts, dtypes),
        limits="\n".join(f"- {limit}" for limit in _limits(facts, dtypes)),
    )
    return ModelCard(f"---\n{_metadata(facts, dtypes).to_yaml()}\n---\n{text}")


def _output(task: Task) -> str:
    names = ", ".join(task.classes)
    if task.multi_label:
        return (
            f"any number of the labels {names}; the sigmoid of a logit is its label's probability, and the "
            f"scores below count the labels above {task.threshold:g}"
        )
    return f"one of the classes {names}" if names else "a number"


def _metadata(facts: Facts, dtypes: Mapping[str, str]) -> ModelCardData:
    of_glue = _of_glue(facts)
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type=DATASET if of_glue else facts.source,
            dataset_name=facts.task.display_names[split],
            dataset_config=facts.task.name if of_glue else None,
            dataset_split=split,
            metric_type=_METRICS_ON_HUB.get(metric, metric),
            metric_name=f"{metric} on the development set, seed {facts.seed}",
            metric_value=round(value, 4),
        )
        for split, values in facts.scores_of(facts.student)[TORCH].items()
        for metric, value in values.items()
    ]
    return ModelCardData(
        base_model=facts.teacher["name"] if facts.teacher["source"] == "hub" else None,
        datasets=[DATASET] if of_glue else None,
        eval_results=results,
        library_name="transformers",
        model_name=f"{facts.student}-{facts.task.name}",
        pipeline_tag="text-classification",
        tags=["kd-nas", "knowledge-distillation", *(["onnx", "transformers.js"] if dtypes else [])],
    )


def _of_glue(facts: Facts) -> bool:
    """Return whether the rows are those of GLUE's data set on the hub, and not of the user's there."""
    return facts.source == "hub" and not facts.task.custom


def _origin(architecture: Mapping[str, Any]) -> str:
    if architecture["origin"] == HAND_CRAFTED:
        return "of a hand-crafted architecture"
    return f"found by the search strategy {architecture['origin']} (rule: {architecture['rule']})"


def _in_words(shape: Architecture) -> str:
    embeddings = f", and embedding tables of width {shape.embedding_size:,}" if shape.factorised else ""
    return (
        f"{shape.layers} transformer layers of hidden size {shape.hidden_size:,}, each with "
        f"{shape.attention_heads} attention heads of width {shape.hidden_size // shape.attention_heads} and "
        f"a feed-forward network of {shape.ffn_size:,} ({shape.activation}){embeddings}"
    )


def _teacher(facts: Facts) -> str:
    teacher = facts.teacher
    revision = f", revision {teacher['revision']}" if teacher["revision"] else ""
    described = (
        f"`{teacher['name']}` from {_TEACHER_FROM[teacher['source']]}{revision}, SHA-256 of its weights "
        f"{teacher['sha256']}"
    )
    if not facts.given_answers:
        return described
    return (
        "another model, whose answers were given beside the rows and whose name this run does not know. The "
        f"student starts from {described}, fine-tuned on these answers; below, the teacher is this one"
    )


def _data(facts: Facts) -> str:
    own, texts = facts.own_metrics, _TEXTS_FROM[facts.source]
    texts = f"`{DATASET}` on the hub" if _of_glue(facts) else texts
    unlabelled = f", {own['unlabelled_rows']:,} rows without labels" if own["unlabelled_rows"] else ""
    rows = ", ".join(f"{count:,} of {split}" for split, count in own["rows"].items())
    return (
        f"{facts.task.name} from {texts}: {own['train_rows']:,} training rows{unlabelled}; scored on {rows}"
    )


def _seeds(facts: Facts) -> str:
    told = f"This model was trained with seed {facts.seed}."
    if len(facts.metrics) == 1:
        return f"{told} It is the only seed of its run."
    values = [
        f"{split}, {metric}: {mean_sd(fmean(found), stdev(found), 4)}"
        for split, metric in _columns(facts)
        for found in [[metrics["scores"][split][metric] for metrics in facts.metrics]]
    ]
    seeds = ", ".join(str(metrics["seed"]) for metrics in facts.metrics)
    whole = ", with all word pieces" if facts.cut else ""
    return f"{told} Over the seeds {seeds} of its run, in torch{whole}: {'; '.join(values)}."


def _scores(facts: Facts) -> str:
    columns = _columns(facts)
    rows = [
        [model, runtime, *(f"{scores[split][metric]:.4f}" for split, metric in columns)]
        for model in (facts.student, TEACHER)
        for runtime, scores in facts.scores_of(model).items()
    ]
    return plain_table(["model", "runtime", *(", ".join(column) for column in columns)], rows)


def _columns(facts: Facts) -> list[tuple[str, str]]:
    """Return the splits and metrics of the scores."""
    scores = facts.own_metrics["scores"]
    return [(split, metric) for split in facts.task.evaluation_splits for metric in scores[split]]


def _latency(facts: Facts) -> str:
    if facts.latency is None:
        return "Not measured."
    protocol, hardware = facts.latency["protocol"], hardware_text(facts.latency["hardware"])
    found = [row for row in facts.latency["models"] if row["model"] == facts.student]
    rows = [
        [
            row["runtime"],
            f"{row['latency_ms']:.2f}",
            _speedup(row, "ratio"),
            _speedup(row, "ratio_same_runtime"),
            f"{row['memory_mb']:.0f}",
        ]
        for row in found
    ]
    told = f"Measured with this student's model of {facts.timed_on}. " * (facts.timed_on != facts.task.name)
    heads = ["runtime", "ms", "speed-up over the teacher in torch", "in the same runtime", "memory (MB)"]
    return (
        f"{told}On {hardware}. Batch size {protocol['batch_size']}, {protocol['sequence_length']} tokens, "
        f"threads: {protocol['threads']}. Medians of {found[0]['rounds']} rounds in which student and "
        "teacher took turns, with 95 % intervals. Memory is the peak of a process that loads the model and "
        "runs it once, Python included.\n\n" + plain_table(heads, rows)
    )


def _speedup(row: Mapping[str, Any], ratio: str) -> str:
    low, high = 1 / row[f"{ratio}_high"], 1 / row[f"{ratio}_low"]
    return f"{1 / row[ratio]:.2f} [{low:.2f}, {high:.2f}]"


def _loading(facts: Facts, dtypes: Mapping[str, str]) -> str:
    first, second = '"a first text"', '"a second text"'
    texts = f"{first}, {second}" if facts.pairs else first
    parts = [_TRANSFORMERS.substitute(texts=texts)]
    if dtypes:
        dtype, file = list(dtypes.items())[-1]
        types = ", return_token_type_ids: true" if TOKEN_TYPES in facts.inputs else ""
        options = f", {{ text_pair: {second}{types} }}" if facts.pairs else ""
        parts += [_ONNXRUNTIME.substitute(texts=texts, file=file)]
        parts += [_TRANSFORMERS_JS.substitute(texts=f"{first}{options}", dtype=dtype)]
    return "`FOLDER` stands for this folder.\n\n" + "\n\n".join(parts)


def _limits(facts: Facts, dtypes: Mapping[str, str]) -> Iterable[str]:
    yield (
        "It was trained and scored on one kind of text. Whether it is right on another, and whom its "
        "mistakes hurt, was not examined. It can have every bias of its teacher and its data."
    )
    yield "Whoever chooses between models by these development scores will find lower ones on new texts."
    yield f"What comes after {facts.max_length} tokens is not read."
    if facts.model_type == "modernbert":
        yield (
            "transformers 4 does not read `layer_types` in config.json, which layers attend to near tokens "
            "alone, and may give other answers: use version 5."
        )
    if facts.cut:
        yield (
            f"It knows {facts.cut['pieces']:,} of its teacher's {facts.cut['whole']:,} word pieces: those "
            "of its training rows. It reads other words in smaller pieces, or as unknown."
        )
    if dtypes:
        yield (
            "transformers.js with `truncation: true` cuts long rows in another way than training did: it "
            "drops the closing token, and of two texts it cuts only the second."
        )
    if "q8" in dtypes:
        bits = "7 bits, for any CPU" if facts.exported["reduce_range"] else "8 bits, for CPUs with VNNI"
        yield (
            "The int8 file was scored one row at a time: in a batch, a row's logits depend on the others. "
            f"Its weights have {bits}; another processor can give other logits."
        )
