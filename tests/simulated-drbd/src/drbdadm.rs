//! `drbdadm`: looks into the configuration and leaves the work to `drbdsetup`.

use crate::administration as change;
use crate::arguments::Arguments;
use crate::drbdsetup;
use crate::generation::Generation;
use crate::host::Module;
use crate::output::Output;
use crate::resource::Resource;
use crate::tool::Tool;
use anyhow::Result;
use std::fmt::Write;

/// What drbd-utils 9.22 of Debian 12 prints, but for the build.
const VERSION: &str = "DRBDADM_BUILDTAG=GIT-hash:\\ 409097fe02187f83790b88ac3e0d94f3c167adab\n\
    DRBDADM_API_VERSION=2\nDRBD_KERNEL_VERSION_CODE=0x000000\nDRBD_KERNEL_VERSION=0\n\
    DRBDADM_VERSION_CODE=0x091600\nDRBDADM_VERSION=9.22.0\n";

/// Runs `drbdadm WORDS…`.
///
/// # Errors
/// When the world cannot be read or written.
pub fn run(tool: &Tool, words: &[String]) -> Result<Output> {
    let arguments = Arguments::parse(words);
    if arguments.command.is_empty() && arguments.has("version") {
        return Ok(Output::print(VERSION));
    }
    let (module, names) = {
        let locked = tool.store.lock()?;
        let all = arguments.subjects.first().is_some_and(|name| name == "all");
        let lists = matches!(
            arguments.command.as_str(),
            "sh-resources" | "dump" | "dump-xml"
        );
        let every = all || (lists && arguments.subjects.is_empty());
        let given = arguments
            .subjects
            .iter()
            .filter(|name| *name != "all")
            .cloned();
        let names = if every && arguments.subjects.len() <= 1 {
            locked.names()?
        } else {
            given.collect()
        };
        (locked.state.hosts[tool.host].module, names)
    };
    if arguments.command == "sh-resources" {
        return Ok(Output::print(format!("{}\n", names.join(" "))));
    }
    if names.is_empty() {
        return Ok(Output::fail(
            1,
            format!("drbdadm {}: missing resource\n", arguments.command),
        ));
    }
    let mut output = Output::default();
    for name in &names {
        let plain = name
            .split_once('/')
            .map_or(name.as_str(), |(plain, _)| plain);
        let found = tool.store.lock()?.resource(plain)?;
        let Some(resource) = found else {
            return Ok(Output::fail(
                1,
                format!("'{name}' not defined in your config (for this host).\n"),
            ));
        };
        let whole = matches!(arguments.command.as_str(), "primary" | "secondary");
        if tool.generation == Generation::V9
            && whole
            && name.contains('/')
            && resource.volumes.len() > 1
        {
            let text = format!(
                "{} operates on whole resources, but you specified a specific volume!\n",
                arguments.command
            );
            return Ok(Output::fail(1, text));
        }
        let one = Adm {
            tool,
            arguments: &arguments,
            resource: &resource,
            module,
        }
        .run()?;
        output.append(&one);
        if output.code != 0 {
            break;
        }
    }
    Ok(output)
}

/// One word a line.
fn lines(words: impl Iterator<Item = String>) -> Output {
    let words: Vec<String> = words.collect();
    Output::print(words.join("\n") + "\n")
}

struct Adm<'a> {
    tool: &'a Tool,
    arguments: &'a Arguments,
    resource: &'a Resource,
    module: Module,
}

impl Adm<'_> {
    fn run(&self) -> Result<Output> {
        let (resource, nine) = (self.resource, self.tool.generation == Generation::V9);
        let minors = || {
            resource
                .volumes
                .iter()
                .map(|volume| volume.minor.to_string())
        };
        let peer = resource.node_ids[1 - self.tool.host].to_string();
        let name = resource.name.clone();
        match self.arguments.command.as_str() {
            "sh-dev" => Ok(lines(minors().map(|minor| format!("/dev/drbd{minor}")))),
            "sh-minor" => Ok(lines(minors())),
            "sh-resource" => Ok(Output::print(format!("{name}\n"))),
            "dump" | "dump-xml" => Ok(self.dump()),
            "up" => self.up(),
            "attach" => self.attach(),
            "adjust" => self.adjust(),
            "connect" => self.each(&[self.connect_words()]),
            "outdate" if nine => Ok(self.outdate()),
            "dstate" => self.dstate(minors()),
            "net-options" | "disconnect" => self.each(&[self.connection_words()]),
            "cstate" if nine => self.each(&[vec!["cstate".to_owned(), name, peer]]),
            "role" | "primary" | "secondary" | "down" if nine => self.by_name(),
            "pause-sync" | "resume-sync" => self.each(&[vec![
                self.arguments.command.clone(),
                minors().next().unwrap_or_default(),
            ]]),
            "down" => self.by_name(),
            "role" | "cstate" | "primary" | "secondary" | "suspend-io" | "resume-io"
            | "outdate" | "detach" => {
                if self.module == Module::Absent {
                    return self.by_name();
                }
                let lines: Vec<Vec<String>> = minors()
                    .map(|minor| vec![self.arguments.command.clone(), minor])
                    .collect();
                self.each(&lines)
            }
            other => Ok(Output::fail(
                1,
                format!("drbdadm: unknown command '{other}'.\n"),
            )),
        }
    }

    /// Runs one command of `drbdsetup` after the other, until one fails.
    fn each(&self, lines: &[Vec<String>]) -> Result<Output> {
        let program = match (self.tool.generation, self.module) {
            (Generation::V84, Module::Loaded | Module::Unloaded) => "drbdsetup-84",
            _ => "drbdsetup",
        };
        let flag = |flag: &str| self.arguments.flags.iter().any(|given| given == flag);
        let mut output = Output::default();
        if self.module == Module::Absent {
            output
                .stderr
                .push_str(&self.tool.generation.modinfo_failure().repeat(2));
        }
        for words in lines {
            let line = format!("{program} {}", words.join(" "));
            if flag("-v") || flag("-d") {
                let _ = writeln!(output.stdout, "{line}");
            }
            if flag("-d") {
                continue;
            }
            output.append(&drbdsetup::run(self.tool, words)?);
            if output.code != 0 {
                let _ = writeln!(
                    output.stderr,
                    "Command '{line}' terminated with exit code {}",
                    output.code
                );
                break;
            }
        }
        Ok(output)
    }

    fn by_name(&self) -> Result<Output> {
        let words = vec![self.arguments.command.clone(), self.resource.name.clone()];
        let up = self.resource.sides[self.tool.host].up.is_some();
        if self.arguments.command == "down" && !up {
            return Ok(Output::done());
        }
        self.each(&[words])
    }

    /// The disk states; of a resource that is down, what its meta-data say.
    fn dstate(&self, minors: impl Iterator<Item = String>) -> Result<Output> {
        if self.resource.sides[self.tool.host].up.is_none() {
            let lines = minors.map(|_| "Consistent\n");
            return Ok(Output::print(lines.collect::<String>()));
        }
        let lines: Vec<Vec<String>> = minors
            .map(|minor| vec!["dstate".to_owned(), minor])
            .collect();
        self.each(&lines)
    }

    /// The command that names the connection, with the options of the configuration and the given ones.
    fn connection_words(&self) -> Vec<String> {
        let (host, resource) = (self.tool.host, self.resource);
        let mut words = vec![self.arguments.command.clone()];
        if self.tool.generation == Generation::V84 {
            words.extend([host, 1 - host].map(|host| format!("ipv4:{}", resource.addresses[host])));
        } else {
            words.extend([
                resource.name.clone(),
                resource.node_ids[1 - host].to_string(),
            ]);
            if self.arguments.command == "net-options" {
                words.extend(self.configured());
            }
        }
        let given = self.arguments.options.iter();
        words.extend(given.map(|(name, value)| format!("--{name}={value}")));
        words
    }

    /// The options of the configuration file as `drbdadm` passes them.
    fn configured(&self) -> Vec<String> {
        let host = self.tool.host;
        let nine = self.tool.generation == Generation::V9;
        let configured = &self.resource.configured;
        let order: &[&str] = if nine {
            &["connect-int", "ping-timeout", "ping-int"]
        } else {
            &["ping-int", "ping-timeout", "connect-int"]
        };
        let mut words = Vec::new();
        if nine {
            let peer = if host == 0 { "nodo2" } else { "nodo1" };
            words.push(format!("--_name={peer}"));
        }
        let protocol = configured.get("protocol").map_or("C", String::as_str);
        let protocol = format!("--protocol={protocol}");
        let two = configured
            .get("allow-two-primaries")
            .filter(|_| !self.arguments.has("allow-two-primaries"))
            .map(|value| format!("--allow-two-primaries={value}"));
        let set = order.iter().filter_map(|name| {
            configured
                .get(*name)
                .map(|value| format!("--{name}={value}"))
        });
        if nine {
            words.extend(set.chain([protocol]).chain(two));
        } else {
            words.extend([protocol].into_iter().chain(two).chain(set));
        }
        words
    }

    fn connect_words(&self) -> Vec<String> {
        let (host, resource) = (self.tool.host, self.resource);
        let mut words = vec!["connect".to_owned(), resource.name.clone()];
        if self.tool.generation == Generation::V84 {
            words.extend([host, 1 - host].map(|host| format!("ipv4:{}", resource.addresses[host])));
            words.extend(self.configured());
        } else {
            words.push(resource.node_ids[1 - host].to_string());
        }
        words
    }

    /// What differs from the configuration is set right: the settings, then the connection.
    fn adjust(&self) -> Result<Output> {
        let side = &self.resource.sides[self.tool.host];
        if side.up.is_none() {
            return self.up();
        }
        let mut lines = Vec::new();
        let alone = side.connection == crate::state::Connection::StandAlone;
        let forgotten = alone && self.tool.generation == Generation::V84;
        let plain = |options: &crate::options::Options| {
            let mut options = options.clone();
            options.retain(|name, value| !(name == "allow-two-primaries" && value == "no"));
            options
        };
        if !forgotten && plain(&side.net) != plain(&self.resource.configured) {
            let id = self.resource.node_ids[1 - self.tool.host].to_string();
            let mut words = match self.tool.generation {
                Generation::V9 => vec!["net-options".to_owned(), self.resource.name.clone(), id],
                Generation::V84 => {
                    let hosts = [self.tool.host, 1 - self.tool.host];
                    let addresses =
                        hosts.map(|host| format!("ipv4:{}", self.resource.addresses[host]));
                    ["net-options".to_owned()]
                        .into_iter()
                        .chain(addresses)
                        .collect()
                }
            };
            words.push("--set-defaults".to_owned());
            words.extend(self.configured());
            lines.push(words);
        }
        if alone {
            lines.push(self.connect_words());
        }
        self.each(&lines)
    }

    fn up(&self) -> Result<Output> {
        let mut locked = match self.tool.kernel()? {
            Ok(locked) => locked,
            Err(output) => return Ok(output),
        };
        let mut resource = self.resource.clone();
        change::up(&mut resource, &mut locked.state, self.tool.host);
        locked.save_state()?;
        locked.commit(&resource)?;
        Ok(Output::done())
    }

    fn attach(&self) -> Result<Output> {
        let locked = self.tool.store.lock()?;
        let mut resource = self.resource.clone();
        for volume in 0..resource.volumes.len() {
            change::attach(&mut resource, &locked.state, self.tool.host, volume);
        }
        locked.commit(&resource)?;
        Ok(Output::done())
    }

    /// On 9 it asks `drbdmeta`, which does not touch a disk in use.
    fn outdate(&self) -> Output {
        let Some(volume) = self.resource.volumes.first() else {
            return Output::done();
        };
        let (minor, disk, meta) = (volume.minor, &volume.disk, &volume.meta_disk);
        Output::fail(
            20,
            format!(
                "Device '{minor}' is configured!\n\
                 Command 'drbdmeta {minor} v09 {disk} {meta} outdate' terminated with exit code 20\n"
            ),
        )
    }

    /// The resource as the configuration has it, in few words.
    fn dump(&self) -> Output {
        let mut text = format!("resource {} {{\n", self.resource.name);
        for (host, address) in ["nodo1", "nodo2"].iter().zip(&self.resource.addresses) {
            let _ = writeln!(text, "    on {host} {{");
            for volume in &self.resource.volumes {
                let _ = writeln!(
                    text,
                    "        volume {} {{\n            device       /dev/drbd{} minor {};\n            \
                     disk         {};\n            meta-disk    {};\n        }}",
                    volume.number, volume.minor, volume.minor, volume.disk, volume.meta_disk
                );
            }
            let _ = writeln!(text, "        address      ipv4 {address};\n    }}");
        }
        // What is inherited is told by a verbose dry run only.
        if self.arguments.has("verbose") && !self.resource.configured.is_empty() {
            text.push_str("    net {\n");
            for (name, value) in &self.resource.configured {
                let _ = writeln!(text, "        {name} {value};");
            }
            text.push_str("    }\n");
        }
        text.push_str("}\n\n");
        Output::print(text)
    }
}
