# When all of a run is there: the first page of its report, and with which configuration and code it was made.


rule write_overview:
    input:
        scores=f"{R}/tables/glue.csv",
        sizes=f"{R}/tables/efficiency.csv",
        deployment=DEPLOYMENT_TABLE,
        figure=f"{R}/figures/quality_speed.png",
    output:
        overview=OVERVIEW,
    log:
        f"{R}/logs/write_overview.log",
    benchmark:
        f"{R}/benchmarks/write_overview.tsv"
    params:
        results=lambda wildcards, output: os.path.dirname(output.overview),
        task=SEARCH_TASK,
        seed=SEEDS[0],
        device=config["reward"]["device"],
        timed_in=timed_in(config["latency"], config["reward"]["device"]),
        synthetic=config["data"]["source"] == "synthetic",
        code=code_digest("write_overview"),
    message:
        "Writing the first page of the report"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/write_overview.py"


rule record_run:
    input:
        tables=expand(f"{R}/tables/{{table}}.csv", table=TABLES),
        figures=expand(f"{R}/figures/{{figure}}.svg", figure=FIGURES),
    output:
        config=update(f"{R}/config.yaml"),  # stays while the job runs: the run itself may have it as --configfile
        versions=f"{R}/versions.json",
    log:
        f"{R}/logs/record_run.log",
    benchmark:
        f"{R}/benchmarks/record_run.tsv"
    params:
        config=config,
        code=code_digest("record_run"),
    message:
        "Recording the configuration and the versions of the run"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/record_run.py"
