# Copyright 2026 The goxnu Authors. All rights reserved.
# Use of this source code is governed by a BSD-style
# license that can be found in the LICENSE file.

# make help prints the comments that begin with ##: of a group, and behind a target.

# The user's go settings must not reach the toolchain's own commands.
RUN = env -u GOROOT -u GOFLAGS -u GOTOOLCHAIN -u GOOS -u GOARCH -u GOENV -u GO111MODULE -u GOWORK \
	-u GOEXPERIMENT -u GOBIN -u GODEBUG -u CGO_ENABLED GOENV=off PATH="$(CURDIR)/goroot/bin:$$PATH"

# xtest runs the tests. Flags of its own go into ARGS; xtest SUBCOMMAND -h lists them.
XTEST = cd misc && $(RUN) go run ./xtest
SELECT = $(if $(GOARCH),-arch=$(GOARCH)) $(if $(XNU),-xnu='$(XNU)') $(if $(T),-run='$(T)') $(ARGS)

.PHONY: all build sync runner smoke test test-one test-std test-releases test-signals test-fault test-conform test-mutants \
	test-real test-selfhost test-repro stress check generate bench list clean help

all: build smoke

## Build

build: ## compose and build the toolchain in goroot/; once that is done, only what changed
	@if [ -f goroot/pkg/goxnu-built ]; then src/make.bash --sync; else src/make.bash; fi
	@$(MAKE) --no-print-directory runner

sync: ## bring edits of the overlay into a built goroot/, in seconds
	@src/make.bash --sync
	@$(MAKE) --no-print-directory runner

# go run and go test find the runner on PATH when they cross to darwin, by
# the port's name; it is one program.
runner: ## build the runner alone
	@cd misc && $(RUN) go build -trimpath -buildmode=pie -o ../goroot/bin/go_darwin_amd64_exec ./go_darwin_exec
	@ln -f goroot/bin/go_darwin_amd64_exec goroot/bin/go_darwin_386_exec

list: ## list what the fork changes, with reasons
	@src/make.bash --list

clean: ## remove what make made
	@src/clean.bash

## Test. GOARCH=amd64|386, XNU='10.6 15'|all, T=regexp of names, ARGS='flags of xtest'

smoke: ## build and run real programs for both ports; the last step of make
	@$(XTEST) smoke $(SELECT)

test: ## what CI runs; ARGS='graft misc' runs some suites only
	@$(XTEST) all $(ARGS)

test-one: ## one program of test/, or one test of std: T=sigstorm, T=os/signal.TestStop
	@$(RUN) GOOS=darwin GOARCH=$(or $(GOARCH),amd64) $(if $(XNU),GOXNU_RUNNER='-xnu $(XNU)') sh -c 'case $$1 in \
		"") echo "make test-one: T is missing: T=sigstorm or T=os/signal.TestStop" >&2; exit 2;; \
		*.Test*) cd goroot/src && go test -count=1 -vet=off -v -run "^$${1##*.}$$" "$${1%.*}";; \
		*) go run "test/$$1.go" && echo "ok $$1";; esac' sh '$(T)'

test-std: ## upstream's tests of the standard library and of its test/: [PKG=patterns] [LONG=1] [ARGS=-ratio]
	@$(XTEST) std -pkg='$(or $(PKG),std cmd/internal/testdir)' $(if $(LONG),-long) $(SELECT)

test-releases: ## what of std depends on the release, under each: [PKG=os]
	@$(XTEST) releases -xnu='$(or $(XNU),all)' -pkg='$(PKG)' $(filter-out -xnu=%,$(SELECT))

test-signals: ## the tests about signals, threads and clocks, release by release: [LONG=1] [COUNT=n] [FAULT=seed]
	@$(XTEST) signals $(if $(FAULT),-fault $(FAULT)) $(if $(LONG),-long) -count $(or $(COUNT),1) $(SELECT)

test-conform: ## the conformance tests of the kernel that the runner is
	@$(XTEST) conform $(SELECT)

test-fault: ## upstream's tests under fault injection: [SEEDS=n] [SEED=first] [PKG=packages] [KINDS=a+b]
	@$(XTEST) fault -seeds=$(or $(SEEDS),3) -seed=$(or $(SEED),1) -pkg='$(PKG)' $(if $(KINDS),-kinds='$(KINDS)') $(if $(LONG),-long) $(SELECT)

test-mutants: ## see the tests fail, mutation by mutation
	@$(XTEST) mutants $(filter-out -xnu=%,$(SELECT))

test-real: ## build and use well-known programs from the module proxy
	@$(XTEST) real $(SELECT)

test-selfhost: ## build std by the toolchain built for darwin, under the runner, and compare every byte
	@$(XTEST) selfhost -long $(SELECT)

test-repro: ## build twice elsewhere and compare every byte (slow)
	@src/cmd/graft/testdata/repro.bash

stress: ## a darwin program under a load of signals: [TIME=1h] [SEED=n] [FAULT=items] [NATIVE=1]
	@$(XTEST) stress -time $(or $(TIME),60s) $(if $(SEED),-seed $(SEED)) $(if $(FAULT),-fault '$(FAULT)') $(if $(NATIVE),-native) $(SELECT)

check: ## vet, gofmt, generated files, documents: what a commit must pass, in a minute
	@cd misc && $(RUN) go vet ./... && $(RUN) go run ./check

## Measure and generate

bench: ## measure darwin programs under the runner against native ones: [COUNT=3] [ARGS='-o FILE']
	@$(XTEST) bench -count $(or $(COUNT),3) $(filter-out -xnu=%,$(SELECT))

generate: ## make the files again that follow from the tables in lib/
	@cd misc && $(RUN) go run ./mkxnu
	@$(XTEST) tables

help: ## print this list
	@awk '/^## /{sub(/^## /,""); printf "\n%s\n", $$0} \
		/^[a-z-]+:.*## /{name=$$1; sub(/:$$/,"",name); sub(/^[^#]*## /,""); printf "  make %-14s %s\n", name, $$0}' $(firstword $(MAKEFILE_LIST))
