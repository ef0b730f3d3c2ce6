//! Who may read what a store's files hold: logs say who did what, so nobody else may unless somebody says so.
//!
//! Every folder and file gets its permissions by name, whatever the umask.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rusqlite::Connection;

use super::error::StoreError;
use super::layout::catalog_path;
use super::metadata;

/// Who may read a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Its owner alone: folders 0700, files 0600.
    #[default]
    Private,
    /// Its owner, and to read its group: folders 0750, files 0640.
    Group,
}

impl Mode {
    /// As the catalog keeps it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::Private => "private",
            Mode::Group => "group",
        }
    }

    pub(super) fn named(name: &str) -> Option<Mode> {
        [Mode::Private, Mode::Group].into_iter().find(|mode| mode.name() == name)
    }

    fn folder(self) -> u32 {
        match self {
            Mode::Private => 0o700,
            Mode::Group => 0o750,
        }
    }

    fn file(self) -> u32 {
        self.folder() & 0o666
    }
}

/// Makes a folder and those above it that are missing.
pub(super) fn create_folder(folder: &Path, mode: Mode) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        create_folder(above, mode)?;
    }
    match DirBuilder::new().mode(mode.folder()).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        outcome => outcome?,
    }
    fs::set_permissions(folder, Permissions::from_mode(mode.folder()))
}

/// Makes a new file in a folder that [`create_folder`] made: who may read the folder may read it.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = if fs::metadata(folder)?.permissions().mode() & 0o070 == 0 { Mode::Private } else { Mode::Group };
    create_file_with(path, mode, OpenOptions::new().create_new(true).write(true))
}

/// Opens a file as `options` say, and sets its permissions.
pub(super) fn create_file_with(path: &Path, mode: Mode, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.mode(mode.file()).open(path)?;
    // The umask may have taken some away, a file that was there may give more.
    if file.metadata()?.permissions().mode() & 0o777 != mode.file() {
        file.set_permissions(Permissions::from_mode(mode.file()))?;
    }
    Ok(file)
}

/// Sets the permissions of a whole store. What belongs to somebody else stays as it is; what another process removes
/// meanwhile needs none.
pub(super) fn set_all(dir: &Path, mode: Mode) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(dir).follow_root_links(true) {
        let set = || -> io::Result<()> {
            let entry = entry?;
            let wanted = match entry.file_type() {
                kind if kind.is_dir() => mode.folder(),
                kind if kind.is_file() => mode.file(),
                _ => return Ok(()),
            };
            if entry.metadata()?.permissions().mode() & 0o777 == wanted {
                return Ok(());
            }
            fs::set_permissions(entry.path(), Permissions::from_mode(wanted))
        };
        match set() {
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Makes a folder, and those above it that are missing, which nobody else may read. One that is there stays as it is.
///
/// # Errors
/// The disk.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    create_folder(folder, Mode::Private)
}

/// Opens a file that nobody else may read, in the place of one that is there.
pub(crate) fn create_or_replace_private(path: &Path) -> io::Result<File> {
    create_file_with(path, Mode::Private, OpenOptions::new().create(true).write(true).truncate(true))
}

/// Makes sure that a file is none of a store's: an answer there would write over data or the catalog.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] where a folder above it, links followed, is a store.
pub fn outside_stores(path: &Path) -> io::Result<()> {
    // A link is what it leads to. Folders that are not there yet lie in the nearest one that is.
    let real = path.ancestors().find_map(|above| {
        let there = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        let real = fs::canonicalize(there).ok()?;
        Some(if above == path { real } else { real.join("new") })
    });
    let Some(real) = real else { return Ok(()) };
    let is_store = |folder: &Path| catalog_path(folder).is_file() && folder.join("data").is_dir();
    match real.ancestors().skip(1).find(|folder| is_store(folder)) {
        Some(store) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("it is within the store {}: choose a place outside it", crate::util::shown::path(store)),
        )),
        None => Ok(()),
    }
}

/// Writes a file that nobody else may read, in the place of one that is there.
///
/// # Errors
/// The disk; a file that is there keeps what it has as far as nothing was written. See [`outside_stores`].
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write;
    outside_stores(path)?;
    // What is no file, as /dev/stdout, has the permissions that it has.
    if path.exists() && !path.is_file() {
        return fs::write(path, bytes);
    }
    create_or_replace_private(path)?.write_all(bytes)
}

/// Key of the catalog under which it stands who may read the store.
pub(super) const MODE_KEY: &str = "trailpare_mode";

/// Who may read a store. One of a version that didn't say becomes private.
pub(super) fn mode_of(dir: &Path, connection: &Connection) -> Result<Mode, StoreError> {
    let said = metadata::get(connection, MODE_KEY).map_err(StoreError::catalog(&catalog_path(dir)))?;
    match said.as_deref().and_then(Mode::named) {
        Some(mode) => Ok(mode),
        None => note_mode(dir, connection, Mode::default()).map(|()| Mode::default()),
    }
}

pub(super) fn note_mode(dir: &Path, connection: &Connection, mode: Mode) -> Result<(), StoreError> {
    set_all(dir, mode).map_err(StoreError::io(dir, "cannot set the permissions"))?;
    metadata::set(connection, MODE_KEY, mode.name()).map_err(StoreError::catalog(&catalog_path(dir)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers_stay_outside_stores() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        crate::store::Store::open_or_create(&store).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(store.join("catalog.sqlite"), &link).unwrap();
        for inside in
            [store.join("catalog.sqlite"), store.join("data/new.parquet"), store.join("new"), store.join("a/b/c"), link]
        {
            let said = super::write_private(&inside, b"an answer").unwrap_err().to_string();
            assert!(said.contains("within the store"), "{inside:?}: {said}");
        }
        assert!(super::write_private(&folder.path().join("new"), b"an answer").is_ok());
        assert!(crate::store::Store::open(&store).is_ok());
    }
    use super::*;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_are_as_private_as_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, of_folder, of_file) in [(Mode::Private, 0o700, 0o600), (Mode::Group, 0o750, 0o640)] {
            let inner = folder.path().join(mode.name()).join("b");
            create_folder(&inner, mode).unwrap();
            create_folder(&inner, mode).unwrap();
            create_file(&inner.join("c")).unwrap();
            let modes = (mode_of(inner.parent().unwrap()), mode_of(&inner), mode_of(&inner.join("c")));
            assert_eq!(modes, (of_folder, of_folder, of_file));
            assert!(create_file(&inner.join("c")).is_err());
        }
        set_all(folder.path(), Mode::Group).unwrap();
        assert_eq!(mode_of(&folder.path().join("private/b/c")), 0o640);
        set_all(folder.path(), Mode::Private).unwrap();
        assert_eq!(
            (mode_of(&folder.path().join("group/b")), mode_of(&folder.path().join("group/b/c"))),
            (0o700, 0o600)
        );
    }
}
