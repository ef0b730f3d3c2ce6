//! What a power cut leaves. All changes that a run makes are written down in order; from them the states are worked out
//! that a disk may be in: what was synced is there, what was not may be, in part and in another order.
//!
//! The model is stricter than any file system: a name lasts once its folder was synced, bytes once their file was. A
//! rename between folders may leave both names; it leaves none of them only where the folder that was left was synced
//! before the other one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

type Id = usize;

/// One change, as the log has it.
#[derive(Clone, Debug)]
pub enum Change {
    Create(u64, String),
    Open(u64, String),
    Write(u64, u64, Vec<u8>),
    Size(u64, u64),
    Sync(u64),
    Rename(String, String),
    Remove(String),
    Link(String, String),
    Folder(String),
}

impl Change {
    /// For people.
    pub fn name(&self) -> String {
        match self {
            Change::Create(_, path) => format!("create {path}"),
            Change::Open(_, path) => format!("open {path}"),
            Change::Write(inode, at, bytes) => format!("write {} bytes at {at} into {inode}", bytes.len()),
            Change::Size(inode, size) => format!("size {size} of {inode}"),
            Change::Sync(inode) => format!("sync {inode}"),
            Change::Rename(from, to) => format!("rename {from} to {to}"),
            Change::Remove(path) => format!("remove {path}"),
            Change::Link(from, to) => format!("link {from} as {to}"),
            Change::Folder(path) => format!("make {path}"),
        }
    }
}

/// Reads a log; paths are below `root` from here on, which itself is ``.
pub fn read_log(path: &Path, root: &Path) -> Vec<Change> {
    let bytes = fs::read(path).expect("a log");
    let (mut at, mut changes) = (0, Vec::new());
    let below = |path: &str| {
        let below = Path::new(path).strip_prefix(root).unwrap_or_else(|_| panic!("{path} is elsewhere"));
        below.to_str().expect("UTF-8").to_owned()
    };
    while at < bytes.len() {
        let end = at + bytes[at..].iter().position(|byte| *byte == b'\n').expect("a line");
        let line = std::str::from_utf8(&bytes[at..end]).expect("UTF-8");
        let parts: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| parts[i].parse::<u64>().expect("a number");
        at = end + 1;
        changes.push(match parts[0] {
            "C" => Change::Create(number(1), below(parts[2])),
            "O" => Change::Open(number(1), below(parts[2])),
            "W" => {
                let length = number(3) as usize;
                at += length;
                Change::Write(number(1), number(2), bytes[at - length..at].to_vec())
            }
            "T" => Change::Size(number(1), number(2)),
            "F" => Change::Sync(number(1)),
            "R" => Change::Rename(below(parts[1]), below(parts[2])),
            "U" | "D" => Change::Remove(below(parts[1])),
            "L" => Change::Link(below(parts[1]), below(parts[2])),
            "M" => Change::Folder(below(parts[1])),
            other => panic!("{other} in a log"),
        });
    }
    changes
}

#[derive(Clone, Debug)]
enum Bytes {
    Write(u64, Vec<u8>),
    Size(u64),
}

/// A change of a folder that was not synced yet.
#[derive(Clone, Debug)]
struct Name {
    name: String,
    to: Option<Id>,
    /// The name that a rename within the folder takes away.
    from: Option<String>,
    /// Both ends of a rename between folders have the same number.
    pair: Option<usize>,
}

#[derive(Clone, Debug)]
enum Node {
    Folder { lasting: BTreeMap<String, Id>, now: BTreeMap<String, Id>, pending: Vec<Name> },
    File { lasting: Vec<u8>, pending: Vec<Bytes> },
}

/// A disk: what lasts, and what is on its way.
#[derive(Clone)]
pub struct Disk {
    nodes: Vec<Node>,
    by_inode: HashMap<u64, Id>,
    pairs: usize,
}

/// Files and folders (`None`) of a state, below the root.
pub type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// How much of what was not synced is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Synced,
    /// All of it: as if the process had been killed.
    All,
    /// All names and no bytes.
    Names,
    /// All bytes and no names.
    Bytes,
    /// Some, by this seed.
    Some(u64),
}

const ROOT: Id = 0;

/// Bytes that a disk writes as one.
const SECTOR: usize = 512;

impl Disk {
    /// A disk on which everything below `root` lasts.
    pub fn of(root: &Path) -> Disk {
        let mut disk = Disk { nodes: vec![folder()], by_inode: HashMap::new(), pairs: 0 };
        for entry in walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name().into_iter().flatten() {
            let node = match entry.file_type().is_dir() {
                true => folder(),
                false => Node::File { lasting: fs::read(entry.path()).expect("read"), pending: Vec::new() },
            };
            let path = entry.path().strip_prefix(root).expect("below it").to_str().expect("UTF-8").to_owned();
            let id = disk.add(node);
            let (above, name) = disk.place(&path);
            let Node::Folder { lasting, now, .. } = &mut disk.nodes[above] else { panic!("{path}: no folder") };
            lasting.insert(name.clone(), id);
            now.insert(name, id);
        }
        disk
    }

    fn add(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn place(&self, path: &str) -> (Id, String) {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        (self.find(above).unwrap_or_else(|| panic!("{above} is not there")), name.to_owned())
    }

    fn find(&self, path: &str) -> Option<Id> {
        path.split('/').filter(|part| !part.is_empty()).try_fold(ROOT, |at, part| match &self.nodes[at] {
            Node::Folder { now, .. } => now.get(part).copied(),
            Node::File { .. } => None,
        })
    }

    fn name(&mut self, path: &str, to: Option<Id>, from: Option<String>, pair: Option<usize>) {
        let (above, name) = self.place(path);
        let Node::Folder { now, pending, .. } = &mut self.nodes[above] else { panic!("{path}: no folder") };
        let change = Name { name, to, from, pair };
        apply_name(now, &change);
        pending.push(change);
    }

    fn bytes(&mut self, inode: u64, change: Bytes) {
        let id = self.by_inode[&inode];
        let Node::File { pending, .. } = &mut self.nodes[id] else { panic!("bytes of a folder") };
        pending.push(change);
    }

    /// Takes in a change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Create(inode, path) => {
                let id = self.add(Node::File { lasting: Vec::new(), pending: Vec::new() });
                self.by_inode.insert(*inode, id);
                self.name(path, Some(id), None, None);
            }
            Change::Open(inode, path) => {
                let id = self.find(path).unwrap_or_else(|| panic!("{path} is not there"));
                self.by_inode.insert(*inode, id);
            }
            Change::Write(inode, at, bytes) => self.bytes(*inode, Bytes::Write(*at, bytes.clone())),
            Change::Size(inode, size) => self.bytes(*inode, Bytes::Size(*size)),
            Change::Sync(inode) => sync(&mut self.nodes[self.by_inode[inode]]),
            Change::Folder(path) if path.is_empty() => {}
            Change::Folder(path) => {
                let id = self.add(folder());
                self.name(path, Some(id), None, None);
            }
            Change::Remove(path) => self.name(path, None, None, None),
            Change::Link(from, to) => {
                let id = self.find(from);
                self.name(to, id, None, None);
            }
            Change::Rename(from, to) => {
                let id = self.find(from);
                let ((from_folder, from_name), (to_folder, _)) = (self.place(from), self.place(to));
                if from_folder == to_folder {
                    self.name(to, id, Some(from_name), None);
                } else {
                    self.pairs += 1;
                    self.name(to, id, None, Some(self.pairs));
                    self.name(from, None, None, Some(self.pairs));
                }
            }
        }
    }

    /// What is there behind a power cut.
    pub fn cut(&self, left: Left) -> Tree {
        let mut dice = Dice(match left {
            Left::Some(seed) => seed * 2 + 1,
            _ => 1,
        });
        let mut keeps = |is_name: bool| match left {
            Left::Synced => false,
            Left::All => true,
            Left::Names => is_name,
            Left::Bytes => !is_name,
            Left::Some(_) => dice.roll(),
        };
        // Where the new name of a rename is not there, the old one is.
        let (mut kept, mut dropped) = (HashSet::new(), HashSet::new());
        for (id, node) in self.nodes.iter().enumerate() {
            let Node::Folder { pending, .. } = node else { continue };
            for (at, change) in pending.iter().enumerate() {
                if keeps(true) {
                    kept.insert((id, at));
                } else if change.to.is_some() {
                    dropped.extend(change.pair);
                }
            }
        }
        let names_of = |(id, node): (Id, &Node)| match node {
            Node::File { .. } => BTreeMap::new(),
            Node::Folder { lasting, pending, .. } => {
                let mut names = lasting.clone();
                let is_kept = |(at, change): &(usize, &Name)| {
                    kept.contains(&(id, *at))
                        && !(change.to.is_none() && change.pair.is_some_and(|p| dropped.contains(&p)))
                };
                pending.iter().enumerate().filter(is_kept).for_each(|(_, change)| apply_name(&mut names, change));
                names
            }
        };
        let names: Vec<_> = self.nodes.iter().enumerate().map(names_of).collect();
        let mut tree = Tree::new();
        let mut contents = HashMap::new();
        self.grow(ROOT, Path::new(""), &names, &mut contents, &mut keeps, &mut tree);
        tree
    }

    fn grow(
        &self,
        id: Id,
        path: &Path,
        names: &[BTreeMap<String, Id>],
        contents: &mut HashMap<Id, Vec<u8>>,
        keeps: &mut impl FnMut(bool) -> bool,
        tree: &mut Tree,
    ) {
        for (name, child) in &names[id] {
            let path = path.join(name);
            match &self.nodes[*child] {
                Node::Folder { .. } => {
                    tree.insert(path.clone(), None);
                    self.grow(*child, &path, names, contents, keeps, tree);
                }
                Node::File { lasting, pending } => {
                    let bytes = contents.entry(*child).or_insert_with(|| partly(lasting, pending, || keeps(false)));
                    tree.insert(path, Some(bytes.clone()));
                }
            }
        }
    }
}

fn folder() -> Node {
    Node::Folder { lasting: BTreeMap::new(), now: BTreeMap::new(), pending: Vec::new() }
}

fn sync(node: &mut Node) {
    match node {
        Node::Folder { lasting, pending, .. } => {
            std::mem::take(pending).iter().for_each(|change| apply_name(lasting, change));
        }
        Node::File { lasting, pending } => *lasting = partly(lasting, &std::mem::take(pending), || true),
    }
}

fn apply_name(names: &mut BTreeMap<String, Id>, change: &Name) {
    change.from.as_ref().inspect(|from| _ = names.remove(*from));
    match change.to {
        Some(id) => names.insert(change.name.clone(), id),
        None => names.remove(&change.name),
    };
}

/// Bytes with some of their changes: sizes as a whole, what was written sector by sector.
fn partly(lasting: &[u8], pending: &[Bytes], mut keeps: impl FnMut() -> bool) -> Vec<u8> {
    let mut bytes = lasting.to_vec();
    for change in pending {
        match change {
            Bytes::Size(size) if keeps() => bytes.resize(*size as usize, 0),
            Bytes::Size(_) => {}
            Bytes::Write(at, written) => {
                let mut at = *at as usize;
                let mut rest = &written[..];
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                    if keeps() {
                        bytes.resize(bytes.len().max(at + now.len()), 0);
                        bytes[at..at + now.len()].copy_from_slice(now);
                    }
                    (at, rest) = (at + now.len(), later);
                }
            }
        }
    }
    bytes
}

/// Chance that comes again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> bool {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 63 == 1
    }
}

/// Puts a state on the disk.
pub fn write_tree(tree: &Tree, root: &Path) {
    for (path, content) in tree {
        match content {
            None => fs::create_dir_all(root.join(path)).expect("made"),
            Some(bytes) => fs::write(root.join(path), bytes).expect("written"),
        }
    }
}

/// Where in a list of changes the power may be cut: behind each change of names and each sync, and between some writes.
pub fn points(changes: &[Change]) -> Vec<usize> {
    let is_point = |(at, change): &(usize, &Change)| match change {
        Change::Open(..) => false,
        Change::Write(..) => at % 5 == 0,
        _ => true,
    };
    changes.iter().enumerate().filter(is_point).map(|(at, _)| at + 1).collect()
}
