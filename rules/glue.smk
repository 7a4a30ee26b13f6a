# GLUE: every student on every other task, with that task's teacher.


rule distill_glue:
    input:
        architecture=f"{R}/students/{{student}}/architecture.json",
        start=glue_start,
        teacher=f"{R}/teacher/{{task}}/seed_{{seed}}/model",
        data=f"{R}/data/{{task}}",
    output:
        model=directory(f"{R}/students/{{student}}/{{task}}/seed_{{seed}}/model"),
        metrics=f"{R}/students/{{student}}/{{task}}/seed_{{seed}}/metrics.json",
    log:
        f"{R}/logs/distill_glue/{{student}}_{{task}}_seed_{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/distill_glue/{{student}}_{{task}}_seed_{{seed}}.tsv"
    wildcard_constraints:
        task="|".join(GLUE_TASKS) or "(?!)",
    threads: config["training"]["threads"]
    resources:
        mem_mb=memory(for_glue),
        runtime=minutes(for_glue),
        gpu=gpus(config["training"]["device"]),
    params:
        task=task_definition,
        max_length=config["teacher"]["max_length"],
        distillation=distillation_params("glue"),
        training=training_params(),
        checkpoints=f"{R}/checkpoints",
        store=STORE,
        code=code_digest("distill_glue"),
    message:
        "Distilling {wildcards.student} on {wildcards.task}, seed {wildcards.seed}"
    conda:
        ENVIRONMENT
    script:
        "../scripts/distill_glue.py"
