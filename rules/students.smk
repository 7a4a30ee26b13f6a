# The students: selected from the searches or hand-crafted, distilled on the whole search task, profiled.
# Hand-crafted students that others are matched with are first evaluated like the candidates of a search.

HAND_CRAFTED_LATENCY = f"{R}/search/hand_crafted/latency.json"
MATCHED_LATENCY = SPACE_LATENCY if TIMED_WHOLE else HAND_CRAFTED_LATENCY


rule distill_hand_crafted:
    input:
        teacher=f"{R}/teacher/{SEARCH_TASK}/seed_{SEEDS[0]}/model",
        train=f"{R}/proxy/train.parquet",
        data=f"{R}/data/{SEARCH_TASK}",
        answers=answers_of(SEARCH_TASK, SEEDS[0]),
    output:
        evaluations=f"{R}/search/hand_crafted/evaluations.json",
    log:
        f"{R}/logs/distill_hand_crafted.log",
    benchmark:
        f"{R}/benchmarks/distill_hand_crafted.tsv"
    priority: 10
    threads: config["training"]["threads"]
    resources:
        mem_mb=memory(for_hand_crafted),
        runtime=minutes(for_hand_crafted),
        gpu=gpus(config["training"]["device"]),
    params:
        students=MATCHED,
        task=DEFINITIONS[SEARCH_TASK],
        seed=SEEDS[0],
        max_length=config["teacher"]["max_length"],
        distillation=distillation_params("proxy"),
        training=training_params(),
        checkpoints=f"{R}/checkpoints",
        store=STORE,
        code=code_digest("distill_hand_crafted"),
    message:
        "Distilling the matched hand-crafted students on the proxy set"
    conda:
        ENVIRONMENT
    script:
        "../scripts/distill_hand_crafted.py"


rule profile_hand_crafted:
    input:
        base=f"{R}/teacher/base",
        table=latency_table,
    output:
        latency=HAND_CRAFTED_LATENCY,
    log:
        f"{R}/logs/profile_hand_crafted.log",
    benchmark:
        f"{R}/benchmarks/profile_hand_crafted.tsv"
    priority: 10
    threads: ALL_CORES  # alone on the machine, like profile_space
    resources:
        mem_mb=memory(for_timing_hand_crafted),
        runtime=minutes(for_timing_hand_crafted),
        gpu=gpus(config["reward"]["device"]),
        cpus_per_task=config["latency"]["cpu_threads"],  # in a queue, where there are no cores to claim
    params:
        students=MATCHED,
        latency=config["latency"],
        device=config["reward"]["device"],
        store=STORE,
        code=code_digest("profile_hand_crafted"),
    message:
        "Profiling the latency of the matched hand-crafted students"
    conda:
        ENVIRONMENT
    script:
        "../scripts/profile_hand_crafted.py"


rule select_student:  # one job a student, so that another student re-runs none of the others
    input:
        history=history_of_student,
        evaluations=of_match(f"{R}/search/hand_crafted/evaluations.json"),
        latency=of_match(MATCHED_LATENCY),
    output:
        architecture=f"{R}/students/{{student}}/architecture.json",
    log:
        f"{R}/logs/select_student/{{student}}.log",
    benchmark:
        f"{R}/benchmarks/select_student/{{student}}.tsv"
    wildcard_constraints:
        student=one_of(SEARCHED),
    priority: 20
    params:
        strategy=lambda wildcards: SEARCHED[wildcards.student][0],
        rule=lambda wildcards: asdict(SEARCHED[wildcards.student][1]),
        reward={key: config["reward"][key] for key in ("quality", "device")},
        code=code_digest("select_student"),
    message:
        "Selecting {wildcards.student}"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/select_student.py"


rule hand_craft_student:
    output:
        architecture=f"{R}/students/{{student}}/architecture.json",
    log:
        f"{R}/logs/hand_craft_student/{{student}}.log",
    benchmark:
        f"{R}/benchmarks/hand_craft_student/{{student}}.tsv"
    wildcard_constraints:
        student=one_of(HAND_CRAFTED),
    priority: 20
    params:
        student=hand_crafted_entry,
        code=code_digest("hand_craft_student"),
    message:
        "Writing down the hand-crafted student {wildcards.student}"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/hand_craft_student.py"


rule distill_student:
    input:
        architecture=f"{R}/students/{{student}}/architecture.json",
        teacher=f"{R}/teacher/{SEARCH_TASK}/seed_{{seed}}/model",
        data=f"{R}/data/{SEARCH_TASK}",
        answers=lambda wildcards: answers_of(SEARCH_TASK, wildcards.seed),
    output:
        model=directory(f"{R}/students/{{student}}/{SEARCH_TASK}/seed_{{seed}}/model"),
        metrics=f"{R}/students/{{student}}/{SEARCH_TASK}/seed_{{seed}}/metrics.json",
    log:
        f"{R}/logs/distill_student/{{student}}_seed_{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/distill_student/{{student}}_seed_{{seed}}.tsv"
    priority: 5
    threads: config["training"]["threads"]
    resources:
        mem_mb=memory(for_student),
        runtime=minutes(for_student),
        gpu=gpus(config["training"]["device"]),
    params:
        task=DEFINITIONS[SEARCH_TASK],
        stage="student",
        max_length=config["teacher"]["max_length"],
        distillation=distillation_params("student"),
        training=training_params(),
        checkpoints=f"{R}/checkpoints",
        store=STORE,
        code=code_digest("distill_student"),
    message:
        "Distilling {wildcards.student} on the search task, seed {wildcards.seed}"
    conda:
        ENVIRONMENT
    script:
        "../scripts/distill_student.py"


rule profile_students:
    input:
        architectures=expand(f"{R}/students/{{student}}/architecture.json", student=STUDENTS),
        base=f"{R}/teacher/base",
        table=latency_table,
        gpu=gpu_that_came,
    output:
        latency=f"{R}/latency/{{device}}.json",
    log:
        f"{R}/logs/profile_students/{{device}}.log",
    benchmark:
        f"{R}/benchmarks/profile_students/{{device}}.tsv"
    threads: ALL_CORES  # alone on the machine, like profile_space
    resources:
        mem_mb=memory(for_timing_students),
        runtime=minutes(for_timing_students),
        gpu=gpus_of_students,
        cpus_per_task=config["latency"]["cpu_threads"],  # in a queue, where there are no cores to claim
    params:
        latency=config["latency"],
        needed=gpu_counted_on,
        store=STORE,
        code=code_digest("profile_students"),
    message:
        "Profiling the latency of the students ({wildcards.device})"
    conda:
        ENVIRONMENT
    script:
        "../scripts/profile_students.py"
