# Data: every task as checked Parquet files, and the proxy set that candidates are distilled on.


rule fetch_task:
    input:
        local_task_files,
    output:
        data=directory(f"{R}/data/{{task}}"),
    log:
        f"{R}/logs/fetch_task/{{task}}.log",
    benchmark:
        f"{R}/benchmarks/fetch_task/{{task}}.tsv"
    priority: 40  # the trainings wait for it
    params:
        task=task_definition,
        data=task_data,
        heldout=heldout,
        code=code_digest("fetch_task"),
    message:
        "Fetching task {wildcards.task}"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/fetch_task.py"


rule build_proxy:
    input:
        data=f"{R}/data/{SEARCH_TASK}",
    output:
        train=f"{R}/proxy/train.parquet",
        meta=f"{R}/proxy/meta.json",
    log:
        f"{R}/logs/build_proxy.log",
    benchmark:
        f"{R}/benchmarks/build_proxy.tsv"
    priority: 10
    params:
        task=DEFINITIONS[SEARCH_TASK],
        share=config["search"]["proxy"]["share"],
        seed=SEEDS[0],
        code=code_digest("build_proxy"),
    message:
        f"Building the proxy set from the training set of {SEARCH_TASK}"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/build_proxy.py"
