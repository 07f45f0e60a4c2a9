use super::*;

/// A disk as `check-xl-disk-parse` writes it down, in short.
fn disk(target: Option<&str>, vdev: &str) -> Disk {
    Disk {
        target: target.map(Into::into),
        vdev: vdev.into(),
        format: Format::Raw,
        writable: true,
        cdrom: false,
        script: None,
        backend_type: None,
        backend: None,
        specification: None,
        colo: false,
    }
}

fn cdrom(target: Option<&str>, format: Format) -> Disk {
    Disk {
        format,
        writable: false,
        cdrom: true,
        ..disk(target, "hdc")
    }
}

fn scripted(target: &str, vdev: &str, script: &str) -> Disk {
    Disk {
        script: Some(script.into()),
        ..disk(Some(target), vdev)
    }
}

#[track_caller]
fn assert_all(texts: &[&str], expected: &Disk) {
    for text in texts {
        assert_eq!(Disk::parse(text).as_ref(), Ok(expected), "{text}");
    }
}

/// xen: tools/xl/check-xl-disk-parse. What it gives to xl as several words stands here behind commas.
#[test]
fn the_cases_of_xens_own_test_are_read_alike() {
    assert!(Disk::parse("foo").is_err());
    assert_all(
        &[
            "/dev/vg/guest-volume,,hda",
            "/dev/vg/guest-volume,raw,hda,rw",
            "format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume",
            "raw:/dev/vg/guest-volume,hda,w",
        ],
        &disk(Some("/dev/vg/guest-volume"), "hda"),
    );
    assert_all(
        &[
            "/root/image.iso,,hdc,cdrom",
            "/root/image.iso,,hdc,,cdrom",
            "/root/image.iso,raw,hdc,devtype=cdrom",
            "format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/root/image.iso",
            "raw:/root/image.iso,hdc:cdrom,ro",
            "cdrom, no-discard, vdev=hdc, target=/root/image.iso",
        ],
        &cdrom(Some("/root/image.iso"), Format::Raw),
    );
    let phy = Disk {
        backend_type: Some(BackendType::Phy),
        ..disk(Some("/dev/vg/guest-volume"), "xvdb")
    };
    assert_all(
        &["backendtype=phy,vdev=xvdb,access=w,target=/dev/vg/guest-volume"],
        &phy,
    );
    assert_all(
        &[
            "devtype=cdrom,,,hdc",
            ",,hdc:cdrom,r",
            ",hdc:cdrom,r",
            "vdev=hdc,access=r,devtype=cdrom,target=",
            ",empty,hdc:cdrom,r",
        ],
        &cdrom(Some(""), Format::Empty),
    );
    assert_all(
        &[
            "vdev=hdc,access=r,devtype=cdrom,format=empty",
            "vdev=hdc,access=r,devtype=cdrom",
        ],
        &cdrom(None, Format::Empty),
    );
    let iqn = "iqn.2001-05.com.equallogic:0-8a0906-23fe93404-c82797962054a96d-examplehost";
    assert_all(
        &[
            &format!("iscsi:{iqn},xvda,w"),
            &format!("vdev=xvda,access=w,script=block-iscsi,target={iqn}"),
        ],
        &scripted(iqn, "xvda", "block-iscsi"),
    );
    assert_all(
        &["drbd:app01,hda,w"],
        &scripted("app01", "hda", "block-drbd"),
    );
    assert_all(
        &[
            "discard, vdev=hda, target=/some/disk/image.raw",
            "trusted, vdev=hda, target=/some/disk/image.raw",
            "untrusted, vdev=hda, target=/some/disk/image.raw",
        ],
        &disk(Some("/some/disk/image.raw"), "hda"),
    );
}

/// facts of `xl -N block-attach`, Xen 4.17.
#[test]
fn every_way_to_name_a_drbd_disk_is_one() {
    let expected = scripted("web-root", "xvda2", "block-drbd");
    assert_all(
        &[
            "drbd:web-root,xvda2,w",
            "drbd:web-root,xvda2,rw",
            "drbd:web-root,xvda2",
            "drbd:web-root,xvda2,",
            "  drbd:web-root, xvda2, w",
            "vdev=xvda2,access=rw,script=block-drbd,target=web-root",
            "vdev=xvda2,script=block-drbd,target=web-root,",
            "web-root,raw,xvda2,w,script=block-drbd",
            "script=block-drbd,web-root,,xvda2",
            "drbd:phy:web-root,xvda2,w",
            "phy:drbd:web-root,xvda2,w",
            "drbd:web-root,xvda2,w,discard,direct-io-safe,no-colo",
        ],
        &expected,
    );
    assert!(expected.is_ours());
    let parse = |text: &str| Disk::parse(text).unwrap();
    assert!(parse("vdev=xvda,script=/etc/xen/scripts/block-drbd,target=r").is_ours());
    assert!(!parse("vdev=xvda,script=block-drbd-old,target=r").is_ours());
    assert!(!parse("phy:/dev/drbd1,xvda,w").is_ours());
    assert_eq!(parse("drbd:web-root,xvda2,r").mode(), "r");
    for target in [
        "web-root/0",
        "/dev/drbd5",
        "/dev/drbd/by-res/r/0",
        "res:0",
        "web-root ",
        "",
    ] {
        let text = format!("drbd:{target},xvda2,w");
        assert_eq!(parse(&text).target.as_deref(), Some(target), "{text}");
    }
    let strange = parse("vdev=xvda,script=block-drbd,target= a,b=c:d ");
    assert_eq!(strange.target.as_deref(), Some(" a,b=c:d "));
}

/// Likewise: a resource of such a name cannot be named by its position.
#[test]
fn a_resource_that_is_called_like_a_flag_is_taken_for_it() {
    let disk = Disk::parse("drbd:cdrom,xvda2,w").unwrap();
    assert_eq!(
        (disk.target.as_deref(), disk.vdev.as_str()),
        (Some("xvda2"), "w")
    );
    assert!(disk.cdrom);
}

#[test]
fn what_xl_refuses_is_refused_with_what_is_wrong() {
    for (text, words) in [
        ("", "no vdev"),
        ("drbd:web-root", "no vdev"),
        (
            "drbd:web-root,raw,xvda,w",
            "unknown value for access: `xvda`",
        ),
        (
            "web-root,xvda2,w,script=block-drbd",
            "unknown value for format: `xvda2`",
        ),
        (
            "script=block-drbd,target=web-root,vdev=xvda2",
            "behind target=",
        ),
        ("drbd:web-root,xvda2,w!", "unknown value for access: `w!`"),
        ("drbd:web-root,xvda2,rwx", "unknown value for access"),
        ("drbd:drbd:x,xvda,w", "script is given twice"),
        ("drbd:x,xvda,w,script=block-drbd", "script is given twice"),
        ("DRBD:x,xvda,w", "unknown value for format"),
        ("foo:/x,xvda,w", "unknown prefix"),
        ("foo:", "unknown prefix"),
        ("drbd:a=b,xvda,w", "unknown parameter"),
        ("drbd:A=b,xvda,w", "bad disk syntax"),
        ("size=5,drbd:x,xvda", "unknown parameter"),
        ("drbd:x,xvda,w,too", "too many positional"),
        ("x,raw,xvda,vdev=xvdb", "vdev is given twice"),
        ("qcow2:x,xvda,format=raw", "format is given twice"),
        ("x,,xvda,backendtype=file", "unknown value for backendtype"),
        (
            "x,,xvda,specification=scsi",
            "unknown value for specification",
        ),
        ("x,,xvda,devtype=floppy", "unknown value for devtype"),
        ("x,,xvda:floppy", "unknown value for devtype"),
        ("x,,xvda,colo-port=x", "colo-port"),
        ("vdev=xvda", "no target"),
    ] {
        let error = Disk::parse(text).expect_err(text);
        assert!(error.contains(words), "{text}: {error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_specification_breaks_the_reader(text in "(drbd:|script=|target=|vdev=|cdrom|[a-z,:= \n\\PC]){0,20}") {
        if let Err(error) = Disk::parse(&text) {
            proptest::prop_assert!(!error.contains(char::is_control));
        }
    }
}
