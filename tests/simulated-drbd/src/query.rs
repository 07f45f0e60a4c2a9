//! The commands of `drbdsetup` that only read.

use crate::arguments::Arguments;
use crate::drbdsetup::{minor_of, unknown_minor};
use crate::generation::Generation;
use crate::output::Output;
use crate::proc_drbd::connection_84;
use crate::resource::Resource;
use crate::status::Wanted;
use crate::store::Locked;
use crate::tool::Tool;
use anyhow::Result;

/// Runs a command that only reads.
///
/// # Errors
/// When the world cannot be read.
pub fn run(tool: &Tool, arguments: &Arguments) -> Result<Output> {
    let locked = match tool.kernel()? {
        Ok(locked) => locked,
        Err(output) => return Ok(output),
    };
    let query = Query {
        tool,
        locked,
        arguments,
    };
    match arguments.command.as_str() {
        "events2" => query.events(),
        "status" => query.status(),
        "show" => query.show(),
        _ => query.word(),
    }
}

struct Query<'a> {
    tool: &'a Tool,
    locked: Locked,
    arguments: &'a Arguments,
}

impl Query<'_> {
    /// The one resource or minor that is asked for; `all` is as good as none.
    fn subject(&self) -> Option<&str> {
        let subject = self.arguments.subjects.first().map(String::as_str);
        subject.filter(|s| *s != "all")
    }

    fn up(&self, resource: &Resource) -> bool {
        resource.sides[self.tool.host].up.is_some()
    }

    /// The resources asked for which are up here, in the order in which they came up.
    fn resources(&self) -> Result<Vec<Resource>> {
        let mut found: Vec<Resource> = match self.subject() {
            Some(name) => self.locked.resource(name)?.into_iter().collect(),
            None => self.locked.resources()?,
        };
        found.retain(|resource| self.up(resource));
        found.sort_by_key(|resource| resource.sides[self.tool.host].up);
        Ok(found)
    }

    fn events(&self) -> Result<Output> {
        let mut text = String::new();
        for resource in self.resources()? {
            let view = self.locked.view(&resource, self.tool.host);
            view.events(self.arguments.has("statistics"), &mut text);
        }
        text.push_str("exists -\n");
        Ok(Output::print(text))
    }

    fn status(&self) -> Result<Output> {
        let resources = self.resources()?;
        let json = self.arguments.has("json");
        let wanted = Wanted {
            verbose: self.arguments.has("verbose"),
            statistics: self.arguments.has("statistics"),
        };
        let views = resources
            .iter()
            .map(|resource| self.locked.view(resource, self.tool.host));
        let mut output = Output::default();
        if json {
            let objects: Vec<String> = views
                .map(|view| {
                    let mut text = String::new();
                    view.status_json(&mut text);
                    text
                })
                .collect();
            output.stdout = if objects.is_empty() {
                "[\n]\n\n".to_owned()
            } else {
                format!("[\n{}]\n\n", objects.join(","))
            };
        } else {
            views.for_each(|view| view.status(wanted, &mut output.stdout));
            if self.none_up()? && self.tool.generation == Generation::V9 {
                output
                    .stdout
                    .push_str("# No currently configured DRBD found.\n");
            }
        }
        if let (Some(name), true) = (self.subject(), resources.is_empty()) {
            output.stderr = format!("{name}: No such resource\n");
            output.code = 10;
        }
        Ok(output)
    }

    fn none_up(&self) -> Result<bool> {
        Ok(!self
            .locked
            .resources()?
            .iter()
            .any(|resource| self.up(resource)))
    }

    fn show(&self) -> Result<Output> {
        let defaults = self.arguments.has("show-defaults");
        let minor = self.subject().and_then(minor_of);
        let resources = match (self.tool.generation, minor) {
            (Generation::V84, Some(minor)) => {
                let found = self
                    .locked
                    .resource_of_minor(minor)?
                    .filter(|resource| self.up(resource));
                match found {
                    Some(resource) => vec![resource],
                    None => return Ok(unknown_minor(self.subject().unwrap_or_default())),
                }
            }
            _ => self.resources()?,
        };
        let views = resources
            .iter()
            .map(|resource| self.locked.view(resource, self.tool.host));
        if self.arguments.has("json") {
            let objects: Vec<String> = views.map(|view| view.show_json(defaults)).collect();
            let text = if objects.is_empty() {
                "[\n]\n".to_owned()
            } else {
                format!("[\n{}\n]\n", objects.join(",\n"))
            };
            return Ok(Output::print(text));
        }
        let mut text = String::new();
        views.for_each(|view| view.show(defaults, minor, &mut text));
        if text.is_empty() {
            if self.tool.generation == Generation::V84 && self.subject().is_some() {
                return Ok(Output::fail(
                    20,
                    "received netlink error reply: No such device\n",
                ));
            }
            if self.tool.generation == Generation::V9 && self.none_up()? {
                text.push_str("# No currently configured DRBD found.\n");
            }
        }
        Ok(Output::print(text))
    }

    /// `role`, `cstate`, `dstate`: one word a line.
    fn word(&self) -> Result<Output> {
        let subject = self.subject().unwrap_or_default();
        let command = self.arguments.command.as_str();
        if self.tool.generation == Generation::V9 && command != "dstate" {
            return self.resource_word(subject);
        }
        let Some(minor) = minor_of(subject) else {
            let text = format!("Cannot determine minor device number of device '{subject}'\n");
            return Ok(Output::fail(20, text));
        };
        let found = self
            .locked
            .resource_of_minor(minor)?
            .filter(|resource| self.up(resource));
        let Some((resource, volume)) = found.and_then(|resource| {
            let volume = resource.volume_of_minor(minor)?;
            Some((resource, volume))
        }) else {
            return Ok(match self.tool.generation {
                Generation::V84 => unknown_minor(subject),
                Generation::V9 => Output::fail(10, format!("{subject}: No such device\n")),
            });
        };
        let side = &resource.sides[self.tool.host];
        let device = &side.devices[volume];
        Ok(Output::print(match command {
            "role" => format!("{}/{}\n", device.role, device.peer_role),
            "cstate" => format!("{}\n", connection_84(side.connection, device.replication)),
            _ => format!("{}/{}\n", device.disk, device.peer_disk),
        }))
    }

    fn resource_word(&self, subject: &str) -> Result<Output> {
        let found = self
            .locked
            .resource(subject)?
            .filter(|resource| self.up(resource));
        if self.arguments.command == "role" {
            return Ok(match found {
                Some(resource) => {
                    Output::print(format!("{}\n", resource.sides[self.tool.host].role()))
                }
                None => Output::fail(10, format!("{subject}: Unknown resource\n")),
            });
        }
        let Some(resource) = found else {
            let text = format!(
                "{subject}: Failure: (158) Unknown resource\n{subject}: No such connection\n"
            );
            return Ok(Output::fail(10, text));
        };
        let peer = resource.node_ids[1 - self.tool.host].to_string();
        Ok(match self.arguments.subjects.get(1) {
            Some(id) if *id == peer => {
                Output::print(format!("{}\n", resource.sides[self.tool.host].connection))
            }
            Some(_) => Output::fail(10, format!("{subject}: No such connection\n")),
            None => Output::fail(20, "Missing argument 2 to command\n"),
        })
    }
}
