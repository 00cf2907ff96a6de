# The two commands: `make up` and `make test`. Everything else is for those who change the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto

.PHONY: up down test test-compose test-vm check bench generate clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || hack/install-deps --venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

up: $(VENV)/.installed
	hack/install-deps
	hack/up $(ARGS)

down: $(VENV)/.installed
	$(BIN)/picokube down

test: $(VENV)/.installed
	hack/install-deps --test
	$(BIN)/python hack/test $(ARGS)

# docker-compose.yml in a Docker engine of its own: installs one, takes minutes and needs root.
test-compose: $(VENV)/.installed
	hack/install-deps --compose
	$(BIN)/python -m pytest -m compose tests/e2e/compose $(ARGS)

# The kubelet's tests on cgroup v2 and systemd: Debian's stock kernel in a virtual machine. Takes most of an hour and needs root.
test-vm: $(VENV)/.installed
	hack/install-deps --vm
	$(BIN)/python hack/test-vm $(ARGS)

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/architecture

# make bench UPSTREAM=DIR: the same of kube-apiserver, kube-controller-manager, kube-scheduler and kubectl in DIR.
bench: $(VENV)/.installed
	$(BIN)/python -m bench $(if $(UPSTREAM),--upstream $(UPSTREAM)) $(ARGS)

generate: $(VENV)/.installed
	$(BIN)/python hack/generate.py

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
