# GLUE: every student on every other task, with that task's teacher.


use rule distill_student as distill_glue with:
    input:
        architecture=f"{R}/students/{{student}}/architecture.json",
        start=glue_start,
        teacher=f"{R}/teacher/{{task}}/seed_{{seed}}/model",
        data=f"{R}/data/{{task}}",
        answers=lambda wildcards: answers_of(wildcards.task, wildcards.seed),
    output:
        model=directory(f"{R}/students/{{student}}/{{task}}/seed_{{seed}}/model"),
        metrics=f"{R}/students/{{student}}/{{task}}/seed_{{seed}}/metrics.json",
    log:
        f"{R}/logs/distill_glue/{{student}}/{{task}}_seed_{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/distill_glue/{{student}}/{{task}}_seed_{{seed}}.tsv"
    wildcard_constraints:
        task=one_of(GLUE_TASKS),
    priority: 4  # before tables and figures, which nothing waits for
    resources:
        mem_mb=memory(for_glue),
        runtime=minutes(for_glue),
        gpu=gpus(config["training"]["device"]),
    params:
        task=task_definition,
        stage="glue",
        distillation=distillation_params("glue"),
    message:
        "Distilling {wildcards.student} on {wildcards.task}, seed {wildcards.seed}"
