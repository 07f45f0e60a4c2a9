# shellcheck shell=bash
# For scenarios run by with-xl: `. "$XEN_LIB"`.
#
#   $DIR            the state directory: blkback.log, xl.out, doms/
#   $SCRIPT         the block script under test (default: Xen's own block-drbd)
#   xenstore-*      reach the scenario's store through $XENSTORED_PATH

: "${DIR:?sourced outside of with-xl}" "${SCRIPT:=/etc/xen/scripts/block-drbd}"

title() { printf '\n== %s\n' "$*"; }

# mkdom ID NAME [UUID]: a running PV guest; UUID is 32 hex digits
mkdom() {
    local id=$1 name=$2 hex=${3:-$(printf '%032x' "$((0x10000 + $1))")} vm
    vm=${hex:0:8}-${hex:8:4}-${hex:12:4}-${hex:16:4}-${hex:20}
    xenstore-write "/local/domain/$id/vm" "/vm/$vm" "/local/domain/$id/name" "$name" \
        "/local/domain/$id/domid" "$id" "/vm/$vm/name" "$name" "/vm/$vm/uuid" "$vm" \
        "/libxl/$id/type" pv "/libxl/$id/dm-version" qemu_xen
    printf '{"c_info":{"type":"pv","name":"%s","uuid":"%s"},"b_info":{"max_vcpus":1,"type.pv":{}}}\n' \
        "$name" "$vm" > "/var/lib/xen/userdata-d.$id.$vm.libxl-json"
    echo "$hex" > "$DIR/doms/$id"
}

# xl …: the real program.  The library notes every failed hypercall: those lines are left out.
xl() {
    local rc=0 out
    out=$(mktemp "$DIR/xl.out.XXXXXX")
    LD_PRELOAD=$DIR/noxen.so "${XEN_BIN:-/usr/lib/xen-4.17/bin}/xl" "$@" > "$out" 2>&1 || rc=$?
    grep -v -e '^xencall' -e '^xc: error.*Could not \(bounce\|obtain\)' "$out" || true
    mv "$out" "$DIR/xl.out"
    return "$rc"
}

# attach ID VDEV TARGET [OPTION,…]: xl block-attach with $SCRIPT; access=w unless an option says otherwise
attach() { xl block-attach "$1" "vdev=$2,access=w,${4:+$4,}script=$SCRIPT,target=$3"; }

# detach ID VDEV
detach() { xl block-detach "$1" "$2"; }

# blkback [WORD…]: how blkback behaves from now on (see there); none: as usual
blkback() {
    echo "$*" > "$DIR/blkback.rule.new"
    mv "$DIR/blkback.rule.new" "$DIR/blkback.rule"
}

# devid VDEV: the number libxl gives a device xvdX[N] (xen: tools/libs/light/libxl_device.c)
devid() {
    local letters=${1#xvd} disk part
    part=${letters#?}
    disk=$(($(printf '%d' "'${letters:0:1}") - 97))
    if ((disk < 16 && ${part:-0} < 16)); then
        echo $(((202 << 8) | (disk << 4) | ${part:-0}))
    else
        echo $(((1 << 28) | (disk << 8) | ${part:-0}))
    fi
}

# backend ID VDEV: the path libxl passes as XENBUS_PATH
backend() { echo "backend/vbd/$1/$(devid "$2")"; }

# mkbackend ID VDEV TARGET [MODE]: the nodes libxl writes before it runs the script, up to blkback's InitWait
mkbackend() {
    local id=$1 vdev=$2 target=$3 mode=${4:-w} dev be fe node pairs=()
    dev=$(devid "$vdev")
    be=/local/domain/0/backend/vbd/$id/$dev fe=/local/domain/$id/device/vbd/$dev
    for node in "frontend=$fe" "params=$target" "script=$SCRIPT" "frontend-id=$id" online=1 removable=0 \
        bootable=1 state=1 "dev=$vdev" type=phy "mode=$mode" device-type=disk discard-enable=1 \
        specification=xen; do
        pairs+=("$be/${node%%=*}" "${node#*=}" "/libxl/$id/device/vbd/$dev/${node%%=*}" "${node#*=}")
    done
    xenstore-write "${pairs[@]}" "/libxl/$id/device/vbd/$dev/backend" "$be" \
        "$fe/backend" "$be" "$fe/backend-id" 0 "$fe/state" 1 "$fe/virtual-device" "$dev" \
        "$fe/device-type" disk "$fe/trusted" 1
    for _ in {1..100}; do
        [ "$(xenstore-read "$be/state")" = 2 ] && return
        sleep 0.02
    done
    return 1
}

# under_migrate_receive COMMAND…: run it below a process whose command line is `xl migrate-receive …`
under_migrate_receive() {
    local folder
    folder=$(mktemp -d "$DIR/receive.XXXXXX")
    # shellcheck disable=SC2016  # expanded by that shell; its last command keeps it alive, as the parent
    printf 'cd "$1" || exit; shift; "$@"; exit $?\n' > "$folder/migrate-receive"
    (here=$PWD; cd "$folder" && exec -a xl bash migrate-receive "$here" "$@")
}

# incoming ID VDEV TARGET [MODE]: what an incoming migration does to add a disk; the guest is named NAME--incoming
incoming() {
    mkbackend "$@" || return
    XENBUS_PATH=$(backend "$1" "$2") under_migrate_receive "$SCRIPT" add
}
