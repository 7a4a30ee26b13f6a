# One command for each thing to do; `make` alone lists them.

PYTHON ?= python3
PIP_ARGS ?=
CONFIG ?= config/config.yaml
CORES ?= all
SNAKEMAKE_ARGS ?=
KDNAS_NODE ?= $(HOME)/.cache/kdnas/node

VENV := .venv
# Python compiles imported modules once, where it may. Compiling all installed packages would take a minute more, so
# only the imports of jobs are compiled; otherwise each job would pay ten seconds where PYTHONDONTWRITEBYTECODE is set.
unexport PYTHONDONTWRITEBYTECODE
IMPORTED := evaluate, matplotlib.pyplot, scipy.stats, sklearn.metrics, snakemake.cli, torch._dynamo, \
	transformers.models.bert.modeling_bert
INSTALL := $(VENV)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-compile $(PIP_ARGS) \
	--constraint requirements/constraints.txt
# commands that call `python` or `snakemake` get those of the environment, whichever one is active
ACTIVE := PATH="$$PWD/$(VENV)/bin:$$PATH"
SNAKEMAKE := $(ACTIVE) $(VENV)/bin/python -m snakemake
# without an advertisement of the theme's successor; --quiet would also silence what --strict looks for
MKDOCS := said="$$(NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict 2>&1)" || { echo "$$said"; exit 1; }
CLIENTS := kdnas/deployment/clients
SNAKEFILES := Snakefile rules
CONFIG_FILES = $(foreach file,$(CONFIG),'$(file)')
# after the targets, as --configfile takes every word that follows
WITH_CONFIG = --configfile $(CONFIG_FILES)
# the plan leaves out the software environment, which SNAKEMAKE_ARGS may have changed for the run
IS_WHOLE := --dry-run --rerun-triggers input mtime params
DRY_RUN = $(filter -n --dry-run --dryrun,$(SNAKEMAKE_ARGS))

.DEFAULT_GOAL := help
.PHONY: help environment run estimate progress test test-slurm test-kills test-faults test-gpu node docs format
.PHONY: config-reference clean clean-environment

help: ## list what make can do
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r target text; do \
		printf '  %-18s %s\n' "$$target" "$$text"; done
	@echo 'Variables:'
	@echo '  PYTHON=python3              the Python (3.11 or newer) that makes the environment'
	@echo '  PIP_ARGS=                   options of pip, such as the address of the CPU wheel index of PyTorch'
	@echo '  CONFIG=config/config.yaml   the configuration to run; of several files, each overrides those before it'
	@echo '  CORES=all                   the CPU cores that the run may use'
	@echo '  SNAKEMAKE_ARGS=             targets and options of Snakemake (to change single keys, add a file to CONFIG)'

environment: $(VENV)/requirements.stamp ## make the Python environment .venv, without running anything

run: $(VENV)/requirements.stamp ## run the workflow; once it is complete, write the report and print the headline table
	@results="$$($(VENV)/bin/python -m kdnas check $(CONFIG_FILES))" || exit 1; \
	$(SNAKEMAKE) --cores $(CORES) $(SNAKEMAKE_ARGS) $(WITH_CONFIG) || exit $$?; \
	test -z '$(DRY_RUN)' || exit 0; \
	$(SNAKEMAKE) --cores 1 $(IS_WHOLE) $(WITH_CONFIG) 2>&1 | grep -q 'Nothing to be done' || { \
		echo "$$results is not complete yet, so there is no report."; exit 0; }; \
	$(SNAKEMAKE) --cores 1 $(WITH_CONFIG) --quiet progress rules --report "$$results/report.html" && \
	$(VENV)/bin/python -m kdnas headline "$$results" && \
	echo "Tables: $$results/tables  Figures: $$results/figures  Report: $$results/report.html"

estimate: $(VENV)/requirements.stamp ## print the cost of a run of CONFIG: jobs, hours, memory and disk
	@$(VENV)/bin/python -m kdnas estimate $(CONFIG_FILES) --cores '$(CORES)'

progress: $(VENV)/requirements.stamp ## print the scores of CONFIG's run so far, while it runs or after a stop
	@$(VENV)/bin/python -m kdnas progress $(CONFIG_FILES)

test: $(VENV)/development.stamp ## check style and spelling, and run every test
	@echo 'ruff' && $(VENV)/bin/python -m ruff check --quiet && $(VENV)/bin/python -m ruff format --quiet --check
	@echo 'mypy' && $(VENV)/bin/python -m mypy --no-error-summary
	@echo 'codespell' && $(VENV)/bin/python -m codespell_lib
	@echo 'snakefmt' && $(VENV)/bin/python -m snakefmt --check $(SNAKEFILES)
	@echo 'snakemake --lint' && $(SNAKEMAKE) --lint
	@echo 'mkdocs' && $(MKDOCS)
	@echo 'pytest' && $(ACTIVE) $(VENV)/bin/python -m pytest --quiet --numprocesses 2 --maxschedchunk 1

test-slurm: $(VENV)/development.stamp ## run the workflow on a SLURM of one node (needs Debian's slurm-wlm and munge)
	@$(ACTIVE) $(VENV)/bin/python -m pytest --quiet --numprocesses 2 --dist loadfile tests/slurm

test-kills: $(VENV)/development.stamp ## kill the workflow 30 times at random moments and compare the results
	@$(ACTIVE) $(VENV)/bin/python -m pytest --quiet --capture no tests/kill

test-faults: $(VENV)/development.stamp ## damage, move and disturb runs, cut their network, try custom tasks and every kind of teacher
	@$(ACTIVE) $(VENV)/bin/python -m pytest --quiet --numprocesses 2 --dist loadfile tests/faults

test-gpu: ## test everything particular to a GPU and print its rates; needs only torch, transformers and pytest
	@python='$(VENV)/bin/python'; test -x "$$python" || python='$(PYTHON)'; \
	"$$python" -m pytest --quiet --confcutdir tests/gpu tests/gpu

node: ## install transformers.js into KDNAS_NODE (~/.cache/kdnas/node), with which bundles are checked too (needs npm)
	@mkdir -p '$(KDNAS_NODE)' && cp $(CLIENTS)/package.json $(CLIENTS)/package-lock.json '$(KDNAS_NODE)'
	@cd '$(KDNAS_NODE)' && npm ci --ignore-scripts --no-audit --no-fund --loglevel error

docs: $(VENV)/development.stamp ## build the site of docs/ into site/; open site/index.html
	@$(MKDOCS)

format: $(VENV)/development.stamp ## rewrite Python and Snakemake files in the house style
	@$(VENV)/bin/python -m ruff check --quiet --fix && $(VENV)/bin/python -m ruff format --quiet
	@$(VENV)/bin/python -m snakefmt $(SNAKEFILES)

config-reference: $(VENV)/requirements.stamp ## write the table of keys in docs/configuration.md from the schema
	@$(VENV)/bin/python -m kdnas reference

clean: ## remove the caches of tools; results and the environment stay
	@rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
	@find . -path ./$(VENV) -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

clean-environment: ## remove the Python environment
	@rm -rf $(VENV)

$(VENV)/requirements.stamp: requirements/requirements.txt requirements/constraints.txt
	@command -v '$(PYTHON)' >/dev/null || { echo 'PYTHON is $(PYTHON), which is not on the PATH; allowed: a Python 3.11 or newer' >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PYTHON is $(PYTHON), version %d.%d; allowed: 3.11 or newer" % sys.version_info[:2])'
	@echo 'Making the environment $(VENV) (some minutes, once)'
	@'$(PYTHON)' -m venv $(VENV)
	@$(INSTALL) --requirement requirements/requirements.txt
	@$(VENV)/bin/python -c 'import $(IMPORTED)'
	@touch $@

$(VENV)/development.stamp: $(VENV)/requirements.stamp requirements/development.txt
	@$(INSTALL) --requirement requirements/development.txt
	@touch $@
