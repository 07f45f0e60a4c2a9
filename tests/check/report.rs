//! What `check` says of files, to people and to programs.

use serde_json::json;
use simulated_drbd::Resource;

use crate::host::{Host, MINOR, WEB, both};

/// What is printed about a file with that text, its folder left out.
#[track_caller]
fn lines(host: &Host, text: &str, code: i32) -> Vec<String> {
    host.file("/web.cfg", text);
    let folder = format!("{}/", host.path("/").display()).replace("//", "/");
    let file = host.path("/web.cfg");
    let ran = host.check(&[file.to_str().unwrap()]);
    assert_eq!(ran.code, Some(code), "{ran:?}");
    assert_eq!(ran.stderr, "");
    ran.stdout.lines().map(|l| l.replace(&folder, "")).collect()
}

#[test]
fn every_disk_of_a_file_has_its_line() {
    both(|host| {
        host.resource(Resource::simple("data", 2));
        let text = "name = 'web'\nmemory = 512\ndisk = [ 'drbd:web-root,xvda2,w',\n  'file:/srv/x.img,xvdc,w',\n  # data\n  'drbd:nosuch,xvdb,w',\n  'drbd:data,xvdd,rw!',\n]\n";
        assert_eq!(
            lines(host, text, 3),
            [
                "web.cfg:3: note: web-root can start here and can migrate to nodo2",
                lines(host, text, 3)[1].as_str(),
                "web.cfg:7: error: xl would refuse this disk: unknown value for access: `rw!`",
            ]
        );
        assert!(
            lines(host, text, 3)[1]
                .starts_with("web.cfg:6: error: resource nosuch is not configured")
        );
    });
}

/// README "Ask beforehand": always the same keys.
#[test]
fn the_array_has_the_documented_shape() {
    both(|host| {
        assert_eq!(
            host.check_json(&[WEB]).findings,
            [json!({
                "file": "web-root", "line": null, "severity": "note", "guest": null, "vdev": null,
                "resource": "web-root", "code": null, "host": null,
                "sentence": "web-root can start here and can migrate to nodo2",
            })]
        );
        host.file("/web.cfg", "name='web'\ndisk=['drbd:/dev/drbd1,xvda2,w']\n");
        let file = host.path("/web.cfg");
        let file = file.to_str().unwrap();
        host.peer_promotes(WEB, MINOR);
        let sentence = "web-root is Primary on nodo2: the guest runs there, or something else uses it; stop it there, or migrate it here";
        assert_eq!(
            host.check_json(&[file]).findings,
            [json!({
                "file": file, "line": 2, "severity": "error", "guest": "web", "vdev": "xvda2",
                "resource": "web-root", "code": "BD-PEER-PRIMARY", "host": null, "sentence": sentence,
            })]
        );
    });
}

#[test]
fn a_migration_that_would_be_refused_is_warned_of() {
    both(|host| {
        host.configure("dual-primary = \"static\"\n");
        let said = host.check_json(&[WEB]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let warnings = said.sentences("warning");
        assert!(
            warnings[0].starts_with("seen from nodo2: web-root cannot be taken over"),
            "{said:?}"
        );
        assert!(
            warnings[0].contains("not allowed with this host"),
            "{said:?}"
        );
        host.configure("");
        host.resource(Resource::simple(WEB, MINOR).with_option("protocol", "A"));
        let said = host.check_json(&[WEB]);
        assert!(
            said.sentences("warning")[0].contains("protocol A"),
            "{said:?}"
        );
        host.resource(Resource::simple(WEB, MINOR));
        host.world.cut_link().unwrap();
        let said = host.check_json(&[WEB]);
        assert!(
            said.sentences("warning")[1].starts_with("a migration to nodo2 would be refused now"),
            "{said:?}"
        );
    });
}

#[test]
fn a_guest_that_runs_here_is_asked_about_for_its_migration() {
    both(|host| {
        host.resource(Resource::simple("data", 2));
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.set("state", "4");
        let text = "name='guest-5'\ndisk=['drbd:web-root,xvda2,w','drbd:data,xvdb,w']\n";
        let lines = lines(host, text, 0);
        assert!(
            lines[0].starts_with("web.cfg:1: note: guest guest-5 (domain 5) runs here"),
            "{lines:?}"
        );
        assert_eq!(lines[1], "web.cfg:2: note: web-root can migrate to nodo2");
        assert!(
            lines[2].starts_with("web.cfg:2: warning: the guest that runs does not have this disk"),
            "{lines:?}"
        );
    });
}

#[test]
fn two_disks_of_one_resource_are_told() {
    both(|host| {
        let text = "name='web'\ndisk=['drbd:web-root,xvda,w',\n'drbd:/dev/drbd1,xvdb,r']\n";
        let said = lines(host, text, 3);
        assert!(
            said[1].starts_with("web.cfg:3: error: the same device as xvda of"),
            "{said:?}"
        );
        assert!(
            said[1].ends_with("web.cfg:2: a guest cannot have it twice"),
            "{said:?}"
        );
        host.file("/shop.cfg", "name='shop'\ndisk=['drbd:web-root,xvda,w']\n");
        host.file("/blog.cfg", "name='blog'\ndisk=['drbd:web-root,xvda,w']\n");
        let [shop, blog] = ["/shop.cfg", "/blog.cfg"].map(|f| host.path(f).display().to_string());
        let found = host.check_json(&[&shop, &blog]);
        assert_eq!(found.code, Some(0), "{found:?}");
        assert!(
            found.sentences("warning")[0].contains("only one of the two guests"),
            "{found:?}"
        );
        host.configure("[resource.web-root]\nshared = true\n");
        let found = host.check_json(&[&shop, &blog]);
        assert!(
            !found
                .sentences("warning")
                .iter()
                .any(|w| w.contains("only one")),
            "{found:?}"
        );
        let readers = "name='web'\ndisk=['drbd:web-root,xvda,r','drbd:web-root,xvdb,r']\n";
        host.configure("");
        lines(host, readers, 0);
    });
}

#[test]
fn a_drbd_device_without_this_program_is_warned_of() {
    both(|host| {
        let said = lines(
            host,
            "name='web'\ndisk=['phy:/dev/drbd1,xvda,w','/dev/sda,,xvdb']\n",
            0,
        );
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].contains("warning: /dev/drbd1 would be attached without block-drbd"),
            "{said:?}"
        );
        assert!(said[0].contains("'drbd:web-root,xvda,w'"), "{said:?}");
    });
}

#[test]
fn a_file_that_xl_refuses_or_nobody_can_read_is_told_in_a_sentence() {
    both(|host| {
        let big = format!("# {}\n", "x".repeat(2 << 20));
        for (text, code, words) in [
            (
                "name='web'\ndisk=['x\n",
                3,
                "web.cfg:2: error: xl would refuse the file: a string does not end",
            ),
            ("name='web'\n\0", 3, "a NUL byte"),
            ("\x1b[2J", 3, "xl would refuse the file"),
            ("disk=['drbd:web-root,xvda,w']\n", 3, "no `name` is set"),
            (
                &big,
                1,
                "web.cfg: error: it cannot be read: it is larger than 1 MiB",
            ),
            (
                "name='web'\ndisk=['drbd:a,xvda,backend=nas']\n",
                0,
                "domain nas serves it",
            ),
            (
                "name='web'\ndisk=['drbd:web-root,vda,w']\n",
                3,
                "no virtual device `vda`",
            ),
            (
                "name='web'\ndisk=['vdev=xvda,backendtype=qdisk,script=block-drbd,target=web-root']\n",
                3,
                "no suitable backend",
            ),
            (
                "name='web'\ndisk=['vdev=xvda,backendtype=tap,script=block-drbd,target=web-root']\n",
                3,
                "cannot be served",
            ),
        ] {
            let said = lines(host, text, code);
            assert!(
                said.iter().any(|l| l.contains(words)),
                "no {words:?} in {said:?}"
            );
            assert!(!said.concat().contains(char::is_control));
        }
        let ran = host.check(&["/nonexistent/web.cfg", WEB]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(ran.stdout.lines().count(), 2, "{ran:?}");
    });
}

/// Names in xenstore are guests' and toolstacks'.
#[test]
fn foreign_words_cannot_reach_the_terminal_as_they_are() {
    both(|host| {
        let disk = host.disk(6, WEB);
        disk.add().assert_silent_success();
        host.xen
            .write_bytes("/local/domain/6/name", b"\x1b[2Jevil\n");
        host.xen.write_bytes(&disk.node("dev"), b"xv\x1b]0;da");
        let text = "name='w\\teb'\ndisk=['drbd:web-root,xvda2,w', 'drbd:\\a,xvdb']\n";
        let said = lines(host, text, 3);
        assert!(said.iter().any(|l| l.contains("evil")), "{said:?}");
        assert!(!said.concat().contains(char::is_control), "{said:?}");
        let found = host.check_json(&[host.path("/web.cfg").to_str().unwrap()]);
        let bad = |f: &serde_json::Value| {
            f.as_object()
                .unwrap()
                .values()
                .any(|v| v.as_str().is_some_and(|t| t.contains(char::is_control)))
        };
        assert!(!found.findings.iter().any(bad), "{found:?}");
    });
}

#[test]
fn called_wrongly() {
    let host = Host::new(simulated_drbd::Generation::V84);
    for arguments in [
        &[][..],
        &["--migrate", "nodo2"],
        &["web-root", "--migrate", "-oProxyCommand=x"],
        &["web-root", "--migrate", "nodo2", "-s", ""],
        &["web-root", "--nonsense"],
    ] {
        assert_eq!(host.check(arguments).code, Some(2), "{arguments:?}");
    }
}
