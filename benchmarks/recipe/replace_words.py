"""Rule replace_words: a task's folder with rows beside it whose words are replaced, without labels."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from job import start  # noqa: E402

with start(snakemake):
    from replacement import neighbours, replace_words
    from transformers import AutoModel, AutoTokenizer

    from kdnas.data.frames import fingerprint, read_meta, read_split, write_task
    from kdnas.data.tasks import TRAIN, get_task
    from kdnas.data.unlabelled import UNLABELLED, choose_unlabelled

    source, base = Path(snakemake.input.data), snakemake.input.base
    task, params = get_task(snakemake.wildcards.task), snakemake.params
    meta = read_meta(source)
    frames = {split: read_split(source, split) for split in meta["splits"]}
    embeddings = AutoModel.from_pretrained(base).get_input_embeddings().weight.detach().numpy()
    near = neighbours(AutoTokenizer.from_pretrained(base).get_vocab(), embeddings, params.neighbours)
    copies = int(snakemake.wildcards.copies)
    made = replace_words(frames[TRAIN], list(task.text_columns), near, params.share, copies, seed=1)
    made["idx"] = range(len(made))
    judging = [frames[split] for split in task.evaluation_splits]
    frames[UNLABELLED] = choose_unlabelled(task, made, judging=judging, most=None)[frames[TRAIN].columns]
    meta["splits"][UNLABELLED] = {"rows": len(frames[UNLABELLED]), "official_rows": None}
    meta["unlabelled_fingerprint"] = fingerprint({UNLABELLED: frames[UNLABELLED]})
    write_task(snakemake.output.data, frames, meta)
    print(frames[UNLABELLED].head(5).to_string())
