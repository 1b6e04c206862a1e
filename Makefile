# SPDX-License-Identifier: Apache-2.0
# `make` lists the targets. Whichever needs an environment makes it, and brings it up to date with setup.cfg.

PYTHON ?= python3
VENV ?= .venv
PYTEST_FLAGS ?=

# What tests run besides Python. tests/test_packaging.py checks that every package a test asks for is here.
# libclang-rt-dev holds clang's sanitizers, which clang itself only recommends.
DEBIAN_PACKAGES = arduino-builder chromium chromium-driver clang clang-16 clang-19 cmake cppcheck g++ gcc gcc-11 \
	gcc-12 gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-arm-none-eabi gcc-riscv64-unknown-elf libc6-dev \
	libc6-dev-arm64-cross libc6-dev-armhf-cross libclang-rt-dev libnewlib-arm-none-eabi libxml2-utils lld nodejs \
	openssh-client openssh-server picolibc-riscv64-unknown-elf qemu-system-arm qemu-system-misc qemu-user wasi-libc \
	xxd

# Tools that tests run, in an environment of their own: PlatformIO wants an older click than we do, and builds by SCons.
PYPI_TOOLS = idf-component-manager platformio scons
# Libraries in C that an example compiles, of which tests need the sources; the example says which version.
PYPI_SOURCES = pymonocypher

SUDO = $(if $(filter 0,$(shell id -u)),,sudo)
INSTALL = $(VENV)/bin/python -m pip install --disable-pip-version-check
TOOLS_PATH = $(abspath $(VENV)-tools)/bin:$(abspath $(VENV)-tools)/monocypher
PYTEST = PATH="$$PATH:$(TOOLS_PATH)" $(VENV)/bin/python -m pytest --numprocesses=auto --dist=loadfile \
	--no-loadscope-reorder

.PHONY: help demo test test-studies test-all soak fuzz lint debian-packages pypi-tools
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/edgecnn-train ## Run the whole job on the built-in pictures; the result is in runs/demo
	$(VENV)/bin/edgecnn demo --out runs/demo

test: $(VENV)/edgecnn-test ## Run the tests, with the system tools that are there
	$(PYTEST) -m "not study" $(PYTEST_FLAGS)

test-studies: $(VENV)/edgecnn-test ## Run the demo and all that the pages show, train on several workers (eight minutes)
	$(PYTEST) -m study $(PYTEST_FLAGS)

test-all: debian-packages pypi-tools ## Install the system tools, then run all tests; none may be skipped for want of one
	$(MAKE) test test-studies PYTEST_FLAGS="$(PYTEST_FLAGS) --require-tools"

soak: $(VENV)/edgecnn-test ## Compile 1,000 random graphs of all ops, and 30,000 broken files (twelve minutes)
	$(VENV)/bin/python -m pytest tests/compiler/test_random_graphs.py -k by_rows --graphs 1000
	$(VENV)/bin/python -m pytest tests/fuzz/test_hostile.py --mutations 30000

lint: $(VENV)/edgecnn-test ## Check style and types
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

FUZZ_SECONDS ?= 3600
fuzz: $(VENV)/edgecnn-test ## Look for broken models that the compiler neither compiles nor refuses
	$(INSTALL) --quiet 'atheris>=3'
	$(VENV)/bin/python tests/fuzz/coverage_guided.py runs/fuzz -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=runs/fuzz/

debian-packages: ## Install the system tools that tests use (Debian and Ubuntu)
	@dpkg --status $(DEBIAN_PACKAGES) >/dev/null 2>&1 || { $(SUDO) apt-get update --quiet && \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $(DEBIAN_PACKAGES); }

pypi-tools: $(VENV)-tools/installed ## Install the tools from PyPI that tests use

$(VENV)-tools/installed: Makefile
	$(PYTHON) -m venv $(VENV)-tools
	$(VENV)-tools/bin/python -m pip install --disable-pip-version-check $(PYPI_TOOLS)
	$(MAKE) --directory=firmware_examples/update monocypher PYTHON=$(abspath $(VENV)-tools)/bin/python \
		MONOCYPHER=$(abspath $(VENV)-tools)/monocypher
	@touch $@

$(VENV)/edgecnn-train: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --editable '.[train,runtime]'
	@touch $@

$(VENV)/edgecnn-test: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --editable '.[train,runtime,serve,test]'
	@touch $@ $(VENV)/edgecnn-train

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { echo \
		"Error: $(PYTHON) is not Python 3.10 to 3.13; name one that is: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo \
		"Error: $(PYTHON) can't make environments; on Debian: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
