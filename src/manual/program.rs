//! block-drbd(8).

use std::io;

use clap::CommandFactory;

use super::catalogue::{Group, entry};
use super::examples::sentences;
use super::page::Page;
use crate::cli::Cli;
use crate::message::Code;
use crate::outcome::ExitCode;
use crate::policy::FILE;
use crate::{completion, logging, root};

/// Forms of a disk's specification, with an example and what it names.
pub const DISKS: [(&str, &str); 6] = [
    (
        "drbd:web-root",
        "The resource `web-root`, if it has one volume.",
    ),
    ("drbd:data/1", "Volume 1 of `data`."),
    ("drbd:/dev/drbd7", "The volume with that minor."),
    (
        "drbd:/dev/drbd/by-res/web-root",
        "As udev links it; also `by-res/data/1`.",
    ),
    (
        "drbd:/dev/drbd/by-disk/vg/web",
        "The volume on that backing disk.",
    ),
    (
        "web-root",
        "The same in the long form: `script=block-drbd,vdev=xvda,access=rw,target=web-root`.",
    ),
];

/// The page.
///
/// # Errors
/// When clap cannot tell its options.
pub fn page(date: &str) -> io::Result<String> {
    let mut page = Page::new("block-drbd", "8", date);
    page.section("NAME")
        .text("block-drbd - block script for Xen guests whose disks are replicated by DRBD");
    commands(&mut page)?;
    names(&mut page);
    surroundings(&mut page);
    messages(&mut page);
    page.section("SEE ALSO").text(
        "block-drbd.toml(5), xl.cfg(5), xl-disk-configuration(5), drbdadm(8), drbdsetup(8), drbd.conf(5)",
    );
    Ok(page.render())
}

fn commands(page: &mut Page) -> io::Result<()> {
    let mut cli = Cli::command();
    cli.build();
    page.section("SYNOPSIS");
    let shown = || cli.get_subcommands().filter(|c| !c.is_hide_set());
    let mut usages: Vec<String> = Vec::new();
    for command in shown() {
        let usage = command.clone().render_usage().to_string();
        usages.push(usage.trim_start_matches("Usage: ").to_owned());
    }
    let usages: Vec<&str> = usages.iter().map(String::as_str).collect();
    page.literal(&usages);
    page.section("DESCRIPTION").text(
        "Xen's toolstack runs `block-drbd add` before a guest gets a disk such as `drbd:web-root,xvda2,w`, and \
         `block-drbd remove` after it has let go of it. `add` makes the resource Primary and publishes its \
         device to the guest, or refuses where that could cost data; `remove` makes it Secondary again. The \
         other commands are for people and for systemd.",
    );
    page.paragraph(
        "A message is one sentence with the guest, the resource, the reason and what to do, and its code in \
         brackets at the end: search for that in MESSAGES below. The toolstack prints it, and the log has it.",
    );
    page.section("COMMANDS");
    for command in shown() {
        page.subsection(command.get_name());
        let about = command.get_long_about().or_else(|| command.get_about());
        for (n, part) in about
            .map(ToString::to_string)
            .unwrap_or_default()
            .split("\n\n")
            .enumerate()
        {
            let text = part.replace('\n', " ");
            let text = format!("{}.", text.trim_end_matches('.'));
            if n == 0 {
                page.text(&text)
            } else {
                page.paragraph(&text)
            };
        }
        page.options(command)?;
        let below = command.get_after_long_help().or(command.get_after_help());
        for text in paragraphs(&below.map(ToString::to_string).unwrap_or_default()) {
            page.paragraph(&text);
        }
    }
    page.subsection("Options of the program itself");
    page.options(&cli)?;
    Ok(())
}

/// What a help text wraps for the terminal, joined again: indented lines stand for themselves, and the exit
/// codes in a paragraph of their own.
fn paragraphs(help: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in help.lines() {
        match found.last_mut() {
            Some(last)
                if !line.starts_with("Exit code:")
                    && !line.starts_with("  ")
                    && !last.starts_with("  ") =>
            {
                *last = format!("{last} {line}");
            }
            _ => found.push(line.to_owned()),
        }
    }
    found
}

fn names(page: &mut Page) {
    page.section("NAMES OF DISKS").text(
        "In the list `disk` of xl.cfg(5), before the virtual device and the mode: `drbd:web-root,xvda2,w`. With \
         `r` in the place of `w` the guest only reads; guests that only read may share a disk.",
    );
    for (name, means) in DISKS {
        page.term(name, means);
    }
}

fn surroundings(page: &mut Page) {
    page.section("EXIT STATUS");
    for code in ExitCode::ALL {
        page.term(&(code as u8).to_string(), code.means());
    }
    page.section("FILES");
    for (path, means) in [
        (FILE, "Configuration: see block-drbd.toml(5)."),
        ("/run/block-drbd/lock/", "One run at a time for a resource."),
        (
            "/run/block-drbd/promoted/",
            "The resources that this program made Primary.",
        ),
        (
            "/run/block-drbd/window/",
            "Those on which it allowed two primaries at run time.",
        ),
        (
            "/run/block-drbd/incoming/",
            "Guests that libvirt is receiving, by their UUID.",
        ),
        (
            "/run/block-drbd/received/",
            "Devices of DRBD 8.4 with which a guest is being received, by their minors: udev looks at them some seconds later, and removes the file.",
        ),
        (
            "/run/block-drbd/vanished",
            "A guest's disk has vanished: made by udev's rule, removed by the service.",
        ),
        (
            "/var/run/xen-hotplug/block",
            "The lock of Xen's own block scripts, held while a device is published.",
        ),
    ] {
        page.term(path, means);
    }
    page.section("ENVIRONMENT");
    for (name, means) in [
        (
            "XENBUS_PATH",
            "The backend that `add` and `remove` are about, as `backend/vbd/7/51714`. Set by the toolstack.",
        ),
        (
            logging::VARIABLE,
            "What goes to standard error beside the sentences: `debug` shows each step.",
        ),
        (
            "XENSTORED_PATH",
            "The socket of xenstored. With `XENSTORED_RUNDIR` it is `socket` in that folder.",
        ),
        (completion::VARIABLE, "Set by the shells' completions."),
        (
            root::VARIABLE,
            "A folder in the place of `/`: for tests only.",
        ),
    ] {
        page.term(name, means);
    }
    page.section("LOG").text(
        "The journal, else syslog, under the name `block-drbd`. Each line has the fields XENBUS_PATH, XEN_DOMID, \
         XEN_DOMAIN, XEN_VDEV and DRBD_RESOURCE where they are known, and those of MESSAGES have their code:",
    );
    page.example(&[
        "journalctl -t block-drbd DRBD_RESOURCE=web-root",
        &format!("journalctl {}={}", logging::CODE, Code::PeerPrimary),
    ]);
}

fn messages(page: &mut Page) {
    page.section("MESSAGES").text(
        "Words in capital letters stand for others: RES for a resource, PEER for another host, N for a number, \
         WHY for a reason, TEXT for anything.",
    );
    for group in Group::ALL {
        let (title, text) = group.title();
        page.subsection(title).text(text);
        for code in Code::ALL {
            let entry = entry(*code);
            if entry.group != group {
                continue;
            }
            let mut said = sentences(*code).into_iter();
            page.term(code.as_str(), &quoted(said.next()));
            for sentence in said {
                page.more(&quoted(Some(sentence)));
            }
            page.more(&format!("{} {}", entry.means, entry.remedy));
        }
    }
}

fn quoted(sentence: Option<String>) -> String {
    format!("\"{}\"", sentence.unwrap_or_default())
}
