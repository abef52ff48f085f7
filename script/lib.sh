# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts beside it; sourced, never run.  Sets `root`, changes no directory.
# shellcheck shell=bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Messages go to standard error: standard output belongs to the program that is run.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# The machine's cores, at least one.
cores() { nproc 2>/dev/null || echo 1; }

# Warnings are errors with the compilers we develop with; another one's new warnings must not keep
# anybody from building.
werror() {
    case "$(gcc -dumpversion 2>/dev/null)" in
    12 | 12.*) echo ON ;;
    *) echo OFF ;;
    esac
}

# configure PRESET: once; ninja re-runs cmake by itself when a list file changes.
configure() {
    local directory=$root/build/$1
    [ -f "$directory/build.ninja" ] && return
    mkdir -p "$directory"
    (cd "$root" && cmake --preset "$1" "-DMN_WERROR=$(werror)") >"$directory/configure.log" 2>&1 || {
        cat "$directory/configure.log" >&2
        die "cmake --preset $1 failed"
    }
}

# build PRESET [targets]: configures when needed, then builds; silent when there is nothing to do.
build() {
    local preset=$1
    shift
    configure "$preset"
    cmake --build "$root/build/$preset" -j "$(cores)" ${1:+--target "$@"} >&2
}
