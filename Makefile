# make            what can be done here
# make demo       play a week through the real pipeline (ONCE=1 ends after it)

GO          ?= go
LINTER      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME    ?= 20s
BODIES      ?= 1000000
DEMO_FLAGS  := $(if $(ONCE),--once)

.DEFAULT_GOAL := help
.PHONY: help build demo test race vet lint format layers check fuzz hostile bench benchbackfill benchall rules golden testtools clean

help: ## this text
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/sidedoor and bin/sidedoor-verify
	$(GO) build -trimpath -o bin/ ./cmd/...

demo: build ## a week of a small company, through the real pipeline (ONCE=1: exit afterwards)
	bin/sidedoor demo $(DEMO_FLAGS)

test: ## every test
	$(GO) test -timeout 30m ./...

race: ## every test, with the race detector
	$(GO) test -race -timeout 60m ./...

vet: ## go vet
	$(GO) vet ./...

lint: ## golangci-lint, as configured in .golangci.yml
	$(GO) run $(LINTER) run ./...

format: ## fail if gofmt would change a file
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }

layers: ## does every room import only what the table of rooms allows?
	$(GO) test ./internal/layers

check: format vet lint layers race ## all of it, before a commit is shown to anybody

rules: build ## the tests of every rule of the built-in pack
	bin/sidedoor rules test

fuzz: ## every fuzz target for FUZZTIME each
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzzminimizetime 2s -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

hostile: ## a million hostile bodies to each endpoint (BODIES=n: another number)
	SIDEDOOR_HOSTILE=$(BODIES) $(GO) test ./cmd/sidedoor -run TestNoBodyBringsAnEndpointDown -v -timeout 12h

bench: ## what the rules and taking events in cost, as tables against the floor; *.out keep them for benchstat
	$(GO) test -run '^$$' -bench . -benchmem -v -timeout 30m ./rules/engine > bench.out; awk -f rules/engine/bench.awk bench.out
	$(GO) test -run '^$$' -bench . -benchtime 5s -timeout 30m ./ingest > ingest.out; awk -f ingest/bench.awk ingest.out

benchbackfill: ## what a back-fill of a million CloudTrail records costs in time and memory
	$(GO) test -run '^$$' -bench Backfill -benchtime 1x -timeout 30m ./cmd/sidedoor

benchall: ## the benchmarks of every room
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m ./...

golden: ## rewrite the expected outputs of the command-line scripts, and docs/pack.md; review the diff like code
	SIDEDOOR_UPDATE_GOLDEN=1 $(GO) test ./cmd/sidedoor -run TestScripts
	SIDEDOOR_UPDATE_GOLDEN=1 $(GO) test ./rules/pack -run TestTheDocumentOfThePackIsTrue

# The real servers of internal/testserver have a module of their own, so that nothing of theirs gets into the product.
testtools: testtools/bin/versitygw testtools/bin/kube-apiserver ## build the servers that tests run against (minutes the first time)
	@command -v etcd >/dev/null || { echo "etcd is missing, and the Kubernetes API server needs it: install it (Debian: apt-get install etcd-server)" >&2; exit 1; }

testtools/bin/versitygw: tool := github.com/versity/versitygw/cmd/versitygw
testtools/bin/kube-apiserver: tool := k8s.io/kubernetes/cmd/kube-apiserver
# Without it the server says that it is v0.0.0, and charts refuse to be installed.
testtools/bin/kube-apiserver: stamp = -X k8s.io/component-base/version.gitVersion=$$($(GO) list -m -f '{{.Version}}' k8s.io/kubernetes)

# go build leaves a file alone that is up to date: touch tells make so.
testtools/bin/%: testtools/go.mod testtools/go.sum
	cd testtools && $(GO) build -trimpath -ldflags="-s -w $(stamp)" -o bin/$* $(tool)
	@touch $@

clean: ## remove what make made, but for the servers in testtools/bin, which take minutes
	rm -rf bin demo-data
