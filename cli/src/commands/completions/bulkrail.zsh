#compdef bulkrail
# Completions of bulkrail for zsh.

_bulkrail_words() {
    local home= line
    local -a typed plain dirs described
    # Zsh would quote the ~ of a word that it is given.
    if compset -P '\~/'; then
        home=$HOME/
    fi
    typed=("${(@Q)words[1,CURRENT - 1]}" "$home${(Q)PREFIX}")
    for line in "${(@f)$(
        COMPLETE=zsh _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((CURRENT - 1)) bulkrail -- "${typed[@]}" 2>/dev/null
    )}"; do
        # A colon of the word itself has a backslash before it.
        if [[ ${line//\\:/} == *:* ]]; then
            described+=("$line")
            continue
        fi
        line=${${${line//\\:/:}//\\\\/\\}#"$home"}
        case $line in
        '') ;;
        */) dirs+=("${line%/}") ;;
        *) plain+=("$line") ;;
        esac
    done
    (($#plain)) && compadd -V plain -a plain
    (($#dirs)) && compadd -V dirs -q -S / -a dirs
    (($#described)) && _describe -V bulkrail described
}

compdef _bulkrail_words bulkrail
# In a directory of `fpath`, the script is run at the first completion of a session.
if [[ ${funcstack[1]} == _bulkrail ]]; then
    _bulkrail_words
fi
