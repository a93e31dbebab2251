# `make test` checks everything, quickest first. Every step is a target of its own as well.
# All that is fetched or built lands below target/, node_modules/ and tests/clients/.

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
export PATH := $(TARGET)/tools/bin:$(PATH)

.PHONY: test tools fmt scripts unit-file pure deny lint doc unit clients pages
# One after the other: each step shows its own output, and cargo uses every core by itself.
.NOTPARALLEL:

test: tools fmt scripts unit-file pure deny lint doc unit clients pages
	@echo 'Everything that can be checked here is checked.'

# What the other steps need and this machine lacks.
tools:
	tests/setup.sh

fmt:
	cargo fmt --check

scripts:
	@if command -v shellcheck >/dev/null; then \
	    set -x; shellcheck .ci/run tests/*.sh tests/clients/*.sh tests/pages/*.sh; \
	else \
	    echo 'SKIPPED: the shell scripts are not checked, this machine has no shellcheck'; \
	fi

unit-file:
	tests/unit-file.sh

# The game and the protocol build alone: no tokio, no files, no clock.
pure:
	cargo check --locked --lib --no-default-features

deny:
	cargo deny --log-level error check bans licenses sources

lint:
	cargo clippy --locked --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

unit:
	cargo test --locked

# The program `unit` has built: the same flags, so nothing is built twice.
clients:
	cargo test --locked --no-run
	tests/clients/setup.sh
	WULIN_BIN=$(TARGET)/debug/wulin node --test tests/clients/run.mjs

# The page in Chromium and the Mini Program in Tencent's component framework, both against the program, and the types of
# both.
pages:
	cargo test --locked --no-run
	tests/clients/setup.sh
	tests/pages/setup.sh
	npm run --silent types
	WULIN_BIN=$(TARGET)/debug/wulin node --test tests/pages/*.test.mjs tests/pages/*/*.test.mjs
