#!/bin/sh
# rustc with SanitizerCoverage, as cargo-fuzz sets it, for the crates of this workspace alone (RUSTC_WORKSPACE_WRAPPER):
# their dependencies stay as they are built for everything else. Without the address sanitizer, which only
# nightly has; there is no unsafe code in what is fuzzed.
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks=yes
