# SPDX-License-Identifier: Apache-2.0
# Completion of minimd for bash; the options come from `minimd --help`.
# shellcheck shell=bash

# Files, or with -d directories; only their names are to be quoted and ended as such.
_minimd_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
}

_minimd() {
    local cur=${COMP_WORDS[COMP_CWORD]} name value minimd=${COMP_WORDS[0]}
    COMPREPLY=()
    # bash cuts words at "=": --config = FILE are three of them.
    if [ "$cur" = = ] || { [ "$COMP_CWORD" -gt 1 ] && [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; }; then
        [ "$cur" = = ] && cur= && name=${COMP_WORDS[COMP_CWORD - 1]} || name=${COMP_WORDS[COMP_CWORD - 2]}
        # The line after the next one of an option says what it takes.
        value=$("$minimd" --help 2>/dev/null | grep -A 8 -e "^  $name=" | sed -n 's/^      \[\(.*\)\]$/\1/p' | head -n 1)
        case "$name:$value" in
        --config:* | *file* | *:path*) _minimd_files -f "$cur" ;;
        *dir:*) _minimd_files -d "$cur" ;;
        --generate-docs:*) mapfile -t COMPREPLY < <(compgen -W "markdown sample endpoints" -- "$cur") ;;
        *[0-9]*) ;; # a number, a size, a time: nothing to offer
        *:*\ or\ *) mapfile -t COMPREPLY < <(compgen -W "$(printf '%s' "$value" | sed 's/, / /g; s/ or / /')" -- "$cur") ;;
        esac
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$("$minimd" --help 2>/dev/null |
        sed -n 's/^  \(--[^= ,]*=\{0,1\}\).*/\1/p') --version" -- "$cur")
    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
}

complete -F _minimd minimd
