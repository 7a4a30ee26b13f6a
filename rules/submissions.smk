# Submissions: the test splits, kept apart from all other data, and every model's predictions of them.


rule fetch_test:
    input:
        local_test_files,
    output:
        data=directory(f"{R}/test/{{file}}"),
    log:
        f"{R}/logs/fetch_test/{{file}}.log",
    benchmark:
        f"{R}/benchmarks/fetch_test/{{file}}.tsv"
    wildcard_constraints:
        file=one_of(LEADERBOARD_FILES),
    priority: 20  # before anything is trained, so that a missing split is told at once
    params:
        data={key: config["data"][key] for key in ("source", "path", "revision")},
        code=code_digest("fetch_test"),
    message:
        "Fetching the test split of {wildcards.file}"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/fetch_test.py"


rule predict_test:
    input:
        model=leaderboard_model,
        data=f"{R}/test/{{file}}",
    output:
        predictions=f"{R}/submissions/{{model}}/seed_{{seed}}/{{file}}.tsv",
    log:
        f"{R}/logs/predict_test/{{model}}/{{file}}_seed_{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/predict_test/{{model}}/{{file}}_seed_{{seed}}.tsv"
    wildcard_constraints:
        model=one_of(MODELS),
        file=one_of(LEADERBOARD_FILES),
    threads: config["training"]["threads"]
    resources:
        mem_mb=memory(for_predicting),
        runtime=minutes(for_predicting),
        gpu=gpus(config["training"]["device"]),
    params:
        max_length=config["teacher"]["max_length"],
        training=DEVICE_PARAMS,
        code=code_digest("predict_test"),
    message:
        "Predicting {wildcards.file} with {wildcards.model}, seed {wildcards.seed}"
    conda:
        ENVIRONMENT
    script:
        "../scripts/predict_test.py"
