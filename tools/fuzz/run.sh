#!/usr/bin/env bash
# Fuzzes the parsers with libFuzzer and coverage, on the pinned stable toolchain.
#   tools/fuzz/run.sh [--runs N] [TARGET…]      (default: 200000 runs of every target)
# Corpus and crashes stay in target/fuzz. Ends with an error when a target fails, and says how to repeat it.
set -euo pipefail
cd "$(dirname "$0")/../.."

runs=200000
targets=()
while [ $# -gt 0 ]; do
    case $1 in
        --runs) runs=${2:?--runs needs a number}; shift ;;
        -*) echo "usage: tools/fuzz/run.sh [--runs N] [TARGET...]" >&2; exit 2 ;;
        *) targets+=("$1") ;;
    esac
    shift
done
if [ ${#targets[@]} = 0 ]; then
    for file in tools/fuzz/fuzz_targets/*.rs; do
        name=$(basename "$file" .rs)
        [ "$name" = seeds ] || targets+=("$name")
    done
fi

folder=target/fuzz
seeds=$folder/seeds
rm -rf "$seeds"
cargo run --quiet -p orbit-fuzz --bin seeds -- "$seeds"

# What is fuzzed is optimised, its dependencies are those of every other build.
bins=()
for target in "${targets[@]}"; do bins+=(--bin "$target"); done
RUSTC_WORKSPACE_WRAPPER=$PWD/tools/fuzz/sancov.sh cargo build -p orbit-fuzz --features libfuzzer \
    --config profile.dev.package.orbit-control.opt-level=2 \
    --config profile.dev.package.orbit-fuzz.opt-level=2 "${bins[@]}"

for target in "${targets[@]}"; do
    corpus=$folder/corpus/$target
    crashes=$folder/crashes/$target
    mkdir -p "$corpus" "$crashes"
    echo "== $target: $runs runs"
    program=target/debug/$target
    if ! RUST_BACKTRACE=1 "$program" -runs="$runs" -seed=1 -max_len=4096 -timeout=5 \
        -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 -artifact_prefix="$crashes/" \
        "$corpus" "$seeds/$target" 2>"$folder/$target.log"; then
        cat "$folder/$target.log"
        echo "== $target failed. To repeat:  $program FILE  with the file that is named above"
        exit 1
    fi
    grep -E "^stat::(number_of_executed_units|peak_rss_mb)|^Done" "$folder/$target.log" || true
done
echo "== ${#targets[@]} targets, $runs runs each: nothing found"
