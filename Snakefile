# KD-NAS (arXiv 2303.09639, version 1): a search for small, fast students of a slow language model.
# The method reads from top to bottom. Every rule has a script of its name in scripts/, or that of the rule it extends.

import os

DEFAULTS = ["config/config.yaml", f"{workflow.current_basedir}/config/config.yaml"]  # the first that is there

if not workflow.config_settings.configfiles:

    configfile: next(filter(os.path.isfile, DEFAULTS), DEFAULTS[0])


include: "rules/common.smk"  # the checked config, names and paths
include: "rules/inputs.smk"  # functions of inputs and parameters
include: "rules/resources.smk"  # what jobs ask a cluster for
include: "rules/data.smk"  # fetch_task, build_proxy
include: "rules/teacher.smk"  # fetch_teacher, finetune_teacher, finetune_search_teacher, adopt_teacher
include: "rules/search.smk"  # an episode: sample_candidates, distill_candidates, profile_latency, update_controller
include: "rules/fidelity.smk"  # the proxy's fidelity: sample_fidelity, evaluate_fidelity
include: "rules/students.smk"  # select_student and what it measures first, hand_craft_student, distill_student, profile_students
include: "rules/glue.smk"  # distill_glue
include: "rules/deployment.smk"  # export_models, profile_deployment, bundle_student
include: "rules/report.smk"  # tables and figures
include: "rules/record.smk"  # record_run
include: "rules/submissions.smk"  # fetch_test, predict_test


# what was found, once that is known
report: os.path.abspath(OVERVIEW) if os.path.isfile(OVERVIEW) else "report/workflow.rst"


localrules:
    all,
    data,
    teachers,
    search,
    fidelity,
    students,
    latency,
    tables,
    figures,
    bundles,
    submissions,


rule data:
    input:
        expand(f"{R}/data/{{task}}", task=TASKS),


rule teachers:
    input:
        expand(f"{R}/teacher/{{task}}/seed_{{seed}}/metrics.json", task=TASKS, seed=SEEDS),


rule search:
    input:
        HISTORIES,


rule fidelity:
    input:
        fidelity_files,


rule students:
    input:
        expand(
            f"{R}/students/{{student}}/{{task}}/seed_{{seed}}/metrics.json",
            student=STUDENTS,
            task=TASKS,
            seed=SEEDS,
        ),


rule latency:
    input:
        expand(f"{R}/latency/{{device}}.json", device=DEVICES),
        f"{R}/latency/deployment.json" if TIMED_DEPLOYED else [],


rule tables:
    input:
        expand(f"{R}/tables/{{table}}.{{kind}}", table=TABLES, kind=TABLE_KINDS),


rule figures:
    input:
        expand(f"{R}/figures/{{figure}}.{{kind}}", figure=FIGURES, kind=FIGURE_KINDS),


rule bundles:  # not part of `all`: a bundle is for one student that leaves the house
    input:
        expand(f"{R}/bundles/{{student}}/{{task}}/seed_{SEEDS[0]}", student=STUDENTS, task=TASKS),


rule submissions:  # not part of `all`: it needs test splits
    input:
        submission_files,


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        OVERVIEW,
        rules.record_run.output,
