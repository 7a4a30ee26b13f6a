# The students: selected from the searches or hand-crafted, distilled on the whole search task, profiled.


rule select_students:
    input:
        histories=expand(f"{R}/search/{{strategy}}/{LAST_EPISODE}/history.csv", strategy=STRATEGIES),
    output:
        architectures=expand(f"{R}/students/{{student}}/architecture.json", student=STUDENTS),
    log:
        f"{R}/logs/select_students.log",
    benchmark:
        f"{R}/benchmarks/select_students.tsv"
    params:
        strategies=STRATEGIES,
        students=config["students"],
        code=code_digest("select_students"),
    message:
        "Selecting the students"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/select_students.py"


rule distill_student:
    input:
        architecture=f"{R}/students/{{student}}/architecture.json",
        teacher=f"{R}/teacher/{SEARCH_TASK}/seed_{{seed}}/model",
        data=f"{R}/data/{SEARCH_TASK}",
    output:
        model=directory(f"{R}/students/{{student}}/{SEARCH_TASK}/seed_{{seed}}/model"),
        metrics=f"{R}/students/{{student}}/{SEARCH_TASK}/seed_{{seed}}/metrics.json",
    log:
        f"{R}/logs/distill_student/{{student}}_seed_{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/distill_student/{{student}}_seed_{{seed}}.tsv"
    priority: 5
    threads: config["training"]["threads"]
    params:
        task=SEARCH_TASK,
        max_length=config["teacher"]["max_length"],
        distillation=distillation_params("student"),
        training=training_params(),
        checkpoints=f"{R}/checkpoints",
        store=STORE,
        code=code_digest("distill_student"),
    message:
        "Distilling {wildcards.student} on the whole search task, seed {wildcards.seed}"
    conda:
        ENVIRONMENT
    script:
        "../scripts/distill_student.py"


rule profile_students:
    input:
        architectures=expand(f"{R}/students/{{student}}/architecture.json", student=STUDENTS),
        base=f"{R}/teacher/base",
        table=latency_table,
    output:
        latency=f"{R}/latency/{{device}}.json",
    log:
        f"{R}/logs/profile_students/{{device}}.log",
    benchmark:
        f"{R}/benchmarks/profile_students/{{device}}.tsv"
    threads: ALL_CORES  # alone on the machine, like profile_latency
    params:
        latency=config["latency"],
        store=STORE,
        code=code_digest("profile_students"),
    message:
        "Profiling the latency of the students ({wildcards.device})"
    conda:
        ENVIRONMENT
    script:
        "../scripts/profile_students.py"
