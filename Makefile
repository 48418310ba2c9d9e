# Thin on purpose: what a target does is in config/local/ (python -m config.local --help).
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Passed on: make test ARGS="-k points"
ARGS ?=

# A stamp holds the lock that it was installed from; dev is a superset of local.
LOCAL_STAMP := $(VENV)/local.stamp
DEV_STAMP := $(VENV)/dev.stamp
BENCH_STAMP := $(VENV)/bench.stamp

.PHONY: help setup local run services test check bench chaos messages doctor

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {gsub(/\$$\$$/, "$$", $$2); printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## Create .venv and install everything that development needs
	@$(call install,$(DEV_STAMP),requirements/dev.txt)

local:
	@cmp -s requirements/dev.txt $(DEV_STAMP) || { $(call install,$(LOCAL_STAMP),requirements/local.txt); }

run: local ## Start the back office with demo data; Ctrl-C stops it
	@$(PY) -m config.local run

services: local ## Start only database and broker: eval "$$(make services)"
	@$(PY) -m config.local services $(ARGS)

test: setup ## Run the tests; ARGS="-k name" is passed on to pytest
	@$(PY) -m config.local test $(ARGS)

check: setup ## Lint, types, architecture, migrations, deployment settings, catalogues
	@$(PY) -m config.local check

bench: ## Measure; ARGS is passed on to python -m bench
	@$(call install,$(BENCH_STAMP),requirements/bench.txt)
	@$(PY) -m config.local bench $(ARGS)

chaos: setup ## Kill everything in turn under load, then ask the books; ARGS="--seconds 30 --seed 7"
	@$(PY) -m bench.chaos $(ARGS)

messages: setup ## Compile the message catalogues
	@$(PY) -m config.local catalogues

doctor: local ## Say what is wrong with this installation, and how to mend it
	@$(PY) -m config.local manage doctor

# $(1) stamp, $(2) lock. The stamp is a copy of the lock: installed again when they differ.
define install
test -x $(PY) || $(PYTHON) -m venv $(VENV); \
cmp -s $(2) $(1) || { echo "installing $(2) into $(VENV)"; $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(2) && cp $(2) $(1); }
endef
