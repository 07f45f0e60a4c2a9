//! block-drbd.toml(5).

use super::page::Page;
use super::settings::{Setting, settings};
use crate::policy::FILE;

/// The page.
#[must_use]
pub fn page(date: &str) -> String {
    let mut page = Page::new("block-drbd.toml", "5", date);
    page.section("NAME")
        .text("block-drbd.toml - what block-drbd may do with guest disks that are DRBD resources")
        .section("SYNOPSIS")
        .text(&format!("`{FILE}`"))
        .section("DESCRIPTION")
        .text(
            "A file in TOML. Without it, and for every key that it leaves out, the defaults hold. A mistake \
             in it stops every `add` with a sentence that names line and key; `remove` and `reap` go on with \
             the defaults, so that no disk stays attached for it.",
        )
        .paragraph(
            "It is read anew for every disk. It should be the same on all hosts that may run the same guests.",
        );
    page.section("SETTINGS");
    for setting in settings().iter().filter(|s| s.global) {
        describe(&mut page, setting);
    }
    page.section("SETTINGS OF ONE RESOURCE").text(
        "A section `[resource.NAME]` holds for that resource only and goes before the rest of the file.",
    );
    let settings = settings();
    let keys: Vec<String> = settings
        .iter()
        .filter(|s| s.in_section && s.global)
        .map(|s| format!("`{}`", s.key))
        .collect();
    page.paragraph(&format!(
        "It may have {} from above in it, and:",
        crate::words::list(&keys)
    ));
    for setting in settings.iter().filter(|s| !s.global) {
        describe(&mut page, setting);
    }
    page.section("EXAMPLE").literal(&[
        "patience = 10",
        "disconnected = \"refuse\"",
        "",
        "[resource.scratch]",
        "disconnected = \"allow\"",
        "",
        "[resource.\"cluster.data\"]",
        "shared = true",
    ]);
    page.section("SEE ALSO")
        .text("`block-drbd`(8), drbd.conf(5), xl.cfg(5)");
    page.render()
}

fn describe(page: &mut Page, setting: &Setting) {
    page.term(setting.key, setting.text);
    for (value, means) in setting.values {
        page.more(&format!("`\"{value}\"`: {means}."));
    }
    let bounds = setting
        .bounds
        .map(|(least, most)| format!("From {least} to {most}. "));
    page.more(&format!(
        "{}Default: `{}`.",
        bounds.unwrap_or_default(),
        setting.default
    ));
}
