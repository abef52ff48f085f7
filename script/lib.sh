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

# What --help says: the comment at the top of the script that was called.
show_help() {
    awk 'NR > 2 && /^#/ { sub(/^# ?/, ""); print; next } NR > 2 { exit }' "$0"
    exit 0
}
case "${1:-}" in -h | --help) show_help ;; esac

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

# A build that another user made (root, once) cannot be gone on with.
check_owner() {
    local path
    for path in "$root/build" "$@"; do
        if [ -e "$path" ] && [ ! -w "$path" ]; then
            die "$path belongs to $(stat -c %U "$path"): remove it (sudo rm -rf '$root/build'), or give it to yourself (sudo chown -R $(id -un) '$root/build')"
        fi
    done
}

# The tree was moved, renamed or mounted elsewhere since: paths in the build are not true any more.
was_moved() {
    local home
    [ -f "$1/CMakeCache.txt" ] || return 1
    home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$1/CMakeCache.txt")
    [ -n "$home" ] && [ "$home" != "$root" ]
}

# configure PRESET: once; ninja re-runs cmake by itself when a list file changes.
configure() {
    local directory=$root/build/$1
    check_owner "$directory" "$directory/CMakeCache.txt" "$directory/configure.log"
    if was_moved "$directory"; then
        say "the tree has moved: configuring $1 anew"
        rm -rf "$directory"
    fi
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
