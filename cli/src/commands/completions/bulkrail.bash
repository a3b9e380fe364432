# Completions of bulkrail for bash.

_bulkrail() {
    local current=$2 rest=${COMP_LINE:0:COMP_POINT} before= words=() word found i
    # What > and < open is a file like any other.
    if [[ ${COMP_WORDS[COMP_CWORD - 1]} == *[\<\>] ]]; then
        compopt -o default 2>/dev/null
        return
    fi
    # Bash splits words at = and :, which are in options and names of files. Pieces without a blank between are one word.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $rest != [[:blank:]]* ]]; then
            before=${words[${#words[@]} - 1]}
            unset "words[${#words[@]} - 1]"
        else
            before=
        fi
        rest=${rest#"${rest%%[![:blank:]]*}"}
        rest=${rest#"$word"}
        words+=("$before$word")
    done
    if [[ $word == [=:]* ]]; then
        before+=$word
        current=
    elif [[ $word != [\"\']* ]]; then
        # It comes as it was typed.
        word=$current
        current=
        while [[ $word == *\\* ]]; do
            current+=${word%%\\*}
            word=${word#*\\}
            current+=${word:0:1}
            word=${word:1}
        done
        current+=$word
    fi
    words[${#words[@]} - 1]=$before$current
    COMPREPLY=()
    while IFS= read -r found; do
        found=${found#"$before"}
        # Bash adds the slash behind a directory itself.
        COMPREPLY+=("${found%/}")
    done < <(
        COMPLETE=bash _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) bulkrail -- "${words[@]}" 2>/dev/null
        echo
    )
    [[ ${COMPREPLY[${#COMPREPLY[@]} - 1]} ]] || unset "COMPREPLY[${#COMPREPLY[@]} - 1]"
    if [[ ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# Names of files are quoted; older versions sort the words.
complete -o filenames -o bashdefault -o nosort -F _bulkrail bulkrail 2>/dev/null ||
    complete -o filenames -o bashdefault -F _bulkrail bulkrail
