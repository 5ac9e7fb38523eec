# The whole developer interface. CI calls the same targets.
PYTHON ?= python3
BIN := .venv/bin
# One more than there are cores: tests of servers wait for them two fifths of the time.
JOBS ?= $(shell expr $$(nproc) + 1)

.PHONY: demo test check bench soak events count compile plain lock reference screenshots clean

# Set up once: an environment of our own, filled from the lock file, every package checked by hash.
$(BIN)/.ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Huidu needs Python 3.11 or newer; say make PYTHON=python3.x")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The hot path as native code, where there is a C compiler (ARCHITECTURE.md, "Compiled"). Does nothing
# where nothing changed; with PLAIN=1, for any target, all runs as plain Python.
compile: $(BIN)/.ready ## Compile the hot path in place.
	@$(BIN)/python -m native.build $(if $(PLAIN),--plain)

plain: $(BIN)/.ready ## Take what is compiled away, until the next target that compiles.
	@$(BIN)/python -m native.build --plain

demo: compile ## Play a gray release on real traffic; ONCE=1 checks it and leaves.
	@$(BIN)/python -m demo.story $(if $(ONCE),--once)

# What failed is run once more by itself: of ten thousand tests with real processes one may run out
# of time while others use the processors. Both runs are shown, and what is wrong fails in both.
test: compile ## The whole suite.
	@tests/needs
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS) || \
	  { test $$? -eq 1 && $(BIN)/python -m pytest --last-failed $(ARGS); }

check: $(BIN)/.ready ## Formatter, linter, type checker.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: compile ## Calls beside peers and ceilings, by turns in one run; ARGS=cold and others are other parts.
	@case "$(or $(ARGS),speed)" in *speed*|-*) bench/needs ;; esac
	@$(BIN)/python -m bench.run $(ARGS)

soak: compile ## A server under load for MINUTES=10, with releases and kills: does anything leak?
	@$(BIN)/python -m bench.soak --minutes $(or $(MINUTES),10) $(ARGS)

events: compile ## EVENTS=50000 under kills, moves and rollbacks: is any lost, or run twice?
	@$(BIN)/python -m bench.lossless --events $(or $(EVENTS),50000) $(ARGS)

count: compile ## CALLS=100000 with failures and a restart: is every number right?
	@$(BIN)/python -m bench.counted --calls $(or $(CALLS),100000)

reference: $(BIN)/.ready ## Write docs/reference.md from the table of actions.
	$(BIN)/huidu reference > docs/reference.md

lock: ## Resolve the dependencies anew (needs uv, and npm).
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links pyproject.toml --group dev -o requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate bench/pypi/requirements.in -o bench/pypi/requirements.lock
	cd bench/npm && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --silent

screenshots: compile ## Take the pictures in docs/images/console anew, of a server under load.
	@tests/needs
	@$(BIN)/python -m tests.gallery.pictures $(ARGS)

clean:
	rm -rf .venv .huidu .mypy_cache .ruff_cache .pytest_cache .hypothesis
