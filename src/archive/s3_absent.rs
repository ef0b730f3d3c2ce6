//! What a build without the feature `s3` has in its place: names for things that never are.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::error::ReadFault;
use super::opened::Opened;
use super::remote::{Address, Listed, Requests, Scope, Settings};

/// The connection to object storage, which this build never has.
#[derive(Debug)]
pub enum Remote {}

/// An object there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {}

/// A listing of such.
#[derive(Debug)]
pub struct Listing;

/// Objects on their way.
#[derive(Debug)]
pub enum Ahead {}

/// Begins to fetch objects before they are opened.
pub fn fetch_ahead(_: Vec<Stored>) -> Option<Ahead> {
    None
}

impl Remote {
    /// Says that there is none.
    ///
    /// # Errors
    /// Always.
    pub fn connect(_: &Settings) -> Result<Arc<Remote>, String> {
        Err("this build of trailpare reads no archives in S3\n\
             hint: copy it first (`aws s3 sync s3://bucket/prefix folder`), or take a release, which does; \
             `cargo build --features s3` builds one"
            .to_owned())
    }

    /// Lists an archive.
    pub fn list(self: &Arc<Remote>, _: &Address, _: Arc<Scope>, _: fn(&[u8]) -> bool) -> Listing {
        match **self {}
    }

    /// What everything ends with.
    pub fn failure(&self) -> Option<String> {
        match *self {}
    }

    /// Whom to tell, and who tells, that all is to end.
    pub fn stops_with(&self, _: Arc<AtomicBool>) {
        match *self {}
    }

    /// Where large objects are put while they are read, and how much memory the others may take.
    pub fn give_room(&self, _: &Path, _: u64) {
        match *self {}
    }

    /// Memory that it takes of a limit.
    pub fn memory_bytes(&self, _: u64) -> u64 {
        match *self {}
    }

    /// Requests made so far.
    pub fn requests(&self) -> Requests {
        match *self {}
    }
}

impl Stored {
    /// Its bytes.
    pub(super) fn open(&self) -> Result<Opened, ReadFault> {
        match *self {}
    }

    /// The same, as two files.
    pub(super) fn files(&self) -> Result<(File, File), ReadFault> {
        match *self {}
    }

    /// Some of its bytes.
    pub(super) fn range(&self, _: u64, _: u64) -> Option<Vec<u8>> {
        match *self {}
    }

    /// Its size.
    pub fn size_bytes(&self) -> u64 {
        match *self {}
    }

    /// When it was put there, microseconds since 1970.
    pub fn modified_us(&self) -> i64 {
        match *self {}
    }

    /// What tells its content from another under the same key.
    pub fn etag(&self) -> Option<&str> {
        match *self {}
    }

    /// Its version, once it was read.
    pub fn version(&self) -> Option<&str> {
        match *self {}
    }

    /// The signature in its metadata, once it was read.
    pub fn signature(&self) -> Option<&str> {
        match *self {}
    }
}

impl Iterator for Listing {
    type Item = Listed<Stored>;

    fn next(&mut self) -> Option<Listed<Stored>> {
        None
    }
}
