# PKG narrows what is tested, measured or fuzzed: make test PKG=./engine/...
PKG ?= ./...
export PKG

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS = -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# For make bench: which benchmarks (a regular expression), and how often each.
BENCH ?= .
COUNT ?= 6
# For make fuzz: how long each target, and which (a regular expression).
FUZZTIME ?= 30s
FUZZ ?= .
# For make soak: how long.
SOAK ?= 10m
# For make run: make run ARGS="import anime anime.csv"
ARGS ?=

.PHONY: help build run test setup lint generate cover bench fuzz secrets vuln chaos soak

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

build: ## build bin/reko, static and without what only a debugger reads
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $(LDFLAGS)" -o bin/reko ./cmd/reko

run: ## run reko from source, with ARGS
	go run -ldflags "$(LDFLAGS)" ./cmd/reko $(ARGS)

test: ## everything CI checks: generated files, format, vet, lint, tests with the race detector, allocations, benchmarks, fuzzing
	@scripts/test

setup: ## install what the tests need (Debian, as root), or say what to install
	@scripts/setup

lint: ## golangci-lint
	@scripts/lint

generate: ## write the generated files anew
	@scripts/setup
	go generate ./...

cover: ## coverage over all packages, as text and as bin/cover.html
	@mkdir -p bin
	scripts/with-services go test -coverpkg=./... -coverprofile=bin/cover.out $(PKG)
	go tool cover -html=bin/cover.out -o bin/cover.html
	go tool cover -func=bin/cover.out | tail -n 1

bench: ## benchmarks for benchstat: make -s bench PKG=./engine BENCH=Index COUNT=10 >new.txt
	@scripts/with-services go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 3h $(PKG)

fuzz: ## every fuzz target in turn, FUZZTIME each
	@scripts/fuzz '$(FUZZTIME)' '$(FUZZ)' $(PKG)

secrets: ## look for secrets in the tree
	@go run ./scripts/secretscan

vuln: ## known vulnerabilities in what we use (needs the vulnerability database, so CI does without)
	@scripts/vuln

chaos: ## break all that Reko relies on, for some ten minutes, and print what came of it
	@scripts/chaos Chaos Overload

soak: ## mixed traffic with faults at random, for SOAK (10m)
	@REKO_TEST_SOAK='$(SOAK)' scripts/chaos Soak
