# `make test` checks everything, quickest first. Every step is a target of its own as well.
# All that is fetched or built lands below target/, node_modules/ and tests/clients/.

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
export PATH := $(TARGET)/tools/bin:$(PATH)

.PHONY: test tools fmt scripts unit-file pure deny lint doc unit clients compare pages package container fuzz sbom deb image
# One after the other: each step shows its own output, and cargo uses every core by itself.
.NOTPARALLEL:

test: tools fmt scripts unit-file pure deny lint doc unit clients compare pages package container
	@echo 'Everything that can be checked here is checked.'

# What the other steps need and this machine lacks.
tools:
	tests/setup.sh

fmt:
	cargo fmt --check

scripts:
	@if command -v shellcheck >/dev/null; then \
	    set -x; shellcheck .ci/run packaging/*.sh packaging/deb/* benches/*.sh benches/compare/*.sh tests/*.sh tests/package/*.sh tests/clients/*.sh tests/pages/*.sh; \
	else \
	    echo 'SKIPPED: the shell scripts are not checked, this machine has no shellcheck'; \
	fi

unit-file:
	tests/unit-file.sh

# The rules and the wire protocol stay pure, since nothing they depend on can do I/O; and no crate depends on one above it.
pure:
	tests/walls.py

# Known faults in what we depend on, where the database of them can be had; where not, it says so.
deny:
	cargo deny --log-level error check bans licenses sources
	@mkdir -p $(TARGET)
	@if timeout 120 cargo deny fetch db >$(TARGET)/advisories.log 2>&1; then \
	    set -x; cargo deny --log-level error check --disable-fetch advisories; \
	else \
	    tail -3 $(TARGET)/advisories.log; \
	    echo 'SKIPPED: the advisories are not checked, their database cannot be reached from here'; \
	fi

lint:
	cargo clippy --locked --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps

unit:
	cargo test --locked --workspace

# The program `unit` has built: the same flags, so nothing is built twice.
clients:
	cargo test --locked --workspace --no-run
	tests/clients/setup.sh
	WULIN_BIN=$(TARGET)/debug/wulin node --test tests/clients/run.mjs

# What the benches compare with, played on once: nothing is measured.
compare:
	node --test benches/compare/*.test.mjs
	cargo test --locked --workspace --no-run
	WULIN=$(TARGET)/debug/wulin ECHO=$(TARGET)/debug/examples/echo benches/compare/run.sh check

# The page in Chromium and the Mini Program in Tencent's component framework, both against the program, and the types of
# both.
pages:
	cargo test --locked --workspace --no-run
	tests/clients/setup.sh
	tests/pages/setup.sh
	npm run --silent types
	WULIN_BIN=$(TARGET)/debug/wulin node --test tests/pages/*.test.mjs tests/pages/*/*.test.mjs

# The Debian package under a systemd that boots for it: installed, played on, restarted and upgraded under load, purged.
package:
	cargo test --locked --workspace --no-run
	WULIN_BIN=$(TARGET)/debug/wulin tests/package.sh

# The container image, made with the program that is already built, and run.
container:
	cargo test --locked --workspace --no-run
	tests/dockerfile.sh
	WULIN_BIN=$(TARGET)/debug/wulin tests/image.sh

# Every decoder that reads a stranger's bytes, FUZZ_TIME seconds each; not part of `make test`. A compiler of any channel will do,
# since nothing is built with sanitizers: there is no unsafe code of ours for them to watch.
FUZZ_TIME ?= 60
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
fuzz:
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked --root $(TARGET)/tools cargo-fuzz
	@set -ex; for target in $(FUZZ_TARGETS); do \
	    mkdir -p $(TARGET)/fuzz/corpus/$$target $(TARGET)/fuzz/found; \
	    cargo fuzz run --sanitizer none --target-dir $(TARGET)/fuzz/build $$target \
	        $(TARGET)/fuzz/corpus/$$target fuzz/seeds/$$target -- \
	        -max_total_time=$(FUZZ_TIME) -max_len=16384 -timeout=10 -rss_limit_mb=1024 -artifact_prefix=$(TARGET)/fuzz/found/; \
	done

# What the program is made of, as CycloneDX.
sbom:
	@mkdir -p $(TARGET)
	packaging/sbom.py > $(TARGET)/bom.cdx.json

# The Debian package, into target/debian/.
deb: sbom
	cargo build --release --locked
	BOM=$(TARGET)/bom.cdx.json packaging/deb.sh $(TARGET)/release/wulin $(TARGET)/debian

# The container image: `wulin` in the store of docker or podman, and target/image/wulin.tar to load on another machine.
# Podman leaves the health check out of images in its own format.
ENGINE ?= $(shell command -v docker || command -v podman)
image:
	@test -n '$(ENGINE)' || { echo 'There is neither docker nor podman to make the image with.'; exit 1; }
	BUILDAH_FORMAT=docker $(ENGINE) build --tag wulin .
	@mkdir -p $(TARGET)/image
	@rm -f $(TARGET)/image/wulin.tar
	$(ENGINE) save --output $(TARGET)/image/wulin.tar wulin
