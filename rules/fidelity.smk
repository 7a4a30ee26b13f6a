# The fidelity study: does the proxy rank architectures as the full distillation does? Left out by default.


rule sample_fidelity:
    output:
        candidates=f"{R}/fidelity/candidates.json",
    log:
        f"{R}/logs/sample_fidelity.log",
    benchmark:
        f"{R}/benchmarks/sample_fidelity.tsv"
    params:
        architectures=config["fidelity"]["architectures"],
        space=config["search"]["space"],
        seed=config["search"]["seed"],
        code=code_digest("sample_fidelity"),
    message:
        "Sampling the architectures of the fidelity study"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/sample_fidelity.py"


rule evaluate_fidelity:
    input:
        candidates=f"{R}/fidelity/candidates.json",
        teacher=f"{R}/teacher/{SEARCH_TASK}/seed_{SEEDS[0]}/model",
        train=f"{R}/proxy/train.parquet",
        data=f"{R}/data/{SEARCH_TASK}",
        answers=answers_of(SEARCH_TASK, SEEDS[0]),
    output:
        evaluations=f"{R}/fidelity/{{setting}}.json",
    log:
        f"{R}/logs/evaluate_fidelity/{{setting}}.log",
    benchmark:
        f"{R}/benchmarks/evaluate_fidelity/{{setting}}.tsv"
    threads: config["training"]["threads"]
    resources:
        mem_mb=memory(for_fidelity),
        runtime=minutes(for_fidelity),
        gpu=gpus(config["training"]["device"]),
    params:
        task=DEFINITIONS[SEARCH_TASK],
        seed=SEEDS[0],
        max_length=config["teacher"]["max_length"],
        distillation=fidelity_recipe,
        training=training_params(),
        checkpoints=f"{R}/checkpoints",
        store=STORE,
        code=code_digest("evaluate_fidelity"),
    message:
        "Distilling the architectures of the fidelity study ({wildcards.setting})"
    conda:
        ENVIRONMENT
    script:
        "../scripts/evaluate_fidelity.py"
