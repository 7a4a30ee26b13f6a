# The record of a run, when all of it is there: with which configuration and which code it was made.


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
        "Writing down what made the run"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/record_run.py"
