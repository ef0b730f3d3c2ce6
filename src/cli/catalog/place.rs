//! Where catalogues are: which one is used, the user's imported one, and reading and writing their files.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::source::Source;
use crate::cli::interrupt::Temporary;
use crate::cli::{CliError, Context};
use crate::iam::{CATALOG_MAX_BYTES, Catalog};
use crate::util::shown;

/// Where the user's imported catalogue is: `$XDG_DATA_HOME/trailpare/catalogue.txt`, or `~/.local/share/…`.
pub(super) fn imported_path() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("trailpare").join("catalogue.txt"))
}

/// Chooses the catalogue: the one that is given, else the imported one, else the one built in.
///
/// # Errors
/// A file that can't be read or is no catalogue.
pub(in crate::cli) fn choose(context: Context, given: Option<&OsStr>) -> Result<Context, CliError> {
    match given {
        Some(name) if name.is_empty() => Ok(context),
        Some(name) => {
            let path = leaked(PathBuf::from(name));
            let catalog = load(path)?;
            Ok(Context { catalog, catalog_source: Source::Given(path), ..context })
        }
        None => imported(context),
    }
}

fn imported(context: Context) -> Result<Context, CliError> {
    let Some(path) = imported_path().filter(|path| path.exists()) else { return Ok(context) };
    let path = leaked(path);
    let catalog = load(path).map_err(|error| {
        CliError::failed(format!("{error}\nhint: `trailpare catalog reset` takes the catalogue that is built in"))
    })?;
    if catalog.made_on() < Catalog::embedded().made_on() {
        context.detail(&format!("the imported catalogue {} is older than the one built in", catalog.version()));
        return Ok(Context { passed_over: Some(catalog.version()), ..context });
    }
    Ok(Context { catalog, catalog_source: Source::Imported(path), ..context })
}

/// One a run, for as long as it runs.
fn leaked(path: PathBuf) -> &'static Path {
    Box::leak(path.into_boxed_path())
}

/// One a run, for as long as it runs.
fn load(path: &Path) -> Result<&'static Catalog, CliError> {
    let bytes = read(path)?;
    let catalog = Catalog::load(&bytes).map_err(|error| CliError::failed(format!("{}: {error}", shown::path(path))))?;
    Ok(Box::leak(Box::new(catalog)))
}

/// The bytes of a file, as far as a catalogue may have them.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(CATALOG_MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| CliError::failed(format!("cannot read the catalogue {}: {error}", shown::path(path))))?;
    Ok(bytes)
}

/// Writes a catalogue: the file appears when it is whole, and everybody may read it, for nothing in it is secret.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = || -> io::Result<()> {
        crate::store::outside_stores(path)?;
        fs::create_dir_all(folder)?;
        let file = tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(folder)?;
        let _temporary = Temporary::new(file.path());
        file.as_file().write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|error| CliError::failed(format!("cannot write {}: {error}", shown::path(path))))
}
