.DEFAULT_GOAL := help
.PHONY: help setup demo showcase test test-all lint fuzz faults soak soak-cluster bench bench-validity bench-ablation bench-preparation bench-own bench-cluster lock image sif weights clean

BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)

DEMO := nextflow run . -profile demo --outdir results/demo

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST)

setup: .venv/ready ## Python environment and, where there is none, Nextflow, into .venv

.venv/ready: requirements.lock conf/setup.sh conf/nextflow/pom.xml conf/nextflow/launcher.sh
	@conf/setup.sh && touch $@

demo: setup ## The whole way on a small simulated cohort: results/demo/report.html
	@printf '\n%s\n\n' '$(DEMO)'
	@mkdir -p results/demo/checkpoints && touch results/demo/checkpoints/training.log; \
	tail -n 0 -F results/demo/checkpoints/training.log 2> /dev/null & follower=$$!; \
	trap 'kill $$follower' EXIT; \
	$(DEMO) -ansi-log false

showcase: setup ## Simulated people mapped by a model that comes with the project: results/showcase/report.html
	nextflow run . -profile showcase --outdir results/showcase -ansi-log false

TESTS := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 10

# First those that take long, lest one of the two workers ends alone; while one makes the run that many of them read, the
# other executes the notebook
LONG := tests/pipeline/test_bids_round_trip.py tests/notebook tests/pipeline

test: lint ## All that a change can break here, two files of tests at a time
	$(TESTS) $(LONG) tests/browser tests/robustness tests/cli tests/unit

test-all: test ## Then clusters, container engines, faults and fuzzing
	$(TESTS) tests/cluster tests/containers tests/faults tests/fuzz

lint: setup .venv/strict/ready ## Style, types, order of the rooms, Nextflow's strict syntax and, where there is npm, scripts of the report
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy bin/healthward
	PYTHONPATH=bin $(BIN)/lint-imports --no-logo
	tests/nextflow/lint.sh
	tests/javascript/lint.sh

.venv/strict/ready: .venv/ready tests/nextflow/pom.xml tests/nextflow/setup.sh conf/nextflow/launcher.sh
	@tests/nextflow/setup.sh && touch $@

fuzz: setup ## Hostile sheets, lists, parameters and volumes, MINUTES (10) for each of the six
	$(BIN)/python tests/fuzz/campaign.py --minutes $(or $(MINUTES),10)

faults: setup ## Tools and Nextflow killed at COUNT (50) random moments, drawn by SEED; what a calm run gives must come of it
	$(BIN)/python tests/faults/campaign.py --count $(or $(COUNT),50) $(if $(SEED),--seed $(SEED))

soak: setup ## SCANS (2000) scans through the whole graph, with tools that do nothing; 1 GB for Nextflow
	$(BIN)/python tests/benchmarks/soak.py stub --scans $(or $(SCANS),2000)

soak-cluster: setup ## SCANS (200) small scans the whole way on a SLURM of three nodes on this machine
	$(BIN)/python tests/benchmarks/soak.py cluster --scans $(or $(SCANS),200)

bench: setup ## How fast is each stage, beside the plain way to do the same (a quarter of an hour; BENCH='--only training …')
	$(BIN)/python tests/benchmarks/speed.py --work results/speed $(BENCH)

bench-validity: setup ## Does it find disease? Scores and baselines on known truth (hours; BENCH='--size 64 …')
	$(BIN)/python tests/benchmarks/validity.py --work results/validity $(BENCH)

bench-ablation: setup ## What each ingredient is worth, after bench-validity
	$(BIN)/python tests/benchmarks/ablation.py --work results/validity $(BENCH)

bench-preparation: setup ## How well the heads with labels in HEADS are prepared (20 s a head; tests/benchmarks/preparation.py says what they must be)
	$(BIN)/python tests/benchmarks/preparation.py $(HEADS)

bench-own: setup ## What maps find of disease planted in the healthy people of the sheet INPUT; OUT keeps all that is made (30 s a scan)
	$(BIN)/python tests/benchmarks/planted.py $(INPUT) --out $(OUT)

bench-cluster: setup ## How well reconstructions fill a cluster, on a SLURM of three nodes on this machine
	$(BIN)/python tests/benchmarks/makespan.py

COMPILE := uv pip compile pyproject.toml --universal --generate-hashes --no-header --python-version 3.11
lock: ## Resolve the locks of environment and images anew from pyproject.toml (needs uv)
	$(COMPILE) --extra dev -o requirements.lock
	$(COMPILE) -c requirements.lock -o containers/requirements.lock
	$(COMPILE) containers/cuda12.in -o containers/requirements-cuda12.lock

CUDA ?= 13
image: ## Container image, by Docker, Podman or Apptainer; CUDA=12 for nodes with an older driver
	containers/build.sh image $(CUDA)

sif: ## The image as one file for Apptainer or Singularity: containers/healthward-*.sif
	containers/build.sh sif $(CUDA)

weights: setup ## Download the networks behind LPIPS and FID, for --weights weights
	$(BIN)/python bin/fetch_weights.py --out weights

clean: ## Remove caches and task folders (a later -resume starts anew); results stay
	rm -rf work .nextflow .nextflow.log* .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find bin tests -name __pycache__ -type d -prune -exec rm -rf {} +
