# Tables and figures, from files alone: nothing is trained or measured here.

ARCHITECTURES = expand(f"{R}/students/{{student}}/architecture.json", student=STUDENTS)
SYNTHETIC = config["data"]["source"] == "synthetic"
SCORES = {  # of the teacher and all students
    "teacher": expand(f"{R}/teacher/{{task}}/seed_{{seed}}/metrics.json", task=TASKS, seed=SEEDS),
    "students": expand(
        f"{R}/students/{{student}}/{{task}}/seed_{{seed}}/metrics.json",
        student=STUDENTS,
        task=TASKS,
        seed=SEEDS,
    ),
}
LATENCIES = {device: f"{R}/latency/{device}.json" for device in DEVICES}
FIDELITY_EVALUATIONS = expand(f"{R}/fidelity/{{setting}}.json", setting=FIDELITY_SETTINGS)
# where its speeds are those that the figure and the first page show: on the CPU
DEPLOYMENT_TABLE = (
    f"{R}/tables/deployment.csv" if TIMED_DEPLOYED and config["reward"]["device"] == "cpu" else []
)
TIMED_IN = timed_in(config["latency"], config["reward"]["device"])  # the latencies of the search
LATENCY_BUDGETS = [  # shares of the teacher's latency
    budget["latency_ratio"] for budget in config["students"]["budgets"] if budget["latency_ratio"] is not None
]
OF_SEARCH = {  # parameters of tables and figures about a search
    "strategies": STRATEGIES,
    "quality": config["reward"]["quality"],
    "timed_in": TIMED_IN,
    "synthetic": SYNTHETIC,
}


def benchmark_files():
    """The benchmark files of a whole run by rule, which its costs are read from."""
    found = {}
    for job in jobs(config):
        if not job.rule.startswith(("table_", "figure_", "write_overview", "record_run")):
            file = getattr(rules, job.rule).benchmark
            found.setdefault(job.rule, []).append(str(file).format(**job.wildcards))
    return found


# by name: inputs, parameters, category and title in the report
TABLE_RULES = {
    "glue": (SCORES, {"tasks": list(DEFINITIONS.values())}, "Students", "scores by task"),
    "efficiency": (
        {
            "teacher": f"{R}/teacher/{SEARCH_TASK}/seed_{SEEDS[0]}/metrics.json",
            "students": expand(
                f"{R}/students/{{student}}/{SEARCH_TASK}/seed_{SEEDS[0]}/metrics.json", student=STUDENTS
            ),
            "architectures": ARCHITECTURES,
            **LATENCIES,
        },
        {},
        "Students",
        "size and latency",
    ),
    "deployment": (
        {
            "exported": expand(f"{R}/deployment/{{task}}/seed_{{seed}}", task=TASKS, seed=SEEDS),
            "latency": f"{R}/latency/deployment.json" if TIMED_DEPLOYED else [],
        },
        {"tasks": list(DEFINITIONS.values()), "margin": config["deployment"]["int8_margin"]},
        "Students",
        "scores, speed and size by runtime",
    ),
    "search": ({"histories": HISTORIES}, OF_SEARCH, "Search", "search strategies"),
    "fidelity": (
        {"evaluations": FIDELITY_EVALUATIONS},
        {
            "task": DEFINITIONS[SEARCH_TASK],
            "proxy": {key: config["distillation"][key] for key in ("initialisation", "proxy")},
            "synthetic": SYNTHETIC,
        },
        "Search",
        "fidelity of the proxy",
    ),
    "front": (
        {"histories": HISTORIES, "architectures": ARCHITECTURES},
        OF_SEARCH,
        "Search",
        "quality-latency front",
    ),
    "claims": (
        {**SCORES, "architectures": ARCHITECTURES, **LATENCIES},
        {
            "tasks": list(DEFINITIONS.values()),
            "strategies": STRATEGIES,
            "baseline": config["claims"]["baseline"],
            "teacher": config["teacher"]["name"],
            "searched_on": config["reward"]["device"],
        },
        "Students",
        "the paper's claims",
    ),
    "cost": (benchmark_files(), {}, "Cost", "time and memory"),
}
FIGURE_RULES = {
    "quality_speed": (
        {
            "scores": f"{R}/tables/glue.csv",
            "sizes": f"{R}/tables/efficiency.csv",
            "deployment": DEPLOYMENT_TABLE,
        },
        {"device": config["reward"]["device"]},
        "Students",
        "final quality against speed",
    ),
    "reward": (
        {"histories": HISTORIES},
        {"strategies": STRATEGIES, "synthetic": SYNTHETIC},
        "Search",
        "reward by episode",
    ),
    "quality_latency": (
        {
            "histories": HISTORIES,
            "architectures": ARCHITECTURES,
            "evaluations": rules.distill_hand_crafted.output.evaluations if MATCHED else [],
            "latency": MATCHED_LATENCY if MATCHED else [],
        },
        {
            "strategies": STRATEGIES,
            "latency_budgets": LATENCY_BUDGETS,
            "reward": {key: config["reward"][key] for key in ("quality", "device")},
            "timed_in": TIMED_IN,
            "synthetic": SYNTHETIC,
        },
        "Search",
        "quality against latency",
    ),
    "fidelity": (
        {"evaluations": FIDELITY_EVALUATIONS, "table": f"{R}/tables/fidelity.csv"},
        {"quality": config["reward"]["quality"]},
        "Search",
        "fidelity of the proxy",
    ),
    "dimensions": (
        {"histories": HISTORIES},
        {**OF_SEARCH, "space": config["search"]["space"]},
        "Search",
        "what each dimension does",
    ),
    "prediction": (
        {"histories": HISTORIES},
        {"strategies": STRATEGIES, "synthetic": SYNTHETIC},
        "Search",
        "predicted against obtained reward",
    ),
    "glue": ({"table": f"{R}/tables/glue.csv"}, {}, "Students", "scores by task"),
}

for _name, (_input, _params, _category, _content) in TABLE_RULES.items():

    rule:
        name:
            f"table_{_name}"
        input:
            **_input,
        output:
            csv=f"{R}/tables/{_name}.csv",
            markdown=f"{R}/tables/{_name}.md",
            latex=f"{R}/tables/{_name}.tex",
            html=report(
                f"{R}/tables/{_name}.html",
                caption=f"../report/table_{_name}.rst",
                category=_category,
                labels={"kind": "table", "content": _content},
            ),
        log:
            f"{R}/logs/table_{_name}.log",
        benchmark:
            f"{R}/benchmarks/table_{_name}.tsv"
        params:
            **_params,
            script=f"table_{_name}",
            code=code_digest(f"table_{_name}"),
        message:
            f"Writing the table: {_content}"
        localrule: True
        conda:
            ENVIRONMENT
        script:
            "../scripts/{params.script}.py"


for _name, (_input, _params, _category, _content) in FIGURE_RULES.items():

    rule:
        name:
            f"figure_{_name}"
        input:
            **_input,
        output:
            svg=report(
                f"{R}/figures/{_name}.svg",
                caption=f"../report/figure_{_name}.rst",
                category=_category,
                labels={"kind": "figure", "content": _content},
            ),
            pdf=f"{R}/figures/{_name}.pdf",
            png=f"{R}/figures/{_name}.png",
        log:
            f"{R}/logs/figure_{_name}.log",
        benchmark:
            f"{R}/benchmarks/figure_{_name}.tsv"
        params:
            **_params,
            script=f"figure_{_name}",
            code=code_digest(f"figure_{_name}"),
        message:
            f"Drawing the figure: {_content}"
        localrule: True
        conda:
            ENVIRONMENT
        script:
            "../scripts/{params.script}.py"
