# Everything needs only python3 (3.11 or newer) and make; each target creates what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

RECIPE ?= tiny
SPEC   ?= datasets_spec/vsp-$(RECIPE).yaml
# The official VSP test, if you have it: the folder that holds task-main.
VSP    ?= $(wildcard ../shared/data/vsp)

.PHONY: demo browse test drill lint quick up down status tiny-base clean

demo: $(VENV)/.installed  ## Mazes in, a trained and benchmarked latent model and its report out
	$(BIN)/python -m flows.end_to_end --spec $(SPEC) --recipe recipes/$(RECIPE).yaml $(if $(VSP),--test $(VSP))

browse: $(VENV)/.installed  ## Look at a data set in the browser: DATA=artifacts/dataset/DIGEST, or the newest one
	$(BIN)/python -m mirage_core.browse $(or $(DATA),$(shell ls -td artifacts/dataset/*/ 2>/dev/null | head -1),$(error no data set yet: make demo, or DATA=FOLDER))

test: lint  ## All tests but the drill, with those that train, start servers and run flows
	$(BIN)/pytest -m "not drill" -n 2 --dist loadfile --no-loadscope-reorder --durations 15

drill: $(VENV)/.installed  ## Nights whose flow, worker, trainer or server is killed: seven faults, ten minutes
	$(BIN)/pytest -m "" tests/test_night_faults.py

quick: $(VENV)/.installed  ## The tests that take less than a minute
	$(BIN)/pytest

lint: $(VENV)/.installed  ## What pre-commit checks too
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

up: $(VENV)/.installed  ## Prefect server, worker and deployments, in the background
	$(BIN)/python -m tasks.services up

down: $(VENV)/.installed  ## Stop them
	$(BIN)/python -m tasks.services down

status: $(VENV)/.installed  ## Are they running?
	$(BIN)/python -m tasks.services status

tiny-base: $(VENV)/.installed  ## Train the packaged base model anew (about an hour)
	$(BIN)/python -m flows.pretrain_tiny --recipe recipes/pretrain-tiny.yaml

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

clean:  ## Remove the environment and caches; artifacts stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache *.egg-info
