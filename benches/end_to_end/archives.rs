//! The archives to measure with.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use trailpare::archive::{ObjectKind, find};
use trailpare::synth::{Config, Shape, generate};

pub struct Archive {
    pub name: String,
    pub path: PathBuf,
    /// Its log objects.
    pub objects: Vec<PathBuf>,
    is_made: bool,
}

pub struct Size {
    pub objects: usize,
    pub stored_bytes: u64,
    pub json_bytes: u64,
}

impl Archive {
    fn open(name: String, path: PathBuf, is_made: bool) -> Archive {
        let logs =
            find(std::slice::from_ref(&path)).filter_map(Result::ok).filter(|found| found.kind == ObjectKind::Log);
        let objects = logs.map(|found| found.path).collect();
        Archive { name, path, objects, is_made }
    }

    pub fn size(&self) -> Size {
        let stored = |path: &PathBuf| fs::metadata(path).map_or(0, |m| m.len());
        Size {
            objects: self.objects.len(),
            stored_bytes: self.objects.iter().map(stored).sum(),
            json_bytes: self.objects.iter().map(|path| json_bytes(path)).sum(),
        }
    }

    /// Removes it if it was made here.
    pub fn remove(&self) {
        if self.is_made {
            fs::remove_dir_all(&self.path).expect("an archive made for the benchmark goes away");
        }
    }
}

/// The end of a gzip member says how large it is inflated.
fn json_bytes(path: &Path) -> u64 {
    let mut file = fs::File::open(path).expect("an object");
    if path.extension().is_none_or(|extension| extension != "gz") {
        return file.metadata().map_or(0, |m| m.len());
    }
    let mut size = [0; 4];
    file.seek(SeekFrom::End(-4)).and_then(|_| file.read_exact(&mut size)).expect("a gzip trailer");
    u64::from(u32::from_le_bytes(size))
}

/// Made one by one, when it is their turn.
pub fn all<'a>(work: &'a Path, folders: &'a [PathBuf], only: &'a [String]) -> impl Iterator<Item = Archive> + 'a {
    let wanted = move |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    // Days so that there are about as many objects a day as a trail of that kind delivers: an account's region gets one
    // every five minutes at most.
    let shapes = [
        ("tiny", Shape::Tiny, 4_000, None, 30),
        ("typical", Shape::Typical, 400, None, 1),
        ("huge", Shape::Huge, 6, None, 1),
        ("many", Shape::Typical, 20_000, Some(1_000_000), 30),
    ];
    let made = shapes.into_iter().filter(move |(name, ..)| wanted(name)).map(|(name, shape, objects, events, days)| {
        let path = work.join(name);
        let config = Config { objects: Some(objects), events, shape, days, ..Config::default() };
        generate(&config, &path, |_, _| {}).expect("an archive to measure with");
        Archive::open(name.to_owned(), path, true)
    });
    let real = Path::new("../shared/data/real/sans-s3-lab");
    let real = real.is_dir().then(|| real.to_owned()).filter(|_| wanted("real"));
    let given = folders.iter().cloned().map(|path| (path.display().to_string(), path));
    let found = real.into_iter().map(|path| ("real".to_owned(), path)).chain(given);
    made.chain(found.map(|(name, path)| Archive::open(name, path, false)))
}
