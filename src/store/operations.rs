//! The operations on nodes, as requests to xenstored.

use std::cell::RefCell;
use std::io::{self, ErrorKind};

use super::connection::{Asked, Connection};
use super::path::check_path;
use super::retry::visible;
use super::wire::{self, Request, malformed};

/// How often a listing in parts is begun anew because the directory changed meanwhile.
const LISTING_ATTEMPTS: u32 = 1000;

/// So many requests are sent before the first reply is read: neither side's buffer is ever full of them.
const TOGETHER: usize = 32;

/// What xenstored answers to a request.
type Answer = io::Result<Vec<u8>>;

/// The operations, inside one transaction or (0) outside of any.
pub(super) struct View<'a> {
    pub connection: &'a RefCell<Connection>,
    pub transaction: u32,
}

impl View<'_> {
    fn call(&self, request: Request, path: &str, data: &[&[u8]]) -> io::Result<Vec<u8>> {
        check_path(path)?;
        let payload = [&[path.as_bytes(), b"\0"], data].concat();
        self.connection
            .borrow_mut()
            .call(request, self.transaction, path, &payload)
    }

    /// The answers on several nodes, of which all are asked for before the first is waited for.
    fn call_each(&self, request: Request, paths: &[String]) -> io::Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(paths.len());
        for some in paths.chunks(TOGETHER) {
            some.iter().try_for_each(|path| check_path(path))?;
            let payloads: Vec<[&[u8]; 2]> = some
                .iter()
                .map(|path| [path.as_bytes(), &b"\0"[..]])
                .collect();
            let asked = some.iter().zip(&payloads).map(|(path, payload)| Asked {
                request,
                path,
                payload,
            });
            let asked: Vec<Asked<'_>> = asked.collect();
            let mut connection = self.connection.borrow_mut();
            answers.extend(connection.call_each(self.transaction, &asked)?);
        }
        Ok(answers)
    }

    pub fn read_together(&self, paths: &[String]) -> io::Result<Vec<Option<Box<str>>>> {
        let answers = self.call_each(Request::Read, paths)?;
        let values = answers.into_iter();
        values
            .map(|answer| visible(answer.map(wire::value)))
            .collect()
    }

    pub fn list_together(&self, paths: &[String]) -> io::Result<Vec<Vec<Box<str>>>> {
        let answers = self.call_each(Request::Directory, paths)?;
        let listings = paths.iter().zip(answers);
        listings
            .map(|(path, answer)| {
                visible(self.listing(path, answer)).map(Option::unwrap_or_default)
            })
            .collect()
    }

    pub fn read(&self, path: &str) -> io::Result<Box<str>> {
        self.call(Request::Read, path, &[]).map(wire::value)
    }

    pub fn write(&self, path: &str, data: &str) -> io::Result<()> {
        wire::check_value(data)?;
        self.call(Request::Write, path, &[data.as_bytes()])
            .map(drop)
    }

    pub fn rm(&self, path: &str) -> io::Result<()> {
        if path == "/" {
            // oxenstored would do it.
            return Err(wire::invalid(
                "the root of the store cannot be removed".into(),
            ));
        }
        match self.call(Request::Rm, path, &[]) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result.map(drop),
        }
    }

    pub fn directory(&self, path: &str) -> io::Result<Vec<Box<str>>> {
        self.listing(path, self.call(Request::Directory, path, &[]))
    }

    /// The names that an answer lists, or that are listed in parts where it is too long for one.
    fn listing(&self, path: &str, answer: Answer) -> io::Result<Vec<Box<str>>> {
        match answer {
            Err(error) if error.kind() == ErrorKind::ArgumentListTooLong => {}
            result => return wire::names(&result?),
        }
        for _ in 0..LISTING_ATTEMPTS {
            if let Some(listing) = self.parts(path)? {
                return wire::names(&listing);
            }
        }
        let what = format!("{path} changed all the time while it was listed");
        Err(io::Error::new(ErrorKind::ResourceBusy, what))
    }

    /// A listing in parts, `None` if the directory changed in between.
    fn parts(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let mut listing = Vec::new();
        let mut generation = None;
        loop {
            let offset = listing.len().to_string();
            let part = self.call(Request::DirectoryPart, path, &[offset.as_bytes(), b"\0"])?;
            let mut fields = part.splitn(2, |byte| *byte == 0);
            let (Some(seen), Some(names)) = (fields.next(), fields.next()) else {
                return Err(malformed("a part of a listing without its generation"));
            };
            if generation.get_or_insert_with(|| seen.to_vec()) != seen {
                return Ok(None);
            }
            listing.extend_from_slice(names);
            // An empty name ends the listing.
            if names.len() <= 1 || names.ends_with(b"\0\0") {
                return Ok(Some(listing));
            }
            if listing.len() > wire::REPLY_MAX {
                return Err(malformed("a listing without end"));
            }
        }
    }
}
