# What a person does with this checkout. `make` or `make help` lists it.
# Everything runs from a fresh clone on Debian 12 with Rust; see xtask/ for what is behind it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build check fmt test test-core test-it test-telephony fuzz sim mutants soak bench-functions bench-dispatch bench-api demo db stop clean

# One selection of packages and one profile everywhere, so that nothing is compiled twice.
# A server with RUST_BACKTRACE would send backtraces to its clients.
unexport RUST_BACKTRACE
step = printf '\n== %s (%d s so far)\n' "$(1)" "$$(( $$(date +%s) - $(STARTED) ))" >&2
summary = awk '/^test .*FAILED$$/ { print "  failed: " $$2 } /^test result/ { passed += $$4; failed += $$6; groups++ } \
	END { printf "\n== %d tests passed, %d failed, in %d groups\n", passed, failed, groups }' target/test.log
STARTED ?= $(shell date +%s)
STARTED := $(STARTED)
export STARTED

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing (Debian packages; asks for sudo unless root)
	@$(call step,setting up)
	@xtask/setup.sh

build: ## compile the whole workspace
	@$(call step,building)
	@cargo build --workspace --all-targets

fmt: ## format the code
	@cargo fmt --all

check: ## formatting and lints, as CI demands them
	@$(call step,checking format)
	@cargo fmt --all --check
	@$(call step,checking lints)
	@cargo clippy --workspace --all-targets -- -D warnings

test: ## everything: set-up, checks, build, and all tests beside a private Postgres server
	@$(MAKE) --no-print-directory setup
	@$(MAKE) --no-print-directory check
	@$(call step,building)
	@cargo build --workspace
	@$(call step,testing beside a private Postgres server)
	@mkdir -p target
	@status=0; cargo xtask with-pg -- cargo test --workspace --no-fail-fast 2>&1 | tee target/test.log || status=$$?; \
		$(summary); exit $$status
	@$(call step,everything passed)

test-core: ## only what needs no Postgres: calendars, ladders, caps, recurrence
	@cargo test -p dialer_core

test-it: ## only the tests against Postgres
	@cargo xtask with-pg -- cargo test --workspace --test it

test-telephony: ## only the tests that make real telephone calls, over an Asterisk of their own
	@$(MAKE) --no-print-directory setup
	@cargo build --workspace
	@cargo xtask with-pg -- cargo test --workspace --test telephony -- --nocapture

fuzz: ## mutated texts for every parser: make fuzz FUZZ_SECONDS=600 FUZZ_SEED=7 (seconds each, seed to begin with)
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) FUZZ_SEED=$(or $(FUZZ_SEED),1) \
		cargo test -p dialer_core --test fuzz

sim: ## the simulation with other seeds: make sim SEED=7, or SEED=100-140, and FOCUS=Law
	@SEED=$(or $(SEED),1) cargo xtask with-pg -- cargo test --workspace --test sim -- --nocapture

mutants: ## has the simulation teeth? Fifty seeded defects, each of which it has to find (MUTANT=token, FOCUS=Law: only those)
	@cargo xtask with-pg -- cargo test --workspace --test sim -- --nocapture mutants

soak: ## the long proofs: 5,000 calls among kills, crashes and cuts (SEED=7 for other faults; 20 minutes at most)
	@$(MAKE) --no-print-directory setup
	@cargo build --workspace
	@SOAK=1 SEED=$(or $(SEED),$(shell date +%s)) timeout --foreground 1200 \
		cargo xtask with-pg -- cargo test --workspace --test processes -- --nocapture storm:: rate::

bench-functions: ## what the functions cost, each beside a rival in the same run (release build)
	@$(MAKE) --no-print-directory setup
	@cargo bench -p dialer_core --bench next_open
	@cargo xtask with-pg --release --durable -- target/release/bench-functions

bench-dispatch: ## what claim, intend and settle sustain, beside rival queues; how late a provider hears of a call (release build)
	@$(MAKE) --no-print-directory setup
	@cargo xtask with-pg --release --durable -- target/release/bench-dispatch
	@cargo xtask with-pg --release --durable -- target/release/bench-latency

bench-api: ## what the REST API costs over HTTP (release build)
	@$(MAKE) --no-print-directory setup
	@cargo xtask with-pg --release --durable -- target/release/bench-api

demo: ## a campaign of several days in two minutes, judged and reported (DEMO_EXIT=1: ends by itself)
	@$(MAKE) --no-print-directory setup
	@$(call step,building)
	@cargo build --workspace
	@cargo xtask demo

db: ## start or reuse the private server, make a database, print its URL as the last line
	@xtask/setup.sh
	@cargo xtask db

stop: ## end what make started
	@cargo xtask stop

clean: stop ## end what make started, and remove everything that was built
	@cargo clean
