//! Nodes in memory, the live ones or a transaction's.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

/// All nodes but the root, by absolute path.
pub type Nodes = BTreeMap<String, Node>;

/// A value, and when it or the list of its children last changed (xenstored's "generation count").
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub value: Box<str>,
    pub generation: u64,
}

/// Where a path leads, without a `/` at its end: both daemons resolve a relative one below the
/// client's domain.
pub fn absolute(path: &str) -> String {
    match path.strip_prefix('/') {
        Some("") => String::new(),
        Some(_) => path.into(),
        None => format!("/local/domain/0/{path}"),
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Names of the children of a node.
pub fn directory(nodes: &Nodes, path: &str) -> io::Result<Vec<Box<str>>> {
    if !path.is_empty() && !nodes.contains_key(path) {
        return Err(ErrorKind::NotFound.into());
    }
    let below = format!("{path}/");
    let names = nodes
        .range(below.clone()..)
        .map_while(|(found, _)| found.strip_prefix(below.as_str()));
    Ok(names
        .filter(|name| !name.contains('/'))
        .map(Into::into)
        .collect())
}

/// Sets a value, creating the node and its parents; `touch` learns every path looked at.
pub fn write(
    nodes: &mut Nodes,
    path: &str,
    data: &str,
    generation: u64,
    touch: &mut dyn FnMut(&str),
) {
    touch(path);
    let mut missing = path;
    while !missing.is_empty() && !nodes.contains_key(missing) {
        nodes.insert(
            missing.into(),
            Node {
                value: "".into(),
                generation,
            },
        );
        missing = parent(missing);
        touch(missing);
    }
    for changed in [missing, path] {
        if let Some(node) = nodes.get_mut(changed) {
            node.generation = generation;
        }
    }
    if let Some(node) = nodes.get_mut(path) {
        node.value = data.into();
    }
}

/// Removes a node and all below it; `touch` learns every path looked at.
pub fn rm(nodes: &mut Nodes, path: &str, generation: u64, touch: &mut dyn FnMut(&str)) {
    touch(path);
    if nodes.remove(path).is_none() {
        return;
    }
    let below = format!("{path}/");
    nodes.retain(|found, _| !found.starts_with(&below));
    touch(parent(path));
    if let Some(node) = nodes.get_mut(parent(path)) {
        node.generation = generation;
    }
}
