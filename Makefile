# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# make test: everything CI runs. The other targets are its parts, and the long runs; tests/tools/gate.py says what they do.

PYTHON ?= python3
VENV ?= .venv
export VENV

GATE = $(PYTHON) tests/tools/gate.py
PARTS = lint types sanity unit integration molecule docs demo

.DEFAULT_GOAL = tree
.PHONY: tree test $(PARTS) simulate bench bench-docs faults build venv clean help

tree: ## copy the checkout to .build/ansible_collections/activation/kms
	@$(PYTHON) tests/tools/build_tree.py

test: ## everything CI runs
	@$(GATE)

$(PARTS): ## that part of the gate
	@$(GATE) $@

SEEDS ?= 10000
FIRST ?= 0
SEED ?=
simulate: ## the long run of the simulated rollouts: make simulate SEEDS=10000, others by FIRST=10000; one again: SEED=17
	@KMS_SIMULATION_FIRST=$(FIRST) KMS_SIMULATION_SEEDS=$(SEEDS) KMS_SIMULATION_SEED=$(SEED) $(GATE) simulate

ONLY ?=
bench: ## measure, and compare with what was measured before; a part: make bench ONLY=dns (or windows, fleet)
	@KMS_BENCH_ONLY=$(ONLY) $(GATE) bench

faults: ## a handful of each kind of fault on the wire, as a table: injected, survived, activations spent
	@$(GATE) faults

bench-docs: ## put the latest figures of the fleets into the documentation
	@PYTHONPATH=tests/tools $(PYTHON) tests/benchmarks/fleet_docs.py

venv: ## the environment for development, in $(VENV)
	@$(PYTHON) tests/tools/environments.py dev

build: venv ## the artifact for Galaxy, in .build/dist
	@cd "$$($(PYTHON) tests/tools/build_tree.py)" && \
		"$(abspath $(VENV))/bin/ansible-galaxy" collection build --force --output-path "$(CURDIR)/.build/dist"

clean: ## remove everything that was made, the environment for development included
	rm -rf .build .ansible .mypy_cache .ruff_cache .pytest_cache .hypothesis changelogs/.plugin-cache.yaml
	test ! -f "$(VENV)/pyvenv.cfg" || rm -rf "$(VENV)"

help: ## this list
	@awk -F ':[^#]*## ' '/^[a-z$$(][^:=]*:.*## / {sub(/\$$\(PARTS\)/, "$(PARTS)", $$1); print $$1 ": " $$2}' Makefile
