# The search: a chain of episodes for each strategy, known from the config alone. A small space is timed whole before it.


rule profile_space:
    input:
        base=f"{R}/teacher/base",
    output:
        latency=SPACE_LATENCY,
    log:
        f"{R}/logs/profile_space.log",
    benchmark:
        f"{R}/benchmarks/profile_space.tsv"
    priority: 50  # before short jobs and trainings, while the machine is free
    threads: ALL_CORES  # alone on the machine: a latency beside a training job is worthless
    resources:
        mem_mb=memory(for_timing_space),
        runtime=minutes(for_timing_space),
        gpu=gpus(config["reward"]["device"]),
        cpus_per_task=config["latency"]["cpu_threads"],  # in a queue, where there are no cores to claim
    params:
        space=config["search"]["space"],
        students=MATCHED,
        latency=config["latency"],
        device=config["reward"]["device"],
        store=STORE,
        code=code_digest("profile_space"),
    message:
        "Profiling the latency of the whole search space"
    conda:
        ENVIRONMENT
    script:
        "../scripts/profile_space.py"


rule sample_candidates:
    input:
        history=history_before,
        controller=controller_before,
        screened=screened_before,
    output:
        candidates=PROPOSALS,
    log:
        f"{R}/logs/sample_candidates/{{strategy}}_{{episode}}.log",
    benchmark:
        f"{R}/benchmarks/sample_candidates/{{strategy}}_{{episode}}.tsv"
    priority: 20
    params:
        search=controller_params,
        code=code_digest("sample_candidates"),
    message:
        "Sampling the candidates of episode {wildcards.episode} ({wildcards.strategy})"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/sample_candidates.py"


rule distill_candidates:
    input:
        candidates=f"{EPISODE}/candidates.json",
        teacher=f"{R}/teacher/{SEARCH_TASK}/seed_{SEEDS[0]}/model",
        train=f"{R}/proxy/train.parquet",
        data=f"{R}/data/{SEARCH_TASK}",
        answers=answers_of(SEARCH_TASK, SEEDS[0]),
    output:
        evaluations=f"{EPISODE}/cohort_{{cohort}}.json",
    log:
        f"{R}/logs/distill_candidates/{{strategy}}_{{episode}}_{{cohort}}.log",
    benchmark:
        f"{R}/benchmarks/distill_candidates/{{strategy}}_{{episode}}_{{cohort}}.tsv"
    priority: 10
    threads: config["training"]["threads"]
    resources:
        mem_mb=memory(for_cohort),
        runtime=minutes(for_cohort),
        gpu=gpus(config["training"]["device"]),
    params:
        task=DEFINITIONS[SEARCH_TASK],
        seed=SEEDS[0],
        cohorts=len(COHORTS),
        max_length=config["teacher"]["max_length"],
        distillation=distillation_params("proxy"),
        training=training_params(),
        checkpoints=f"{R}/checkpoints",
        store=STORE,
        code=code_digest("distill_candidates"),
    message:
        "Distilling cohort {wildcards.cohort} of episode {wildcards.episode} ({wildcards.strategy}) on the proxy set"
    conda:
        ENVIRONMENT
    script:
        "../scripts/distill_candidates.py"


if SCREENED:

    use rule distill_candidates as screen_candidates with:
        input:
            candidates=PROPOSALS,
            teacher=f"{R}/teacher/{SEARCH_TASK}/seed_{SEEDS[0]}/model",
            train=f"{R}/proxy/train.parquet",
            data=f"{R}/data/{SEARCH_TASK}",
            answers=answers_of(SEARCH_TASK, SEEDS[0]),
        output:
            evaluations=f"{EPISODE}/screening_{{cohort}}.json",
        log:
            f"{R}/logs/screen_candidates/{{strategy}}_{{episode}}_{{cohort}}.log",
        benchmark:
            f"{R}/benchmarks/screen_candidates/{{strategy}}_{{episode}}_{{cohort}}.tsv"
        resources:
            mem_mb=memory(for_screening),
            runtime=minutes(for_screening),
            gpu=gpus(config["training"]["device"]),
        params:
            distillation=screening_params(),
        message:
            "Screening proposals of episode {wildcards.episode} ({wildcards.strategy}) without training, cohort {wildcards.cohort}"

    rule keep_candidates:
        input:
            proposals=PROPOSALS,
            evaluations=expand(f"{EPISODE}/screening_{{cohort}}.json", cohort=COHORTS, allow_missing=True),
            latency=LATENCY_OF_EPISODE,
            screened=screened_before,
        output:
            candidates=f"{EPISODE}/candidates.json",
            screened=f"{EPISODE}/screened.csv",
        log:
            f"{R}/logs/keep_candidates/{{strategy}}_{{episode}}.log",
        benchmark:
            f"{R}/benchmarks/keep_candidates/{{strategy}}_{{episode}}.tsv"
        priority: 20
        params:
            candidates=config["search"]["candidates"],
            reward=config["reward"],
            code=code_digest("keep_candidates"),
        message:
            "Keeping the best proposals of episode {wildcards.episode} ({wildcards.strategy})"
        localrule: True
        conda:
            ENVIRONMENT
        script:
            "../scripts/keep_candidates.py"


rule profile_latency:
    input:
        candidates=PROPOSALS,
        base=f"{R}/teacher/base",
        table=latency_table,
    output:
        latency=f"{EPISODE}/latency.json",
    log:
        f"{R}/logs/profile_latency/{{strategy}}_{{episode}}.log",
    benchmark:
        f"{R}/benchmarks/profile_latency/{{strategy}}_{{episode}}.tsv"
    priority: 20
    threads: ALL_CORES  # alone on the machine, like profile_space
    resources:
        mem_mb=memory(for_timing_candidates),
        runtime=minutes(for_timing_candidates),
        gpu=gpus(config["reward"]["device"]),
        cpus_per_task=config["latency"]["cpu_threads"],  # in a queue, where there are no cores to claim
    params:
        latency=config["latency"],
        device=config["reward"]["device"],
        store=STORE,
        code=code_digest("profile_latency"),
    message:
        "Profiling the latency of episode {wildcards.episode} ({wildcards.strategy})"
    conda:
        ENVIRONMENT
    script:
        "../scripts/profile_latency.py"


rule update_controller:
    input:
        candidates=f"{EPISODE}/candidates.json",
        evaluations=expand(f"{EPISODE}/cohort_{{cohort}}.json", cohort=COHORTS, allow_missing=True),
        latency=LATENCY_OF_EPISODE,
        history=history_before,
        controller=controller_before,
    output:
        history=f"{EPISODE}/history.csv",
        controller=f"{EPISODE}/controller.safetensors",
    log:
        f"{R}/logs/update_controller/{{strategy}}_{{episode}}.log",
    benchmark:
        f"{R}/benchmarks/update_controller/{{strategy}}_{{episode}}.tsv"
    priority: 20
    params:
        search=controller_params,
        reward=config["reward"],
        code=code_digest("update_controller"),
    message:
        "Updating the controller after episode {wildcards.episode} ({wildcards.strategy})"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/update_controller.py"
