# shellcheck shell=bash disable=SC2154 # set by run
# The packages, built from what git tracks here, by somebody who is not root, as distributions build them: $results
# has the source archive, one/ and other/ the .debs.

build() {
    need "the source archive is made" source_archive
    try "debian/copyright says what the crates say" copyright_is_current
    local builder=$work/tmp/build
    layered "$builder" "$work/build:$work/base"
    mkdir -p "$builder/one" "$builder/elsewhere/other" "$builder/rpm"
    inside "$builder" useradd builder
    need "dpkg-buildpackage, without a network, by $(inside "$builder" rustc --version | cut -d' ' -f1,2)" \
        built "$builder" /one TZ=UTC LC_ALL=C
    need "built again in another folder, time zone and locale, without tests" \
        built "$builder" /elsewhere/other TZ=Pacific/Chatham LC_ALL=C.UTF-8 DEB_BUILD_OPTIONS=nocheck
    mkdir -p "$results/one" "$results/other"
    mv "$builder"/one/*block-drbd*_* "$results/one/"
    mv "$builder"/elsewhere/other/*block-drbd*_* "$results/other/"
    try "the same bytes both times" same_bytes
    deb=$(echo "$results"/one/xen-block-drbd_*.deb)
    mkdir "$builder/result"
    cp "$results"/one/* "$builder/result/"
    # Some overrides are for the lintian of the other Debian, and that of Debian 12 knows an older standard.
    local suppressed=unused-override
    [ "$suite" != bookworm ] || suppressed+=,newer-standards-version
    try "lintian has nothing to say" inside "$builder" sh -c \
        "lintian --allow-root --pedantic --display-info --tag-display-limit 0 --suppress-tags $suppressed --fail-on error,warning,info,pedantic /result/*.changes"
    try "udev's and systemd's own programs take the rules and the units" rules_and_units "$builder"
    rpms "$builder"
    discard "$builder"
    autopkgtests
}

source_archive() {
    "$here/../../debian/vendor" "$results"
    source=$(echo "$results"/block-drbd-*/)
    [ -d "$source/vendor" ]
}

copyright_is_current() {
    local copy=$work/tmp/copyright-check
    mkdir -p "$copy"
    cp -r "$here/../../debian" "$here/../../Cargo.lock" "$copy/"
    "$copy/debian/licences" "$(echo "$results"/block-drbd-*/vendor)"
    diff -u "$here/../../debian/copyright" "$copy/debian/copyright"
}

# built ROOT FOLDER VARIABLE…
built() {
    local root=$1 folder=$2 tree
    shift 2
    tar -C "$root$folder" -xf "$results"/block-drbd-*.tar.xz
    tree=$(basename "$root$folder"/block-drbd-*)
    inside "$root" chown -R builder: "$folder"
    by_builder "$root" HOME=/nonexistent "$@" sh -c "cd '$folder/$tree' && dpkg-buildpackage --no-sign"
}

# by_builder ROOT VARIABLE… PROGRAM…
by_builder() {
    local root=$1
    shift
    # A network namespace of its own has no network but for the loopback, as a distribution's builders have it.
    unshare --net "$here/alone" chroot --userspec=builder:builder "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

same_bytes() {
    local file
    for file in "$results"/one/*.deb "$results"/one/*.dsc "$results"/one/*.tar.xz; do
        cmp "$file" "$results/other/${file##*/}"
        echo "$(sha256sum <"$file" | cut -c1-16) ${file##*/}"
    done
    # The program, and the package of its debugging symbols.
    [ "$(find "$results/one" -name '*.deb' | wc -l)" = 2 ]
}

rules_and_units() {
    local root=$1
    inside "$root" dpkg -i --force-depends "/result/$(basename "$deb")"
    inside "$root" systemd-analyze verify --man=no block-drbd-reap.path block-drbd-reap.service 2>&1 | tee "$root/said"
    [ ! -s "$root/said" ]
    if inside "$root" udevadm verify --help >/dev/null 2>&1; then
        inside "$root" sh -c 'udevadm verify --no-summary /usr/lib/udev/rules.d/*-block-drbd.rules'
    fi
    inside "$root" sh -c 'man --warnings -E UTF-8 -l -Tutf8 -Z /usr/share/man/man[58]/block-drbd.* 2>&1 >/dev/null' | tee "$root/said"
    [ ! -s "$root/said" ]
    inside "$root" dpkg --purge xen-block-drbd
}

# As autopkgtest would: the package installed, from within its source.
autopkgtests() {
    local root=$work/tmp/tested name
    layered "$root" "$work/build:$work/base"
    cp "$deb" "$root/deb.deb"
    cp -r "$results"/block-drbd-*/ "$root/source"
    try "the package is installed for its autopkgtests" inside "$root" dpkg -i /debs/drbd-utils.deb /deb.deb
    for name in smoke attach; do
        rm -rf "$root/autopkgtest"
        mkdir "$root/autopkgtest"
        try "autopkgtest $name" inside "$root" env AUTOPKGTEST_TMP=/autopkgtest \
            sh -c "cd /source && debian/tests/$name"
    done
    discard "$root"
}
