//! The tools in a host's root: links to the one binary of this crate.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The binary: `SIMULATED_DRBD_BINARY`, this program itself, or what cargo builds for the profile
/// which the running test was built for.
///
/// # Errors
/// When it cannot be built.
pub fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| find().map_err(|error| format!("{error:#}")));
    match found {
        Ok(path) => Ok(path),
        Err(error) => bail!("the simulated tools' binary: {error}"),
    }
}

fn find() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("SIMULATED_DRBD_BINARY") {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    if own.file_name().is_some_and(|name| name == "simulated-drbd") {
        return Ok(own);
    }
    let mut above = own.ancestors().skip(1);
    let profile = above
        .find(|dir| {
            dir.file_name()
                .is_some_and(|name| name != "deps" && name != "examples")
        })
        .context("no profile directory")?;
    let target = profile.parent().context("no target directory")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args([
        "build",
        "--quiet",
        "--package",
        "simulated-drbd",
        "--manifest-path",
    ]);
    build.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    build.arg("--target-dir").arg(target);
    if profile.file_name().is_some_and(|name| name == "release") {
        build.arg("--release");
    }
    if !build.status()?.success() {
        bail!("cargo build failed");
    }
    Ok(profile.join("simulated-drbd"))
}

/// Where the tools lie below a root.
pub const PATHS: [&str; 5] = [
    "usr/sbin/drbdsetup",
    "usr/sbin/drbdadm",
    "sbin/drbdsetup",
    "sbin/drbdadm",
    "lib/drbd/drbdsetup-84",
];

/// Links the tools into a root.
///
/// # Errors
/// When a link cannot be made.
pub fn link(root: &Path) -> Result<()> {
    let binary = binary()?;
    for path in PATHS {
        let link = root.join(path);
        let dir = link.parent().context("no directory")?;
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        std::os::unix::fs::symlink(binary, &link).with_context(|| link.display().to_string())?;
    }
    Ok(())
}
