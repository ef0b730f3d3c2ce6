//! One log object to be taken in: where it is, and what tells it from others.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;

use crate::archive::{self, At, Found, ObjectKey, Place, Stored, WITHIN};
use crate::store::{Known, OTHER_LOG, TakenBefore, placed_name};

/// Memory of an object in object storage beside its name, about.
const STORED_BYTES: usize = 320;

/// What the allocator and the table of names take for an object beside what it asks for.
const OVERHEAD_BYTES: usize = 24;

/// One log object to be taken in: small, because there may be millions.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub folder: Arc<Path>,
    file_name: Box<OsStr>,
    name: Name,
    /// Where it lies in object storage, if it does.
    pub stored: Option<Stored>,
    pub identity: Identity,
    /// Other copies of the object, of the same name and size: tried when this one is bad.
    pub copies: Vec<Place>,
    pub size_bytes: u64,
    pub date: Option<NaiveDate>,
    /// Whether it was named itself: whoever did so expects events in it.
    pub is_by_hand: bool,
}

/// What tells an object from others.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// Its name alone, which CloudTrail gave.
    Name,
    /// Likewise; but of the one taken in, which had this content, records were kept out.
    Again(Box<[u8; 32]>),
    /// Likewise, and it is read although an object of its name was taken in: its bytes may be others.
    Changed(Box<Changed>),
    /// Its place, which is its name, and its content. It is known as well if its content is that of the object with its
    /// file's name.
    Place(Option<Box<[u8; 32]>>),
    /// Its content: it can be read only once.
    Pipe,
}

/// What the ledger has of the object of a name, whose bytes may be others now.
#[derive(Clone, Debug)]
pub(super) struct Changed {
    pub before: TakenBefore,
    /// Where what lies there now lies in a container.
    pub place: Option<Box<str>>,
}

/// The place of every pipe.
pub(super) const PIPE_PLACE: &str = "-";

/// An object's name in the ledger, or its place.
#[derive(Clone, Debug)]
enum Name {
    /// So much of the file's name.
    Front(usize),
    Own(Box<str>),
}

impl Planned {
    pub fn new(found: Found, folder: Arc<Path>, identity: Identity) -> Planned {
        let file_name = found.path.file_name().unwrap_or_default();
        let is_named = matches!(identity, Identity::Name | Identity::Again(_) | Identity::Changed(_));
        let is_front = is_named && file_name.to_str().is_some_and(|file_name| file_name.starts_with(&found.name));
        let name = if is_front { Name::Front(found.name.len()) } else { Name::Own(found.name.into()) };
        let file_name = file_name.into();
        let copies = Vec::new();
        let (size_bytes, date, is_by_hand) = (found.size_bytes, found.date, found.is_by_hand);
        let stored = found.stored;
        Planned { folder, file_name, name, stored, identity, copies, size_bytes, date, is_by_hand }
    }

    /// A file in a container, with the container's path.
    pub fn member(container: &Path, member: &str, found: MemberKey, identity: Identity) -> Planned {
        let mut path = container.as_os_str().to_owned();
        path.push(format!("{WITHIN}{member}"));
        let path = PathBuf::from(path);
        let MemberKey { name, size_bytes, date } = found;
        let file_name: Box<OsStr> = path.file_name().unwrap_or_default().into();
        let folder = path.parent().unwrap_or(Path::new("")).into();
        let (name, copies) = (Name::Own(name.into()), Vec::new());
        Planned { folder, file_name, name, stored: None, identity, copies, size_bytes, date, is_by_hand: false }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&*self.file_name)
    }

    /// The same, to be read from.
    pub fn at<'p>(&'p self, path: &'p Path) -> At<'p> {
        At::new(path, self.stored.as_ref())
    }

    /// Its name in the ledger, once its content is known.
    pub fn ledger_name(&self, sha256: &[u8; 32]) -> String {
        match &self.identity {
            Identity::Name | Identity::Again(_) | Identity::Changed(_) => self.name().to_owned(),
            Identity::Place(_) => placed_name(self.name(), sha256),
            Identity::Pipe => placed_name(PIPE_PLACE, sha256),
        }
    }

    /// Its name in the ledger if it is refused.
    pub fn refused_name(&self, sha256: Option<&[u8; 32]>) -> String {
        match (&self.identity, sha256) {
            (Identity::Pipe, Some(sha256)) => placed_name(PIPE_PLACE, sha256),
            // The name is that of the object that was taken in.
            (Identity::Changed(changed), _) => {
                changed.place.as_deref().map_or_else(|| archive::place_of(&self.path()), str::to_owned)
            }
            _ => self.name().to_owned(),
        }
    }

    /// Whether an object of this content was taken in.
    pub fn is_known(&self, sha256: &[u8; 32], known: &Known) -> bool {
        match &self.identity {
            Identity::Name => false,
            Identity::Again(before) => **before == *sha256,
            // Digests are to be asked about it first.
            Identity::Changed(changed) => changed.before.sha256 == *sha256 && !changed.before.is_unproved,
            Identity::Place(named) => {
                named.as_deref().is_some_and(|named| named == sha256) || known.has_placed(self.name(), sha256)
            }
            Identity::Pipe => known.has_placed(PIPE_PLACE, sha256),
        }
    }

    /// The same object as a copy of it lies.
    pub fn copied(&self, place: &Place) -> Planned {
        Planned { stored: place.stored.clone(), ..self.clone() }
    }

    /// The same object, told by its place and content: for one that is named on the command line.
    pub fn into_placed(self) -> Planned {
        let name = Name::Own(archive::place_of(&self.path()).into());
        Planned { name, identity: Identity::Place(None), ..self }
    }

    /// Whether it has a name that CloudTrail gave.
    pub fn is_named(&self) -> bool {
        matches!(self.identity, Identity::Name | Identity::Again(_) | Identity::Changed(_))
    }

    /// The name by which digests list it; of what its place tells from others that of its file.
    pub fn listed_name(&self) -> Option<Cow<'_, str>> {
        match self.identity {
            Identity::Name | Identity::Again(_) | Identity::Changed(_) => Some(self.name().into()),
            Identity::Place(_) => ObjectKey::parse(self.file_name.to_str()?).canonical_name.map(Cow::Owned),
            Identity::Pipe => None,
        }
    }

    /// Its name, or its place.
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Front(len) => self.file_name.to_str().and_then(|name| name.get(..*len)).unwrap_or_default(),
            Name::Own(name) => name,
        }
    }

    /// Whether it is expected to hold no events.
    pub fn is_beside_logs(&self) -> bool {
        let of_member = |name: &str| archive::is_beside_logs(name.rsplit(WITHIN).next().unwrap_or(name));
        self.file_name.to_str().is_some_and(of_member)
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        let own_name = if let Name::Own(name) = &self.name { name.len() } else { 0 };
        let own_name =
            own_name + if matches!(self.identity, Identity::Again(_) | Identity::Place(Some(_))) { 48 } else { 0 };
        let own_name = own_name + if matches!(self.identity, Identity::Changed(_)) { 144 } else { 0 };
        let stored = if self.stored.is_some() { STORED_BYTES + self.file_name.len() } else { 0 };
        size_of::<Planned>() + self.file_name.len() + own_name + stored + OVERHEAD_BYTES
    }
}

/// What is known of a file in a container before it is read.
pub(super) struct MemberKey {
    /// Its name, or its place.
    pub name: String,
    pub size_bytes: u64,
    pub date: Option<NaiveDate>,
}

/// A change may have the same time as one that was this little before.
pub(super) const CLOCK_US: i64 = 2_000_000;

/// Why an object of a known name and another size is not taken.
pub(super) fn changed_size(before: u64, now: u64) -> String {
    format!(
        "changed: taken in earlier with {before} bytes, now {now} bytes under the same name; the store keeps the first"
    )
}

/// The kind of a known log of another kind, if that is why something is not taken.
pub(super) fn other_kind(reason: &str) -> Option<&str> {
    reason.strip_prefix(OTHER_LOG).map(|kind| kind.trim_start_matches([':', ' ']))
}
