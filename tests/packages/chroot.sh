# shellcheck shell=bash disable=SC2154 # set by run
# A Debian, installed once, and throw-away copies of it.
#
#   $work/base    drbd-utils' dependencies, and its .deb in /debs: where scenarios begin
#   $work/build   what the base lacks for building and testing, above it

# A program in the Debian at FOLDER: inside FOLDER PROGRAM…
inside() {
    local root=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

# The devices and the /proc that programs expect.  They are bound: a file system of their own could not hold them
# everywhere.
furnish() {
    local root=$1 device
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sys "$root/sys"
    mount -t tmpfs dev "$root/dev"
    for device in null zero full random urandom; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    mkdir "$root/dev/shm"
    mount -t tmpfs shm "$root/dev/shm"
    mount -t tmpfs run "$root/run"
    mkdir "$root/run/lock"
}

# layered FOLDER LOWER: FOLDER becomes a copy of LOWER (folders parted by `:`); what changes is in FOLDER.upper.
layered() {
    mkdir -p "$1" "$1.upper" "$1.work"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$1.upper,workdir=$1.work" "$1"
    furnish "$1"
}

# Gone, with all that is mounted there.
discard() {
    umount --recursive "$1"
    rm -rf "$1" "$1.upper" "$1.work"
}

prepare() {
    if [ ! -e "$work/base.done" ]; then
        echo "installing Debian's $suite (log: $work/base.log)"
        rm -rf "$work/base"
        base >"$work/base.log" 2>&1
        touch "$work/base.done"
    fi
    if [ ! -e "$work/build.done" ]; then
        echo "installing what builds and tests packages (log: $work/build.log)"
        rm -rf "$work/build" "$work/tools" "$work/tools".*
        tools >"$work/build.log" 2>&1
        touch "$work/build.done"
    fi
}

base() {
    local root=$work/base
    debootstrap --variant=minbase "$suite" "$root"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/throw-away"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    furnish "$root"
    inside "$root" apt-get update -q
    inside "$root" apt-get install -qy --no-install-recommends drbd-utils libudev1 libgcc-s1
    inside "$root" dpkg --purge drbd-utils
    mkdir "$root/debs"
    inside "$root" sh -c 'cd /debs && apt-get download -q drbd-utils && mv drbd-utils_*.deb drbd-utils.deb'
    local mounted
    for mounted in dev run sys proc; do umount --recursive "$root/$mounted"; done
}

# What building and testing needs: our build dependencies as control has them, and who looks at the results.
tools() {
    local root=$work/tools xen=4.20
    [ "$suite" != bookworm ] || xen=4.17
    layered "$root" "$work/base"
    mkdir -p "$root/src/debian"
    cp "$here/../../debian/control" "$here/../../debian/changelog" "$root/src/debian/"
    inside "$root" apt-get update -q
    inside "$root" apt-get install -qy --no-install-recommends dpkg-dev fakeroot lintian rpm rpmlint man-db gcc libc6-dev \
        python3 xenstore-utils udev systemd "xen-utils-$xen"
    inside "$root" apt-get build-dep -qy --no-install-recommends /src
    rm -r "$root/src"
    umount --recursive "$root"
    mv "$root.upper" "$work/build"
    rm -rf "$root" "$root.work"
}
