# The commands of the project. `make` prints them; CI calls the same ones.

.DEFAULT_GOAL := help
.PHONY: help build run demo flood package package-live packages check test e2e simulate fuzz bench bench-control bench-durable bench-forms bench-media bench-media-hour doc fmt clean

CALLS ?= 1000
SIP ?= 127.0.0.1:5060
SECONDS ?= 20
SEEDS ?= 10000
REPORT ?= target/bench-media-hour
RUNS ?= 1000000
STORE ?= target

help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build orbitd for production (target/release/orbitd)
	cargo build --release

run: ## Run orbitd on its embedded defaults until Ctrl-C
	cargo run --release

demo: ## Park CALLS (1000) callers of its own for SECONDS (20) and show what arrives
	cargo run --release -- demo --calls $(CALLS) --seconds $(SECONDS)

flood: ## Flood the server at SIP (127.0.0.1:5060) with CALLS (1000) parked calls for SECONDS (20)
	cargo run --release -p orbit-tools --bin rtpflood -- park --sip $(SIP) --calls $(CALLS) --hold $(SECONDS)

package: ## Build the Debian package (target/debian)
	@.ci/package

package-live: ## Try the Debian package under a systemd of its own, in a container (as root)
	@.ci/package-live "$$(.ci/package | tail -n 1)"

packages: ## Install the Debian packages of the real peers, where they are missing
	@.ci/packages

check: ## The fast subset while you work: format, clippy, house rules, unit tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --quiet --test tidy
	cargo test --quiet --workspace --lib

test: packages ## Every check of the project; the last line is "N passed, N failed"
	@.ci/test

e2e: packages ## Only the tests of the real binary with real peers (sipp, baresip, tshark)
	@.ci/test e2e

simulate: ## Run SEEDS (10000) seeds of the control plane's simulator
	ORBIT_SEEDS=$(SEEDS) cargo test --profile checked -p orbit-control --test simulator -- --nocapture

fuzz: ## Fuzz every parser for RUNS (1000000) inputs each
	tools/fuzz/run.sh --runs $(RUNS)

bench: ## Run the benchmarks
	cargo bench --workspace

bench-forms: ## Measure each form of sending between two network namespaces (root)
	tools/bench-forms.sh

bench-control: ## Measure parking and retrieving: control alone, then the whole server on one CPU (root)
	cargo test --release -p orbit-benches --test memory -- --nocapture
	cargo bench -p orbit-benches --bench control
	cargo build --release
	target/release/orbitd bed pairs --report target/bench-control

bench-durable: ## Measure with a store in STORE (target): pairs, adoption after a kill, the API's list, scrapes (root), in 4 minutes
	cargo build --release
	@failed=0; for bed in "pairs --store $(STORE)" "adopt --store $(STORE)" list scrape; do \
		target/release/orbitd bed $$bed --report target/bench-durable-$${bed%% *} || failed=1; \
	done; exit $$failed

bench-media: ## Judge the media path against bare loops in two network namespaces (root), within 10 minutes
	cargo build --release
	target/release/orbitd bed table --report target/bench-media

bench-media-hour: ## Park 5,000 calls for an hour in two network namespaces (root); writes REPORT.txt and .json
	cargo build --release
	target/release/orbitd bed hold --calls 5000 --seconds 3600 --send packet --report $(REPORT)

doc: ## Build the documentation of the code (target/doc)
	cargo doc --workspace --no-deps --document-private-items

fmt: ## Format the code
	cargo fmt --all

clean: ## Remove everything that was built
	cargo clean
