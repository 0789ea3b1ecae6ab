# The two commands are `make demo` and `make test`. Everything else is here for people who work on Crossdock.
PYTHON ?= $(shell command -v python3.11 >/dev/null 2>&1 && echo python3.11 || echo python3)
VENV   ?= .venv
BIN     = $(VENV)/bin

.PHONY: help install demo test lint bench bombs chaos stateful soak redrive mutate day erp lock clean

help:
	@echo 'make demo         set up, start everything on this machine and play the main job (ONCE=1 ends by itself)'
	@echo 'make test         set up and run the tests'
	@echo 'make install      make $(VENV) from the lock file'
	@echo 'make lint         ruff and mypy'
	@echo 'make bench        the benchmarks, as ratios'
	@echo 'make chaos        every fault point failed in every way, restarted and judged (ONLY=point SEED=n JOBS=n), an hour'
	@echo 'make stateful     many lives of a hub, judged after every step (EXAMPLES=2000 SEED=n)'
	@echo 'make redrive      10,000 dead letters put back at a rate, killed twice in the middle (LETTERS=n RATE=n), 5 minutes'
	@echo 'make soak         20 messages a second while database and workers are killed (MINUTES=30 REPORT=docs/soak.md)'
	@echo 'make mutate       golden X12 files cut, doubled, swapped and flipped, through the whole hub (SEED=n EACH=n)'
	@echo 'make day          a day of forty trading partners through the hub, against an oracle (SEED=n)'
	@echo 'make erp          run a real ERP (Tryton) beside the hub, and say how to connect it'
	@echo 'make lock         make requirements.lock again from pyproject.toml, and that of the ERP'
	@echo 'make clean        remove all of that: $(VENV), stores, and the folders of demonstrations (their mark: .crossdock-demo)'

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo '$(PYTHON) is not there or older than 3.11; install Python 3.11, or name one: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo 'installing what requirements.lock names into $(VENV): about two minutes, once, and quiet until it is done'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 --output-file requirements.lock
	$(BIN)/uv pip compile deploy/sandbox/tryton/requirements.in --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 --output-file deploy/sandbox/tryton/requirements.lock

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: install lint
	$(BIN)/python -B -m deploy.sandbox.tryton --prepare
	@# a third process has work while two wait for servers, programs and clocks
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: install
	$(BIN)/python -m tests.benchmarks

bombs: install
	$(BIN)/python -m tests.limits

chaos: install
	$(BIN)/python -m tests.chaos $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS))
	$(if $(ONLY),,$(BIN)/python -m tests.chaos.outside)

stateful: install
	$(BIN)/python -m tests.stateful $(if $(EXAMPLES),--examples $(EXAMPLES)) $(if $(SEED),--seed $(SEED))

redrive: install
	$(BIN)/python -m tests.desk.ten_thousand $(if $(LETTERS),--letters $(LETTERS)) $(if $(RATE),--rate $(RATE))

soak: install
	$(BIN)/python -m tests.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(REPORT),--report $(REPORT))

mutate: install
	$(BIN)/python -m tests.mutate --store $(if $(SEED),--seed $(SEED)) $(if $(EACH),--each $(EACH))

day: install
	$(BIN)/python -B -m deploy.sandbox.day $(if $(SEED),--seed $(SEED))

demo: install
	$(BIN)/python -B -m deploy.sandbox.demo $(if $(ONCE),--once)

erp: install
	$(BIN)/python -B -m deploy.sandbox.tryton

clean:
	rm -rf $(VENV) .crossdock .tryton build *.egg-info
	@for mark in demo*/.crossdock-demo; do \
	  if [ ! -f "$$mark" ]; then continue; fi; \
	  if command -v flock >/dev/null && ! flock -n "$$mark" true; then \
	    echo "$${mark%/*} is left: a demonstration is running in it"; continue; fi; \
	  echo "rm -rf $${mark%/*}"; rm -rf "$${mark%/*}"; done
