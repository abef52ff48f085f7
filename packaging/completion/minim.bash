# SPDX-License-Identifier: Apache-2.0
# Completion of minim for bash; what it knows comes from `minim ... --help`.
# shellcheck shell=bash

# Commands and modes: the words of a help text that begin its indented lines.
_minim_words() {
    "$@" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z0-9-]*\)  *.*/\1/p'
}

# What an option takes, as its help says: "spread|burst|poisson", "FILE", "" for a flag.
_minim_argument() {
    local option=$1
    shift
    "$@" --help 2>/dev/null | sed -n "s/^  $option \([^ ][^ ]*\)\( .*\)*\$/\1/p" | head -n 1
}

# Files, or with -d directories; only their names are to be quoted and ended as such.
_minim_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
}

_minim() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} minim=${COMP_WORDS[0]} i
    local -a command=("$minim")
    COMPREPLY=()
    # What follows -- are options of the daemon.
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [ "${COMP_WORDS[i]}" = -- ]; then
            mapfile -t COMPREPLY < <(compgen -W "$(minimd --help 2>/dev/null | sed -n 's/^  \(--[^= ]*=\).*/\1/p')" -- "$cur")
            compopt -o nospace 2>/dev/null
            return
        fi
    done
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_minim_words "$minim") --help --version" -- "$cur")
        return
    fi
    command+=("${COMP_WORDS[1]}")
    if [ "${COMP_WORDS[1]}" = bench ]; then
        if [ "$COMP_CWORD" -eq 2 ]; then
            mapfile -t COMPREPLY < <(compgen -W "$(_minim_words "${command[@]}") --scenario --help" -- "$cur")
            return
        fi
        if [ "${COMP_WORDS[2]}" = --scenario ]; then
            [ "$COMP_CWORD" -eq 3 ] || command+=(--scenario "${COMP_WORDS[3]}")
        else
            command+=("${COMP_WORDS[2]}")
        fi
    fi
    case "$prev" in
    --*)
        local argument
        argument=$(_minim_argument "$prev" "${command[@]}")
        case "$argument:$prev" in
        *\|*) mapfile -t COMPREPLY < <(compgen -W "${argument//|/ }" -- "${cur}") && return ;;
        DIR:*) _minim_files -d "$cur" && return ;;
        FILE:* | PATH:* | :--scenario) _minim_files -f "$cur" && return ;;
        NAME:--scenario) mapfile -t COMPREPLY < <(compgen -W "$(_minim_words "${command[@]}")" -- "$cur") && return ;;
        ?*) return ;; # a number, a time: nothing to offer
        esac
        ;;
    esac
    case "$cur" in
    -*) mapfile -t COMPREPLY < <(compgen -W "$("${command[@]}" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p') --help" -- "$cur") ;;
    *) _minim_files -f "$cur" ;;
    esac
}

complete -F _minim minim
