# `make` alone lists what there is. Every target installs what it needs first.
.DEFAULT_GOAL := help
.PHONY: help install run demo test sim fuzz soak bench bench-store lint docs build envoy jaeger schemas clean
MAKEFLAGS += --no-print-directory

# Node 24 comes with the packages; whatever node the machine has is used by npm alone.
node := node_modules/.bin/node

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

install: ## Install the npm packages, Node 24 among them
	@scripts/install.sh

demo: install envoy ## Postgres, Firebreak and a real Envoy, and the story told through them (STORY=tokens: what a stolen token is worth; KEEP=1: stay up)
	@$(node) demo/main.ts

run: install ## Postgres (embedded unless DATABASE_URL is set), migrations, server: no Envoy
	@$(node) demo/run.ts

test: install envoy ## Every test (ARGS="test/core" for some of them)
	@npm test --silent -- $(ARGS)

sim: install ## Many random storms over several servers and one store (RUNS=2000; a failure prints how to replay it)
	@SIM_RUNS=$(or $(RUNS),2000) npm test --silent -- test/sim/simulation

fuzz: install ## Bytes of every kind against decoder, decision and answer (CASES=1000000 or MINUTES; SEED, BYTES replay)
	@CASES=$(CASES) MINUTES=$(MINUTES) SEED=$(SEED) BYTES=$(BYTES) $(node) test/fuzz/main.ts

soak: install envoy ## Mixed traffic through Envoy with a fault every few seconds; memory must stay flat (MINUTES=10, SEED)
	@MINUTES=$(or $(MINUTES),10) SEED=$(SEED) $(node) test/soak/main.ts

bench: install ## Measure the decision, the check and the memory, each beside its baseline
	@npm run --silent bench -- $(ARGS)

bench-store: install ## Measure COMMIT to enforced, 1,000,000 policies and revocations, large migrations (ARGS=commit)
	@npm run --silent bench -- store $(ARGS)

lint: install ## Format, lint and type check
	@npm run --silent lint

docs: install ## Write the generated parts of docs/reference anew
	@$(node) scripts/docs.ts

build: install ## The publishable package
	@npm run --silent build

envoy: ## Fetch the Envoy binary (ENVOY_BIN overrides)
	@scripts/envoy.sh >/dev/null

jaeger: ## Build Jaeger for the tests that read traces back (JAEGER_BIN overrides; needs Go)
	@scripts/jaeger.sh >/dev/null

schemas: ## Fetch the schemas that the Kubernetes resources in envoy/ are tested against (needs Go)
	@scripts/kubernetes.sh >/dev/null

clean: ## Remove what was fetched, built and measured, but not node_modules
	@rm -rf .cache dist coverage
