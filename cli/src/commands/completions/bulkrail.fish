# Completions of bulkrail for fish. Words are unquoted, as far as they are before the cursor.

function __bulkrail_words
    set --local typed (commandline --current-process --tokenize --cut-at-cursor)
    set --local current (string unescape -- (commandline --current-token --cut-at-cursor); or echo)
    COMPLETE=fish bulkrail -- $typed $current 2>/dev/null
end

complete --keep-order --exclusive --command bulkrail --arguments '(__bulkrail_words)'
