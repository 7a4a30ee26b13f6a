# The trained models as ONNX files: scored in every runtime, and those of the search task timed in them. Students as
# folders for others.


rule export_models:  # one job a task and seed: imports take longer than an export
    input:
        teacher=f"{R}/teacher/{{task}}/seed_{{seed}}/model",
        students=expand(f"{R}/students/{{student}}/{{{{task}}}}/seed_{{{{seed}}}}/model", student=STUDENTS),
        data=f"{R}/data/{{task}}",
    output:
        models=directory(f"{R}/deployment/{{task}}/seed_{{seed}}"),
    log:
        f"{R}/logs/export_models/{{task}}_seed_{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/export_models/{{task}}_seed_{{seed}}.tsv"
    threads: config["training"]["threads"]
    resources:
        mem_mb=memory(for_exporting),
        runtime=minutes(for_exporting),
        gpu=0,
    params:
        task=task_definition,
        names=MODELS,
        runtimes=RUNTIMES,
        vocabulary=config["deployment"]["vocabulary"],
        int8_margin=config["deployment"]["int8_margin"],
        max_length=config["teacher"]["max_length"],
        threads=config["training"]["threads"],
        code=code_digest("export_models"),
    message:
        "Exporting the models of {wildcards.task}, seed {wildcards.seed}"
    conda:
        ENVIRONMENT
    script:
        "../scripts/export_models.py"


rule profile_deployment:
    input:
        exported=f"{R}/deployment/{SEARCH_TASK}/seed_{SEEDS[0]}",
        teacher=f"{R}/teacher/{SEARCH_TASK}/seed_{SEEDS[0]}/model",
        students=expand(f"{R}/students/{{student}}/{SEARCH_TASK}/seed_{SEEDS[0]}/model", student=STUDENTS),
    output:
        latency=f"{R}/latency/deployment.json",
    log:
        f"{R}/logs/profile_deployment.log",
    benchmark:
        f"{R}/benchmarks/profile_deployment.tsv"
    threads: ALL_CORES  # alone on the machine, like profile_space
    resources:
        mem_mb=memory(for_timing_deployed),
        runtime=minutes(for_timing_deployed),
        gpu=0,
        cpus_per_task=config["latency"]["cpu_threads"],  # in a queue, where there are no cores to claim
    params:
        names=MODELS,
        runtimes=RUNTIMES,
        latency=config["latency"],
        code=code_digest("profile_deployment"),
    message:
        "Profiling the latency of the models in every runtime"
    conda:
        ENVIRONMENT
    script:
        "../scripts/profile_deployment.py"


rule bundle_student:  # not part of `all`
    input:
        model=f"{R}/students/{{student}}/{{task}}/seed_{{seed}}/model",
        metrics=expand(f"{R}/students/{{{{student}}}}/{{{{task}}}}/seed_{{seed}}/metrics.json", seed=SEEDS),
        architecture=f"{R}/students/{{student}}/architecture.json",
        base=f"{R}/teacher/base",
        teacher=f"{R}/teacher/{{task}}/seed_{{seed}}/metrics.json",
        data=f"{R}/data/{{task}}",
        exported=exported_models,
        latency=rules.profile_deployment.output.latency if TIMED_DEPLOYED else [],
    output:
        bundle=directory(f"{R}/bundles/{{student}}/{{task}}/seed_{{seed}}"),
    log:
        f"{R}/logs/bundle_student/{{student}}/{{task}}_seed_{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/bundle_student/{{student}}/{{task}}_seed_{{seed}}.tsv"
    params:
        task=task_definition,
        max_length=config["teacher"]["max_length"],
        licence=config["teacher"]["licence"],
        timed_on=SEARCH_TASK,
        code=code_digest("bundle_student"),
    message:
        "Bundling {wildcards.student} on {wildcards.task}, seed {wildcards.seed}"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/bundle_student.py"
