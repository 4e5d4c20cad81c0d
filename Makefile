# make demo | test | test-fast | parity | lint | table | finetune-table | emoji-table | infuse-table | zero-shot-table | photographs-table | beyond-signs-table | bench | peers | aot | golden | lock | clean. Needs Python 3.11 or newer with its venv module.
# Every target that runs something first brings .venv up to date; a second call costs nothing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
PARITY_VENV ?= .venv-parity
PEERS_VENV ?= .venv-peers
AOT_VENV ?= .venv-aot
RUN := $(VENV)/bin/python
KGV := $(VENV)/bin/kgv
PIP := $(RUN) -m pip --disable-pip-version-check --quiet
# Two workers suit two cores; XLA uses the rest of a larger machine by itself.
WORKERS ?= 2
PYTEST_ARGS ?=

# Compiled programs outlive a clone: a second `make test` is several times faster.
JAX_COMPILATION_CACHE_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kgv_jax/xla

.PHONY: help demo test test-fast parity lint table finetune-table emoji-table infuse-table zero-shot-table photographs-table beyond-signs-table bench peers aot golden lock clean

help:
	@sed -n '1,2s/^# //p' Makefile

# On Linux, glibc then asks the kernel for huge pages: a CPU step waits less for its temporaries. Numbers do not change.
# It is read before a program starts, so it is set here. GLIBC_TUNABLES= (empty) leaves it out.
TRAINS := demo table finetune-table emoji-table infuse-table zero-shot-table photographs-table beyond-signs-table bench
$(TRAINS): export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1
# Compiled programs are kept for the next run of the same shapes.
$(TRAINS): export JAX_COMPILATION_CACHE_DIR := $(JAX_COMPILATION_CACHE_DIR)

# Cross-entropy, KGV with composed signs, and the same with wrong facts: one table, one sentence.
demo: $(VENV)/.stamp-run
	@mkdir -p -m 700 "$(JAX_COMPILATION_CACHE_DIR)"
	$(KGV) demo

test: export JAX_COMPILATION_CACHE_DIR := $(JAX_COMPILATION_CACHE_DIR)
test: $(VENV)/.stamp-dev
	@mkdir -p -m 700 "$(JAX_COMPILATION_CACHE_DIR)"
	$(RUN) -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

# The quick part: under 3 minutes on two cores. What it leaves out is marked `slow` (tests/conftest.py).
test-fast: export JAX_COMPILATION_CACHE_DIR := $(JAX_COMPILATION_CACHE_DIR)
test-fast: $(VENV)/.stamp-dev
	@mkdir -p -m 700 "$(JAX_COMPILATION_CACHE_DIR)"
	$(RUN) -m pytest -n $(WORKERS) --dist loadfile -m "not slow" $(PYTEST_ARGS)

# Every encoder against the torch model that it takes its weights from. 6 GB of references in a place of their own.
parity: export JAX_COMPILATION_CACHE_DIR := $(JAX_COMPILATION_CACHE_DIR)
parity: $(PARITY_VENV)/.stamp-parity
	@mkdir -p -m 700 "$(JAX_COMPILATION_CACHE_DIR)"
	$(PARITY_VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile -W ignore $(PYTEST_ARGS) tests/parity

lint: $(VENV)/.stamp-dev
	$(RUN) -m ruff check .

# Every method but the ablations of infuse (27) on the sign artwork: 206 runs, three hours on two cores; cut off, it goes on
# where it was.
BASELINES := ebv,supcon,simclr,ale,hxe,soft_labels,kgnn,gcnz,sgcn,dgp,infuse
ABLATIONS := kgv_vector,kgv_no_synthetic,kgv_hierarchy,kgv_association
CONTROLS := attribute_bce_elements,shuffled_kg_no_synthetic,random_attributes
FEW_SHOT := --shots=4 --shot_methods=ce,kgv,kgnn,dgp
FIVE_SEEDS := ce:5,attribute_bce:5,kgv:5,shuffled_kg:5,kgv_compose:5,kgv_compose_labelled:5,ce_compose_labelled:5
THREE_SEEDS := attribute_bce_compose,shuffled_kg_compose,$(CONTROLS),$(ABLATIONS),$(BASELINES)
table: $(VENV)/.stamp-run
	$(KGV) prepare roadsigns
	$(KGV) compare --config=configs/roadsigns.py:artwork --workdir=runs/table \
	  --methods=$(FIVE_SEEDS),$(THREE_SEEDS) --seeds=3 --fractions=1,0.1 $(FEW_SHOT)

# The README's table of published weights: 21 runs of EfficientNet-Lite0, about an hour on two cores.
finetune-table: $(VENV)/.stamp-run
	$(KGV) prepare roadsigns
	$(KGV) compare --config=configs/finetune.py:linear_probe --workdir=runs/finetune/linear_probe \
	  --methods=ce,kgv,kgv_compose --seeds=3
	$(KGV) compare --config=configs/finetune.py:full --workdir=runs/finetune/full \
	  --methods=ce,kgv,kgv_compose,shuffled_kg_compose --seeds=3

# Emoji by other artists, every method but the ablations of infuse and what needs compositions (22): 176 runs, two hours on two
# cores; a minute or two from benchmarks/outcomes/emoji.tar.xz.
EMOJI_FIVE := ce:5,attribute_bce:5,attribute_bce_elements:5,kgv:5,shuffled_kg:5,shuffled_kg_no_synthetic:5,random_attributes:5
emoji-table: $(VENV)/.stamp-run
	$(KGV) prepare emoji
	$(KGV) compare --config=configs/emoji.py --workdir=runs/emoji \
	  --methods=$(EMOJI_FIVE),$(ABLATIONS),$(BASELINES) --seeds=3 --fractions=1,0.1 $(FEW_SHOT)

# Knowledge injection: scales alone, pairs, all, and controls: 66 runs, about an hour and a half on two cores.
INFUSE_ONE := infuse_triples,infuse_graph,infuse_description
INFUSE_TWO := infuse_triples_graph,infuse_triples_description,infuse_graph_description
INFUSE_ALL := ce,$(INFUSE_ONE),$(INFUSE_TWO),infuse,infuse_taps,infuse_frozen,infuse_random
infuse-table: $(VENV)/.stamp-run
	$(KGV) prepare roadsigns
	$(KGV) prepare emoji
	$(KGV) compare --config=configs/infuse.py:roadsigns --workdir=runs/infuse/roadsigns \
	  --methods=$(INFUSE_ALL) --seeds=3
	$(KGV) compare --config=configs/infuse.py:emoji --workdir=runs/infuse/emoji \
	  --methods=$(INFUSE_ALL) --seeds=3

# Photographs of road signs, ROOT with GTSRB and the sets of TARGETS as published (docs/data.md): 200 runs of two minutes on a core.
# Nothing is trained again that is finished in runs/photographs, or unpacked there from benchmarks/outcomes/photographs.tar.xz.
TARGETS ?= cn
PHOTO_FIVE := kgv:5,shuffled_kg:5,attribute_bce_elements:5,ce_compose_labelled:5,kgv_compose_labelled:5,shuffled_kg_compose_labelled:5
PHOTO_THREE := ce,attribute_bce,soft_labels,ebv,supcon,kgnn,dgp,infuse,kgv_vector,kgv_compose,shuffled_kg_compose,attribute_bce_compose
ORACLES := oracle_1,oracle_2,oracle_4,oracle_8,oracle_16,oracle_all,oracle_1_compose,oracle_4_compose,oracle_16_compose,oracle_all_compose
photographs-table: $(VENV)/.stamp-run
	@test -n "$(ROOT)" || { echo "Say where the photographs are: make photographs-table ROOT=FOLDER (docs/data.md)." >&2; exit 2; }
	$(KGV) compare --config=road_photographs:small --config.data.root=$(ROOT) --config.data.targets=$(TARGETS) \
	  --workdir=runs/photographs --methods=$(PHOTO_FIVE),$(PHOTO_THREE) --seeds=3 --fractions=1,0.1 \
	  --whole_methods=$(ORACLES),ce_compose_alone

# Classes without images: seen, unseen, their harmonic mean and curve; 84 runs, over an hour on two cores, minutes from benchmarks/outcomes.
ZERO_SHOT := ce,infuse,attribute_bce,ale,gcnz,sgcn,dgp,kgnn,kgv,kgv_no_synthetic,shuffled_kg
ZERO_SHOT_COMPOSED := kgv_compose,attribute_bce_compose,shuffled_kg_compose
zero-shot-table: $(VENV)/.stamp-run
	$(KGV) prepare roadsigns
	$(KGV) prepare emoji
	$(KGV) compare --config=configs/zero_shot.py:artwork --workdir=runs/zero-shot/artwork \
	  --methods=$(ZERO_SHOT),$(ZERO_SHOT_COMPOSED) --seeds=3
	$(KGV) compare --config=configs/zero_shot.py:artwork --workdir=runs/zero-shot/artwork-composed \
	  --methods=$(ZERO_SHOT_COMPOSED) --seeds=3 --config.zero_shot.compositions=True
	$(KGV) compare --config=configs/zero_shot.py:emoji --workdir=runs/zero-shot/emoji \
	  --methods=$(ZERO_SHOT) --seeds=3

# Photographs to cartoons and sketches (PACS): 12 runs, half an hour on one core; a minute from benchmarks/outcomes/pacs.tar.xz.
PACS ?= runs/PACS
BEYOND := kgv,shuffled_kg,attribute_bce_elements,ce
beyond-signs-table: runs/beyond-signs/icons/manifest.csv
	$(KGV) compare --config=configs/pacs.py --config.data.root=$(PACS) --workdir=runs/beyond-signs/pacs \
	  --config.synthetic.manifest=runs/beyond-signs/icons --methods=$(BEYOND) --seeds=3

# Icons of other things than the classes.
runs/beyond-signs/icons/manifest.csv: | $(VENV)/.stamp-run
	$(KGV) prepare icons --graph=pacs --types=Relative,Part --out=$(@D)

# One JSON line per figure, each against a named peer; docs/benchmarks.md is the table. `make bench ONLY=score` runs one.
bench: export KGV_PEERS_PYTHON ?= $(PEERS_VENV)/bin/python
bench: $(VENV)/.stamp-run
	$(RUN) -m benchmarks.run_all $(ONLY)

# What the benchmarks compare with: 7 GB of torch, TensorFlow and PyKEEN in a place of their own.
peers: $(PEERS_VENV)/.stamp-peers

# The training step compiled for slices of TPU that are not here: docs/aot.md. About 5 minutes per case with an encoder;
# what has not changed is not compiled again. `make aot ONLY="none kgv"` takes the cases that match.
aot: $(AOT_VENV)/.stamp-aot
	$(AOT_VENV)/bin/python -m benchmarks.aot $(if $(ONLY),--only "$(ONLY)")

# Maintainers: after a change of a tiny test encoder or of tests/golden/make.py.
golden: $(PARITY_VENV)/.stamp-parity
	$(PARITY_VENV)/bin/python -m tests.golden.make

# Maintainers: after a change of requirements.txt or pyproject.toml. Needs uv.
UV_COMPILE := uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet
lock:
	$(UV_COMPILE) --group build --output-file requirements-build.lock
	$(UV_COMPILE) pyproject.toml --extra all --output-file requirements.lock
	$(UV_COMPILE) pyproject.toml --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) $(PARITY_VENV) $(PEERS_VENV) $(AOT_VENV) build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: '$(PYTHON)' is not Python 3.11 or newer; install it (Debian 12: apt-get install python3) or name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: '$(PYTHON)' has no venv module; install it (Debian, Ubuntu: apt-get install python3-venv) and call make again" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Runs commands whose output is shown only if they fail: pip warns of what does not matter here.
define quietly
@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; { $(1) ; } >"$$log" 2>&1 || { cat "$$log" >&2; exit 1; }
endef

# By hash: first what builds (one dependency comes as source only), then the lock. Last the package itself, in place.
$(VENV)/.stamp-%: requirements-build.lock | $(VENV)/bin/python
	@echo "Installing into $(VENV) ..."
	$(call quietly,$(PIP) install --require-hashes --requirement requirements-build.lock && \
	  $(PIP) install --require-hashes --no-build-isolation --use-pep517 --requirement $(LOCK) && \
	  $(PIP) install --no-deps --no-build-isolation --editable .)
	@touch $@

$(VENV)/.stamp-run: LOCK := requirements.lock
$(VENV)/.stamp-dev: LOCK := requirements-dev.lock
$(VENV)/.stamp-run: requirements.lock pyproject.toml
$(VENV)/.stamp-dev: requirements-dev.lock pyproject.toml

$(PARITY_VENV)/.stamp-parity: tests/parity/requirements.txt requirements-dev.lock pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(PARITY_VENV) $(PARITY_VENV)/.stamp-dev
	$(call quietly,$(PARITY_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<)
	@touch $@

# Without jax: a figure's two sides share no package that the other's would change.
$(AOT_VENV)/.stamp-aot: benchmarks/aot/requirements.txt requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(AOT_VENV) $(AOT_VENV)/.stamp-run
	$(call quietly,$(AOT_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<)
	@touch $@

$(PEERS_VENV)/.stamp-peers: benchmarks/peers/requirements.txt
	@$(MAKE) --no-print-directory VENV=$(PEERS_VENV) $(PEERS_VENV)/bin/python
	$(call quietly,$(PEERS_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<)
	@touch $@
