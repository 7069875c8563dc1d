# Every target makes the environment it needs; nothing but CPython, gcc, make and git is assumed.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# python3 where it is new enough, else the newest other one on the path.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$p" && break; done)
# The benchmark's peers need a new CPython: the newest one installed, pyenv's included.
BENCH_PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 \
	$$(ls -1 ~/.pyenv/versions/3.1[1-4]*/bin/python3.1[1-4] 2>/dev/null) $(PYTHON); do \
	"$$p" -c 'import sys, ensurepip; print(*sys.version_info[:2], sys.executable)' 2>/dev/null || true; \
	done | sort -k1,1n -k2,2n -s | tail -1 | cut -d' ' -f3)
# Whichever Python holds the peers on the machine with the device.
GPU_PYTHON ?= python3
BASE ?= main
COUNT ?= 500
WORKERS ?= 2
ARGS ?=
# Reference posteriors, and the data of two benchmarks, where they lie beside the clone.
ifneq ($(wildcard ../shared/posteriordb),)
export POSTERIORDB ?= $(abspath ../shared/posteriordb)
endif

PY := .venv/bin/python
BENCH_PY := .venv-bench/bin/python
PYMC_PY := .venv-pymc/bin/python
PYMC ?= pymc
PYMC_TESTS ?= -m "not slow"
# Compiled Python is kept whatever the caller's setting: tests start hundreds of interpreters.
export PYTHONDONTWRITEBYTECODE :=
PIP_FLAGS := -q --disable-pip-version-check
BUILD_TOOLS := 'setuptools>=77' 'cython>=3.1' 'numpy>=2.0'
NATIVE := setup.py $(wildcard cython_ext/*.pyx cython_ext/*.pxd cython_ext/*/*.pyx cython_ext/*/*.pxd \
	cython_ext/*/*.pxi cython_ext/include/*.h cython_ext/include/*/*.h)
# Prints the requirements of one extra, a line each.
EXTRA := import sys, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*project["optional-dependencies"][sys.argv[1]], sep="\n")

.PHONY: help check test test-all test-pymc test-without-compiler fuzz golden replay bench gpu demo docs rules clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile | awk -F'\t' '{printf "make %-22s%s\n", $$1, $$2}'

demo: .venv/demo.stamp .venv/built.stamp  ## two models on real data: tables, stage times, plots
	@$(PY) -m examples.demo

test: .venv/test.stamp .venv/built.stamp .venv/cuda.stamp  ## all tests but those marked slow (WORKERS=2)
	@$(PY) -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow" tests

test-all: .venv/test.stamp .venv/built.stamp .venv/cuda.stamp  ## all tests, the slow ones too
	@PROBTENSOR_TEST_BUILDS=full $(PY) -m pytest -q -n $(WORKERS) --dist worksteal tests
	@$(MAKE) -s test-pymc PYMC_TESTS=

# The newest PyMC by default. PyMC 6.3.2 is what pymc-extras and PyMC-Marketing ask for now.
test-pymc: $(NATIVE)  ## tests with PyMC, in an environment of its own (PYMC='pymc==6.3.2' for the older one)
	@if "$(BENCH_PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then \
	$(MAKE) -s .venv-pymc/built.stamp && \
	$(PYMC_PY) -m pip install $(PIP_FLAGS) --prefer-binary --upgrade '$(PYMC)' && \
	$(PYMC_PY) -m pytest -q -n $(WORKERS) --dist worksteal $(PYMC_TESTS) tests/interop; \
	else echo "test-pymc: skipped, PyMC 6 needs CPython 3.12 or newer"; fi

# The path has links to everything but compilers.
test-without-compiler: .venv/test.stamp .venv/built.stamp  ## tests that must run where none is
	@tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	for folder in $${PATH//:/ }; do ln -s "$$folder"/* "$$tools" 2>/dev/null || true; done; \
	rm -f "$$tools"/{,*-}{cc,gcc,g++,c++,clang,clang++,c89,c99,cpp,nvcc}{,-*}; \
	CC= PATH="$$tools" PROBTENSOR_CACHE="$$tools/.cache" \
	$(PY) -m pytest -q -n $(WORKERS) --dist worksteal -m "without_compiler and not slow" tests

check: .venv/test.stamp .venv/built.stamp  ## under a minute: style, laws and a smoke test
	@$(PY) -m ruff check .
	@$(PY) -m pytest -q tests/architecture tests/test_tiny.py

fuzz: .venv/test.stamp .venv/built.stamp  ## random programs against the interpreter (COUNT=500)
	@$(PY) -m probtensor.testing.fuzz $(COUNT)
	@$(PY) -m probtensor.testing.fuzz --sizes $(COUNT)

golden: .venv/test.stamp .venv/built.stamp  ## refresh the committed generated sources
	@$(PY) -m tests.golden.dump tests/golden/sources
	@git --no-pager diff --stat -- tests/golden/sources

replay: .venv/test.stamp .venv/built.stamp  ## difference of all generated sources since BASE=main
	@work=$$(mktemp -d); \
	trap 'git worktree remove --force "$$work/base" >/dev/null 2>&1 || true; rm -rf "$$work"' EXIT; \
	git worktree add -q --detach "$$work/base" "$(BASE)"; \
	(cd "$$work/base" && "$(CURDIR)/$(PY)" setup.py -q build_ext --inplace >/dev/null 2>&1 \
	&& PYTHONPATH="$$work/base" "$(CURDIR)/$(PY)" -m tests.golden.dump "$$work/before"); \
	$(PY) -m tests.golden.dump "$$work/after"; \
	if diff -ru "$$work/before" "$$work/after"; \
	then echo "replay: no generated source differs from $(BASE)"; fi

# Two versions of ours need no peers.
ifneq ($(findstring --base,$(ARGS)),)
BENCH_PY := $(PY)
bench: .venv/test.stamp .venv/built.stamp
else
bench: .venv-bench/built.stamp
endif
bench:  ## speed against the peers (ARGS='--quick', '--check', ...) or a version (ARGS='--base REF')
	@$(BENCH_PY) -m tests.bench $(ARGS)
	@$(if $(ARGS),true,$(BENCH_PY) -m tests.bench.loops)
	@$(if $(ARGS),true,$(BENCH_PY) -m tests.bench.first)
	@$(if $(ARGS),true,$(BENCH_PY) -m tests.bench.linalg)
	@$(if $(ARGS),true,$(BENCH_PY) -m tests.bench.mathematics)
	@$(if $(ARGS),true,$(BENCH_PY) -m tests.bench.examples)
	@$(if $(ARGS),true,$(BENCH_PY) -m tests.bench.glm)
	@$(if $(ARGS),true,$(BENCH_PY) -m tests.bench.pymc)
	@$(if $(ARGS),true,$(BENCH_PY) -m tests.bench.profiling)

gpu:  ## tests and speed on a CUDA device, no network needed (tests/tools/wheels.sh; ARGS='--dry ...')
	@PYTHON="$(GPU_PYTHON)" tests/tools/gpu.sh $(ARGS)

docs: .venv/test.stamp .venv/built.stamp  ## write the generated documents, docs/ops.md and docs/features.md
	@$(PY) -m tests.docs
	@git --no-pager diff --stat -- docs

rules: .venv/demo.stamp .venv/built.stamp  ## list every rewriting rule with its reason
	@$(PY) -m probtensor rules

clean:  ## remove environments, built modules and outputs
	rm -rf .venv .venv-bench .venv-pymc build dist demo_output bench_output *.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis cython_ext/*.so cython_ext/*/*.so cython_ext/*.c cython_ext/*/*.c
	find probtensor cython_ext tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

# Of one target several recipes at a time: one waits for a download while another one compiles.
ifeq ($(words $(MAKECMDGOALS)),1)
MAKEFLAGS += --jobs=3
endif

# The environments. The build tools go in first, so that the library builds against the NumPy it
# will run with and pip need not fetch them a second time. It is built for this machine alone.
.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "make: CPython 3.11 or newer (with venv) is needed"; exit 1; }
	@echo "making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv

.venv/tools.stamp: | .venv/bin/python
	@echo "installing what the library is built with"
	@$(PY) -m pip install $(PIP_FLAGS) $(BUILD_TOOLS)
	@touch $@

.venv/demo.stamp: pyproject.toml | .venv/tools.stamp
	@echo "installing the library and what the demo needs"
	@$(PY) -c '$(EXTRA)' demo > .venv/demo.txt
	@PROBTENSOR_NATIVE=1 $(PY) -m pip install $(PIP_FLAGS) --no-build-isolation -r .venv/demo.txt -e .
	@touch $@

# The extra alone: naming the library again would build it again.
.venv/test.stamp: .venv/demo.stamp
	@echo "installing what the tests need"
	@$(PY) -c '$(EXTRA)' test > .venv/test.txt
	@$(PY) -m pip install $(PIP_FLAGS) -r .venv/test.txt
	@touch $@

# The tests of the GPU runtime want PyCUDA, which has to be compiled, beside the library; where that
# fails they skip.
.venv/wheel.stamp: tests/tools/install_cuda.sh tests/tools/build_pycuda.sh | .venv/tools.stamp
	@echo "compiling PyCUDA for the tests of the GPU runtime (once; it may take some minutes)"
	@tests/tools/install_cuda.sh $(PY) wheel > .venv/cuda.log 2>&1 && echo built > $@ || echo failed > $@

.venv/cuda.stamp: .venv/wheel.stamp | .venv/test.stamp
	@grep -q built $< && tests/tools/install_cuda.sh $(PY) > .venv/cuda.log 2>&1 || { echo "the tests of" \
	"the GPU runtime are skipped, for PyCUDA cannot be built here: $$(tail -n 1 .venv/cuda.log)"; }
	@touch $@

# Installing has built the modules already; build again only what has changed since.
.venv/built.stamp: $(NATIVE) | .venv/demo.stamp
	@test -z "$$(find $(NATIVE) -newer .venv/demo.stamp)" || { echo "building cython_ext"; \
	PROBTENSOR_NATIVE=1 $(PY) setup.py -q build_ext --inplace >/dev/null; }
	@touch $@

.venv-pymc/built.stamp: $(NATIVE) pyproject.toml
	@test -x $(PYMC_PY) || { echo "making .venv-pymc with $(BENCH_PYTHON)"; "$(BENCH_PYTHON)" -m venv .venv-pymc; }
	@$(PYMC_PY) -m pip install $(PIP_FLAGS) $(BUILD_TOOLS)
	@PROBTENSOR_NATIVE=1 $(PYMC_PY) -m pip install $(PIP_FLAGS) --prefer-binary --no-build-isolation -e '.[pymc,test]'
	@touch $@

.venv-bench/bin/python:
	@test -n "$(BENCH_PYTHON)" || { echo "make: CPython 3.11 or newer (with venv) is needed"; exit 1; }
	@echo "making .venv-bench with $(BENCH_PYTHON)"
	@$(BENCH_PYTHON) -m venv .venv-bench

# A peer that does not install here is named and left out.
.venv-bench/peers.stamp: pyproject.toml | .venv-bench/bin/python
	@$(BENCH_PY) -m pip install $(PIP_FLAGS) $(BUILD_TOOLS)
	@$(BENCH_PY) -c '$(EXTRA)' bench > .venv-bench/peers.txt
	@for peer in $$(cat .venv-bench/peers.txt); do $(BENCH_PY) -m pip install $(PIP_FLAGS) --prefer-binary "$$peer" \
	|| echo "bench: $$peer does not install here and is left out"; done
	@$(BENCH_PY) -m pip install $(PIP_FLAGS) --no-build-isolation -e .
	@touch $@

.venv-bench/built.stamp: $(NATIVE) | .venv-bench/peers.stamp
	@test -z "$$(find $(NATIVE) -newer .venv-bench/peers.stamp)" || \
	$(BENCH_PY) setup.py -q build_ext --inplace >/dev/null
	@touch $@
