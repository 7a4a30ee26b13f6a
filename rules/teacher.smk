# The teacher: fetched once, then fine-tuned on every task, except a task that it was fine-tuned on before. Its answers
# are its logits, which all distillations on a task read.


rule fetch_teacher:
    input:
        local_teacher_files,
    output:
        base=directory(f"{R}/teacher/base"),
    log:
        f"{R}/logs/fetch_teacher.log",
    benchmark:
        f"{R}/benchmarks/fetch_teacher.tsv"
    priority: 60  # first and alone, so that the machine is free for profile_space when it ends
    threads: ALL_CORES
    params:
        teacher={key: config["teacher"][key] for key in ("source", "name", "revision", "sha256")},
        code=code_digest("fetch_teacher"),
    message:
        "Fetching the teacher"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/fetch_teacher.py"


rule finetune_teacher:
    input:
        base=teacher_start,
        data=f"{R}/data/{{task}}",
    output:
        model=directory(f"{R}/teacher/{{task}}/seed_{{seed}}/model"),
        metrics=f"{R}/teacher/{{task}}/seed_{{seed}}/metrics.json",
        answers=f"{R}/teacher/{{task}}/seed_{{seed}}/answers.safetensors",
    log:
        f"{R}/logs/finetune_teacher/{{task}}_seed_{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/finetune_teacher/{{task}}_seed_{{seed}}.tsv"
    threads: config["training"]["threads"]
    resources:
        mem_mb=memory(for_finetuning),
        runtime=minutes(for_finetuning),
        gpu=gpus(config["training"]["device"]),
    params:
        task=task_definition,
        teacher={key: config["teacher"][key] for key in ("max_length", "training")},
        given_answers=given_answers,
        training=training_params(),
        checkpoints=f"{R}/checkpoints",
        store=STORE,
        code=code_digest("finetune_teacher"),
    message:
        "Fine-tuning the teacher on {wildcards.task}, seed {wildcards.seed}"
    conda:
        ENVIRONMENT
    script:
        "../scripts/finetune_teacher.py"


# the search waits for this one, so it needs a higher priority than the others, and a rule has one priority
use rule finetune_teacher as finetune_search_teacher with:
    benchmark:
        f"{R}/benchmarks/finetune_search_teacher/{{task}}_seed_{{seed}}.tsv"
    wildcard_constraints:
        task=SEARCH_TASK,
        seed=SEEDS[0],
    priority: 10


rule adopt_teacher:
    input:
        model=rules.fetch_teacher.output.base,
        data=f"{R}/data/{{task}}",
    output:
        model=directory(f"{R}/teacher/{{task}}/seed_{{seed}}/model"),
        metrics=f"{R}/teacher/{{task}}/seed_{{seed}}/metrics.json",
        answers=f"{R}/teacher/{{task}}/seed_{{seed}}/answers.safetensors",
    log:
        f"{R}/logs/adopt_teacher/{{task}}_seed_{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/adopt_teacher/{{task}}_seed_{{seed}}.tsv"
    wildcard_constraints:
        task=one_of(ADOPTED),
    threads: config["training"]["threads"]
    resources:
        mem_mb=memory(for_predicting),
        runtime=minutes(for_predicting),
        gpu=gpus(config["training"]["device"]),
    params:
        task=task_definition,
        max_length=config["teacher"]["max_length"],
        training=DEVICE_PARAMS,
        code=code_digest("adopt_teacher"),
    message:
        "Scoring the teacher that was fine-tuned on {wildcards.task}, seed {wildcards.seed}"
    conda:
        ENVIRONMENT
    script:
        "../scripts/adopt_teacher.py"


ruleorder: adopt_teacher > finetune_search_teacher > finetune_teacher
