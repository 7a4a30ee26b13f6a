# Tables and figures, from files alone: nothing is trained or measured here.

ARCHITECTURES = expand(f"{R}/students/{{student}}/architecture.json", student=STUDENTS)
SYNTHETIC = config["data"]["source"] == "synthetic"


rule table_glue:
    input:
        teacher=expand(f"{R}/teacher/{{task}}/seed_{{seed}}/metrics.json", task=TASKS, seed=SEEDS),
        students=expand(
            f"{R}/students/{{student}}/{{task}}/seed_{{seed}}/metrics.json",
            student=STUDENTS,
            task=TASKS,
            seed=SEEDS,
        ),
    output:
        csv=f"{R}/tables/glue.csv",
        markdown=f"{R}/tables/glue.md",
        latex=f"{R}/tables/glue.tex",
        html=report(
            f"{R}/tables/glue.html",
            caption="../report/table_glue.rst",
            category="Students",
            labels={"kind": "table", "content": "scores by task"},
        ),
    log:
        f"{R}/logs/table_glue.log",
    benchmark:
        f"{R}/benchmarks/table_glue.tsv"
    params:
        tasks=list(DEFINITIONS.values()),
        code=code_digest("table_glue"),
    message:
        "Writing the table of scores by task"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/table_glue.py"


rule table_efficiency:
    input:
        teacher=f"{R}/teacher/{SEARCH_TASK}/seed_{SEEDS[0]}/metrics.json",
        students=expand(
            f"{R}/students/{{student}}/{SEARCH_TASK}/seed_{SEEDS[0]}/metrics.json", student=STUDENTS
        ),
        architectures=ARCHITECTURES,
        cpu=f"{R}/latency/cpu.json",
        gpu=f"{R}/latency/gpu.json",
    output:
        csv=f"{R}/tables/efficiency.csv",
        markdown=f"{R}/tables/efficiency.md",
        latex=f"{R}/tables/efficiency.tex",
        html=report(
            f"{R}/tables/efficiency.html",
            caption="../report/table_efficiency.rst",
            category="Students",
            labels={"kind": "table", "content": "size and latency"},
        ),
    log:
        f"{R}/logs/table_efficiency.log",
    benchmark:
        f"{R}/benchmarks/table_efficiency.tsv"
    params:
        code=code_digest("table_efficiency"),
    message:
        "Writing the table of size and latency"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/table_efficiency.py"


rule table_search:
    input:
        histories=HISTORIES,
    output:
        csv=f"{R}/tables/search.csv",
        markdown=f"{R}/tables/search.md",
        latex=f"{R}/tables/search.tex",
        html=report(
            f"{R}/tables/search.html",
            caption="../report/table_search.rst",
            category="Search",
            labels={"kind": "table", "content": "search strategies"},
        ),
    log:
        f"{R}/logs/table_search.log",
    benchmark:
        f"{R}/benchmarks/table_search.tsv"
    params:
        strategies=STRATEGIES,
        quality=config["reward"]["quality"],
        device=config["reward"]["device"],
        synthetic=SYNTHETIC,
        code=code_digest("table_search"),
    message:
        "Writing the table of search strategies"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/table_search.py"


rule table_fidelity:
    input:
        evaluations=expand(f"{R}/fidelity/{{setting}}.json", setting=FIDELITY_SETTINGS),
    output:
        csv=f"{R}/tables/fidelity.csv",
        markdown=f"{R}/tables/fidelity.md",
        latex=f"{R}/tables/fidelity.tex",
        html=report(
            f"{R}/tables/fidelity.html",
            caption="../report/table_fidelity.rst",
            category="Search",
            labels={"kind": "table", "content": "fidelity of the proxy"},
        ),
    log:
        f"{R}/logs/table_fidelity.log",
    benchmark:
        f"{R}/benchmarks/table_fidelity.tsv"
    params:
        task=DEFINITIONS[SEARCH_TASK],
        proxy={key: config["distillation"][key] for key in ("initialisation", "proxy")},
        synthetic=SYNTHETIC,
        code=code_digest("table_fidelity"),
    message:
        "Writing the table of the proxy's fidelity"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/table_fidelity.py"


rule table_front:
    input:
        histories=HISTORIES,
        architectures=ARCHITECTURES,
    output:
        csv=f"{R}/tables/front.csv",
        markdown=f"{R}/tables/front.md",
        latex=f"{R}/tables/front.tex",
        html=report(
            f"{R}/tables/front.html",
            caption="../report/table_front.rst",
            category="Search",
            labels={"kind": "table", "content": "quality-latency front"},
        ),
    log:
        f"{R}/logs/table_front.log",
    benchmark:
        f"{R}/benchmarks/table_front.tsv"
    params:
        strategies=STRATEGIES,
        quality=config["reward"]["quality"],
        device=config["reward"]["device"],
        synthetic=SYNTHETIC,
        code=code_digest("table_front"),
    message:
        "Writing the table of the quality-latency front"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/table_front.py"


rule table_claims:
    input:
        teacher=rules.table_glue.input.teacher,
        students=rules.table_glue.input.students,
        architectures=ARCHITECTURES,
        cpu=f"{R}/latency/cpu.json",
        gpu=f"{R}/latency/gpu.json",
    output:
        csv=f"{R}/tables/claims.csv",
        markdown=f"{R}/tables/claims.md",
        latex=f"{R}/tables/claims.tex",
        html=report(
            f"{R}/tables/claims.html",
            caption="../report/table_claims.rst",
            category="Students",
            labels={"kind": "table", "content": "the paper's claims"},
        ),
    log:
        f"{R}/logs/table_claims.log",
    benchmark:
        f"{R}/benchmarks/table_claims.tsv"
    params:
        tasks=list(DEFINITIONS.values()),
        strategies=STRATEGIES,
        baseline=config["claims"]["baseline"],
        teacher=config["teacher"]["name"],
        searched_on=config["reward"]["device"],
        code=code_digest("table_claims"),
    message:
        "Writing the table of the paper's claims"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/table_claims.py"


rule table_cost:
    input:
        fetch_task=expand(rules.fetch_task.benchmark, task=TASKS),
        build_proxy=[rules.build_proxy.benchmark] if draws_from_space(config) else [],
        fetch_teacher=[rules.fetch_teacher.benchmark],
        adopt_teacher=expand(rules.adopt_teacher.benchmark, task=ADOPTED, seed=SEEDS),
        finetune_search_teacher=expand(
            rules.finetune_search_teacher.benchmark, task={SEARCH_TASK}.intersection(TAUGHT), seed=SEEDS[0]
        ),
        finetune_teacher=[
            expand(rules.finetune_teacher.benchmark, task=task, seed=seed)
            for task in TAUGHT
            for seed in SEEDS
            if (task, seed) != (SEARCH_TASK, SEEDS[0])
        ],
        sample_candidates=expand(rules.sample_candidates.benchmark, strategy=STRATEGIES, episode=EPISODES),
        distill_candidates=expand(
            rules.distill_candidates.benchmark,
            strategy=STRATEGIES,
            episode=EPISODES,
            cohort=COHORTS,
        ),
        profile_space=[rules.profile_space.benchmark] if TIMED_WHOLE else [],
        profile_latency=expand(
            rules.profile_latency.benchmark, strategy=[] if TIMED_WHOLE else STRATEGIES, episode=EPISODES
        ),
        update_controller=expand(rules.update_controller.benchmark, strategy=STRATEGIES, episode=EPISODES),
        distill_hand_crafted=[rules.distill_hand_crafted.benchmark] if MATCHED else [],
        profile_hand_crafted=[rules.profile_hand_crafted.benchmark] if MATCHED and not TIMED_WHOLE else [],
        select_student=expand(rules.select_student.benchmark, student=SEARCHED),
        hand_craft_student=expand(rules.hand_craft_student.benchmark, student=HAND_CRAFTED),
        distill_student=expand(rules.distill_student.benchmark, student=STUDENTS, seed=SEEDS),
        distill_glue=expand(rules.distill_glue.benchmark, student=STUDENTS, task=GLUE_TASKS, seed=SEEDS),
        profile_students=expand(rules.profile_students.benchmark, device=DEVICES),
        sample_fidelity=[rules.sample_fidelity.benchmark] if FIDELITY else [],
        evaluate_fidelity=expand(rules.evaluate_fidelity.benchmark, setting=FIDELITY_SETTINGS),
    output:
        csv=f"{R}/tables/cost.csv",
        markdown=f"{R}/tables/cost.md",
        latex=f"{R}/tables/cost.tex",
        html=report(
            f"{R}/tables/cost.html",
            caption="../report/table_cost.rst",
            category="Cost",
            labels={"kind": "table", "content": "time and memory"},
        ),
    log:
        f"{R}/logs/table_cost.log",
    benchmark:
        f"{R}/benchmarks/table_cost.tsv"
    params:
        code=code_digest("table_cost"),
    message:
        "Writing the table of time and memory"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/table_cost.py"


rule figure_reward:
    input:
        histories=HISTORIES,
    output:
        svg=report(
            f"{R}/figures/reward.svg",
            caption="../report/figure_reward.rst",
            category="Search",
            labels={"kind": "figure", "content": "reward by episode"},
        ),
        pdf=f"{R}/figures/reward.pdf",
        png=f"{R}/figures/reward.png",
    log:
        f"{R}/logs/figure_reward.log",
    benchmark:
        f"{R}/benchmarks/figure_reward.tsv"
    params:
        strategies=STRATEGIES,
        synthetic=SYNTHETIC,
        code=code_digest("figure_reward"),
    message:
        "Drawing the reward by episode"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/figure_reward.py"


rule figure_quality_latency:
    input:
        histories=HISTORIES,
        architectures=ARCHITECTURES,
        evaluations=rules.distill_hand_crafted.output.evaluations if MATCHED else [],
        latency=MATCHED_LATENCY if MATCHED else [],
    output:
        svg=report(
            f"{R}/figures/quality_latency.svg",
            caption="../report/figure_quality_latency.rst",
            category="Search",
            labels={"kind": "figure", "content": "quality against latency"},
        ),
        pdf=f"{R}/figures/quality_latency.pdf",
        png=f"{R}/figures/quality_latency.png",
    log:
        f"{R}/logs/figure_quality_latency.log",
    benchmark:
        f"{R}/benchmarks/figure_quality_latency.tsv"
    params:
        strategies=STRATEGIES,
        latency_budgets=config["students"]["latency_budgets"],
        reward={key: config["reward"][key] for key in ("quality", "device")},
        synthetic=SYNTHETIC,
        code=code_digest("figure_quality_latency"),
    message:
        "Drawing quality against latency"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/figure_quality_latency.py"


rule figure_fidelity:
    input:
        evaluations=expand(f"{R}/fidelity/{{setting}}.json", setting=FIDELITY_SETTINGS),
        table=f"{R}/tables/fidelity.csv",
    output:
        svg=report(
            f"{R}/figures/fidelity.svg",
            caption="../report/figure_fidelity.rst",
            category="Search",
            labels={"kind": "figure", "content": "fidelity of the proxy"},
        ),
        pdf=f"{R}/figures/fidelity.pdf",
        png=f"{R}/figures/fidelity.png",
    log:
        f"{R}/logs/figure_fidelity.log",
    benchmark:
        f"{R}/benchmarks/figure_fidelity.tsv"
    params:
        quality=config["reward"]["quality"],
        code=code_digest("figure_fidelity"),
    message:
        "Drawing the proxy's fidelity"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/figure_fidelity.py"


rule figure_dimensions:
    input:
        histories=HISTORIES,
    output:
        svg=report(
            f"{R}/figures/dimensions.svg",
            caption="../report/figure_dimensions.rst",
            category="Search",
            labels={"kind": "figure", "content": "what each dimension does"},
        ),
        pdf=f"{R}/figures/dimensions.pdf",
        png=f"{R}/figures/dimensions.png",
    log:
        f"{R}/logs/figure_dimensions.log",
    benchmark:
        f"{R}/benchmarks/figure_dimensions.tsv"
    params:
        strategies=STRATEGIES,
        space=config["search"]["space"],
        quality=config["reward"]["quality"],
        device=config["reward"]["device"],
        synthetic=SYNTHETIC,
        code=code_digest("figure_dimensions"),
    message:
        "Drawing what each dimension of the space does"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/figure_dimensions.py"


rule figure_prediction:
    input:
        histories=HISTORIES,
    output:
        svg=report(
            f"{R}/figures/prediction.svg",
            caption="../report/figure_prediction.rst",
            category="Search",
            labels={"kind": "figure", "content": "predicted against obtained reward"},
        ),
        pdf=f"{R}/figures/prediction.pdf",
        png=f"{R}/figures/prediction.png",
    log:
        f"{R}/logs/figure_prediction.log",
    benchmark:
        f"{R}/benchmarks/figure_prediction.tsv"
    params:
        strategies=STRATEGIES,
        synthetic=SYNTHETIC,
        code=code_digest("figure_prediction"),
    message:
        "Drawing predicted against obtained reward"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/figure_prediction.py"


rule figure_glue:
    input:
        table=f"{R}/tables/glue.csv",
    output:
        svg=report(
            f"{R}/figures/glue.svg",
            caption="../report/figure_glue.rst",
            category="Students",
            labels={"kind": "figure", "content": "scores by task"},
        ),
        pdf=f"{R}/figures/glue.pdf",
        png=f"{R}/figures/glue.png",
    log:
        f"{R}/logs/figure_glue.log",
    benchmark:
        f"{R}/benchmarks/figure_glue.tsv"
    params:
        code=code_digest("figure_glue"),
    message:
        "Drawing the scores by task"
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/figure_glue.py"
