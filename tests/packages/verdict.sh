# shellcheck shell=bash disable=SC2154 # set by run
# What is said of each thing that was tried.

# try NAME COMMAND…: `ok`, or `FAIL` and what it printed, or `skip` after the exit status 77.  COMMAND runs in a shell of its own, under `set -e`.
try() {
    local name=$1 rc=0 log
    shift
    log=$results/$(tr -c '[:alnum:]\n' _ <<<"$name").log
    # Never as a condition, nor this function: `set -e` would not hold then.
    set +e
    (set -e; "$@") >"$log" 2>&1 </dev/null
    rc=$?
    set -e
    if [ "$rc" = 0 ]; then
        passed=$((passed + 1))
        echo "ok   $name"
    elif [ "$rc" = 77 ]; then
        skipped=$((skipped + 1))
        echo "skip $name: $(tail -n 1 "$log")"
    else
        failed=$((failed + 1))
        echo "FAIL $name (exit status $rc; all of it in $log)"
        tail -n 25 "$log" | sed 's/^/     /'
    fi
    verdict=$rc
}

# need NAME COMMAND…: the same, and nothing goes on without it.
need() {
    try "$@"
    [ "$verdict" = 0 ] || exit 1
}

# same WHAT WANTED: fails with both, if they differ.
same() { [ "$1" = "$2" ] || { printf 'is:     %s\nwanted: %s\n' "$1" "$2"; return 1; }; }
