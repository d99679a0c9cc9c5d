# Copyright 2026 The goxnu Authors. All rights reserved.
# Use of this source code is governed by a BSD-style
# license that can be found in the LICENSE file.

# The user's go settings must not reach the toolchain's own commands.
RUN = env -u GOROOT -u GOFLAGS -u GOTOOLCHAIN -u GOOS -u GOARCH -u GOENV -u GO111MODULE -u GOWORK \
	-u GOEXPERIMENT -u GOBIN -u GODEBUG -u CGO_ENABLED GOENV=off PATH="$(CURDIR)/goroot/bin:$$PATH"

.PHONY: all build sync runner show test test-std test-releases test-signals test-rude test-mutants test-real test-selfhost test-repro storm generate bench list clean help

all: build show

# Compose and build. Once that is done only changes are brought in.
build:
	@if [ -f goroot/pkg/goxnu-built ]; then src/make.bash --sync; else src/make.bash; fi
	@$(MAKE) --no-print-directory runner

sync:
	@src/make.bash --sync
	@$(MAKE) --no-print-directory runner

# go run and go test find the runner on PATH when they cross to darwin, by
# the port's name; it is one program.
runner:
	@cd misc && $(RUN) go build -trimpath -buildmode=pie -o ../goroot/bin/go_darwin_amd64_exec ./go_darwin_exec
	@ln -f goroot/bin/go_darwin_amd64_exec goroot/bin/go_darwin_386_exec

show:
	@cd misc && $(RUN) go run ./show

# make test ARGS='-long std' runs one suite in full; misc/testall says more.
test:
	@cd misc && $(RUN) go run ./testall $(ARGS)

# Upstream's tests of the whole standard library, and its test/ directory, for
# one port: GOARCH=386.
test-std:
	@cd misc && $(RUN) go run ./testall -arch=$(or $(GOARCH),amd64) $(if $(XNU),-xnu=$(XNU)) $(if $(LONG),-long) \
		-pkg='$(or $(PKG),std cmd/internal/testdir)' $(ARGS) std

# The part of std that depends on the release of the system: XNU='10.6 15', PKG='os net'.
test-releases:
	@cd misc && $(RUN) go run ./testall -arch=$(or $(GOARCH),amd64) -xnu='$(or $(XNU),all)' -pkg='$(PKG)' $(ARGS) releases

# The tests about signals, threads and clocks, release by release: XNU=all or
# XNU='10.6 15', COUNT=n times each, GOARCH=amd64, 386 or all, ONLY=regexp of names,
# RUDE=seed for injections (doc/rude.md), LONG=1 with the counts of each bug's history.
test-signals:
	@cd misc && $(RUN) go run ./testsignals -arch $(or $(GOARCH),amd64) $(if $(XNU),-xnu '$(XNU)') $(if $(RUDE),-rude $(RUDE)) $(if $(LONG),-long) \
		-count $(or $(COUNT),1) -run '$(ONLY)' $(ARGS)

# Upstream's tests with a kernel that does what it may do and seldom does:
# SEEDS=n seeds from SEED=n on, PKG=packages, KINDS=eintr-fs+emfile for these only;
# doc/rude.md says how to go on.
test-rude:
	@cd misc && $(RUN) go run ./testall -arch=$(or $(GOARCH),amd64) $(if $(XNU),-xnu=$(XNU)) $(if $(LONG),-long) \
		-seeds=$(or $(SEEDS),3) -seed=$(or $(SEED),1) -pkg='$(PKG)' $(if $(KINDS),-kinds='$(KINDS)') $(ARGS) rude

# Well-known programs and libraries from the module proxy: ONLY=regexp of names.
test-real:
	@cd misc && $(RUN) go run ./testall -only '$(ONLY)' $(if $(XNU),-xnu=$(XNU)) $(ARGS) real

# See them fail: every mistake of lib/signals/mutants.tsv, one after the other.
test-mutants:
	@cd misc && $(RUN) go run ./testsignals -arch $(or $(GOARCH),amd64) -mutants -run '$(ONLY)' $(ARGS)

# Threads, collections, profiles, executions and senders at once: TIME=1h,
# SEED=n, XNU='10.6 15', RUDE=seed=1 for injections (doc/rude.md). NATIVE=1 runs the program on Linux, for comparison.
storm:
	@cd misc && $(RUN) go run ./storm -arch $(or $(GOARCH),amd64) -time $(or $(TIME),60s) $(if $(SEED),-seed $(SEED)) \
		$(if $(XNU),-xnu '$(XNU)') $(if $(RUDE),-rude '$(RUDE)') $(if $(NATIVE),-native)

# The toolchain, built for the host darwin/amd64, builds all of std under the runner.
test-selfhost:
	@cd misc && $(RUN) go run ./testall $(if $(XNU),-xnu=$(XNU)) -long selfhost

test-repro:
	@src/cmd/graft/testdata/repro.bash

generate:
	@cd misc && $(RUN) go run ./mkxnu && $(RUN) go run ./testsignals -table && $(RUN) go run ./rules -table

bench:
	@cd misc && $(RUN) go run ./bench -arch $(or $(GOARCH),amd64) $(ARGS)

list:
	@src/make.bash --list

clean:
	@src/clean.bash

help:
	@echo 'make             build the toolchain in goroot/ and show what it does'
	@echo 'make sync        bring edits of the overlay into a built goroot/, in seconds'
	@echo 'make test        test it; make test ARGS=graft runs one suite'
	@echo 'make test-std    upstream'"'"'s tests of all of std: [GOARCH=386] [PKG=pattern] [LONG=1] [XNU=10.6] [ARGS=-ratio]'
	@echo 'make test-releases what of std depends on the release, under each: [XNU='"'10.6 15'"'] [PKG=os]'
	@echo 'make test-signals run the tests about signals under several releases of XNU: [GOARCH=all] [XNU=all] [LONG=1]'
	@echo 'make test-rude   upstream'"'"'s tests while the kernel is rude: [SEEDS=n] [SEED=first] [PKG=packages] [KINDS=a+b] [GOARCH=386]'
	@echo 'make test-mutants see them fail, mistake by mistake'
	@echo 'make storm       a darwin program in a storm of signals: [TIME=1h] [SEED=n] [XNU=...] [NATIVE=1]'
	@echo 'make test-selfhost build std by the toolchain built for darwin, under the runner, and compare to the last byte'
	@echo 'make test-real   build and use well-known programs from the module proxy: [ONLY=name]'
	@echo 'make test-repro  build twice elsewhere and compare to the last byte (slow)'
	@echo 'make generate    make the files again that follow from lib/xnu'
	@echo 'make bench       measure darwin programs under the runner against native ones: [GOARCH=386]'
	@echo 'make list        list what the fork changes, with reasons'
	@echo 'make clean       remove what make made'
