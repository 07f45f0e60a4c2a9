# shellcheck shell=bash disable=SC2317  # the functions are called by `check`
# The pretended host tested by itself, with trace-script as the block script.  A scenario for with-xl.

failed=0
check() {       # check WHAT COMMAND…
    local what=$1
    shift
    if "$@" > "$DIR/check.out" 2>&1; then
        echo "ok   $what"
    else
        echo "FAIL $what: $*"
        cat "$DIR/check.out"
        failed=1
    fi
}
equal() { [ "$1" = "$2" ] || { printf '%s\nis not\n%s\n' "$1" "$2"; return 1; }; }
state() { xenstore-read "$(backend "$1" "$2")/state"; }
until_state() {
    for _ in {1..100}; do
        [ "$(state "$1" "$2" 2>&1)" = "$3" ] && return
        sleep 0.02
    done
    return 1
}
fails() { ! "$@"; }
called() { grep -q "$1" "$DIR/calls"; }
logged() {
    for _ in {1..150}; do
        grep -q "$1" "$DIR/blkback.log" && return
        sleep 0.02
    done
    return 1
}

mkdom 5 web
check 'attach'                    attach 5 xvda2 web-root
check 'the script was run by xl'  called '^add backend/vbd/5/51714 web < [^ ]*/xl block-attach'
check 'blkback opens'             logged '51714 opens 147:5'
check 'attach as drbd:'           xl block-attach 5 drbd:web-swap,xvda1,w
# shellcheck disable=SC2016  # expanded by the inner shell
check 'the nodes are those of mkbackend' bash -c '
    . "$XEN_LIB"
    names() { { xenstore-list "$1"; xenstore-list "/local/domain/$2/device/vbd/51713";
        xenstore-list "/libxl/$2/device/vbd/51713"; } | sort; }
    mkdom 6 other && mkbackend 6 xvda1 web-swap || exit
    diff <(names backend/vbd/5/51713 5 | grep -v -e physical- -e hotplug- -e protocol) \
        <(names backend/vbd/6/51713 6 | grep -v protocol)'
check 'detach'                    detach 5 xvda2
check 'remove was run'            called '^remove backend/vbd/5/51714 web'
check 'blkback closes'            logged '51714 closes 147:5'

TRACE_FAIL='no such resource' check 'an add which fails' fails attach 5 xvda3 web-root
check 'its reason is in the output of xl' grep -q 'no such resource' "$DIR/xl.out"

blkback refuse
check 'attach to a device which cannot be opened' attach 5 xvda4 web-root
check 'state 5'                   until_state 5 xvda4 5
check 'the kernel says why'       equal "$(xenstore-read error/backend/vbd/5/51716/error)" '2 creating vbd structure'
blkback

printf '#!/bin/sh\necho "$@" >> "%s/hook"\n[ ! -e "%s/hook-fails" ]\n' "$DIR" "$DIR" > "$DIR/blkback.hook"
chmod +x "$DIR/blkback.hook"
check 'attach with a hook'        attach 5 xvda5 web-root
blkback close-delay=1 release-delay=1
SECONDS=0
check 'detach, slowly'            detach 5 xvda5
check 'it took a second'          [ $SECONDS -ge 1 ]
check 'the device is not closed'  equal "$(cat "$DIR/hook")" 'open 147:5 /local/domain/0/backend/vbd/5/51717'
check 'it is closed later'        logged '51717 closes'
check 'the hook was told'         grep -q '^close 147:5' "$DIR/hook"
touch "$DIR/hook-fails"
check 'attach, the hook fails'    attach 5 xvda6 web-root
check 'state 5 by the hook'       until_state 5 xvda6 5
rm "$DIR/blkback.hook"

blkback never-close
xenstore-write "$(backend 5 xvda1)/state" 5
sleep 0.3
check 'never closed'              equal "$(state 5 xvda1)" 5
blkback

mkdom 7 web--incoming
check 'incoming'                  incoming 7 xvda2 web-root
check 'below xl migrate-receive'  called '^add backend/vbd/7/51714 web--incoming < xl .*migrate-receive'
check 'rename'                    xl rename 5 web--migratedaway
check 'destroy'                   xl destroy 7
check 'the guest has gone'        fails xenstore-read /local/domain/7/name
check 'the 17th disk'             equal "$(devid xvdq)" 268439552
check 'the configuration is private' equal "$(readlink -f /etc/xen/scripts/block-drbd)" "$(readlink -f "$SCRIPT")"

exit $failed
