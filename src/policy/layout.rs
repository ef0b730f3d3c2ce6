//! How statements stand together, and what was widened, to fit.

/// How statements stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// Each service has its own, but for whole services.
    #[default]
    ByService,
    /// What has the resource `*` stands together.
    Joined,
    /// Statements of the same actions or resources are one.
    Merged,
    /// The same, and names say the service and whether it is read or written, but not what.
    Brief,
    /// The same, and names are numbers.
    Terse,
}

impl Layout {
    /// The easiest to read first.
    pub(super) const ALL: [Layout; 5] =
        [Layout::ByService, Layout::Joined, Layout::Merged, Layout::Brief, Layout::Terse];
}

/// One step of widening that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widened {
    /// Service prefix.
    pub service: String,
    /// What was done.
    pub step: &'static str,
    /// Characters of the service's statements before.
    pub chars_before: usize,
    /// And after.
    pub chars_after: usize,
}
