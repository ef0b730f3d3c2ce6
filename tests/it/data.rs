//! Where the real archives are. They are not part of the repository.

use std::path::PathBuf;

/// The folder of the real archives and official tables; `None`, said on standard error, where it is absent.
///
/// # Panics
/// When it is absent although `TRAILPARE_REQUIRE_DATA` is set.
pub fn dir() -> Option<PathBuf> {
    let given = std::env::var_os("TRAILPARE_DATA").map(PathBuf::from);
    let dir = given.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    if dir.is_dir() {
        return Some(dir);
    }
    assert!(std::env::var_os("TRAILPARE_REQUIRE_DATA").is_none(), "{} is missing", dir.display());
    eprintln!("skipped: {} is missing; set TRAILPARE_DATA to the folder of the real archives", dir.display());
    None
}
