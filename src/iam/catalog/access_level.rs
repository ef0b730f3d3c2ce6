//! How much harm an action can do.

/// How much harm an action can do, in IAM's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessLevel {
    /// Lists what there is.
    List,
    /// Reads what is in it.
    Read,
    /// Changes tags.
    Tagging,
    /// Creates, changes, deletes.
    Write,
    /// Changes who may do what.
    PermissionsManagement,
}

impl AccessLevel {
    /// All of them, the least harmful first.
    pub const ALL: [AccessLevel; 5] = [
        AccessLevel::List,
        AccessLevel::Read,
        AccessLevel::Tagging,
        AccessLevel::Write,
        AccessLevel::PermissionsManagement,
    ];

    /// As the Service Authorization Reference writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            AccessLevel::List => "List",
            AccessLevel::Read => "Read",
            AccessLevel::Tagging => "Tagging",
            AccessLevel::Write => "Write",
            AccessLevel::PermissionsManagement => "Permissions management",
        }
    }

    /// The letter that the table has for it.
    pub(super) fn letter(self) -> char {
        match self {
            AccessLevel::List => 'L',
            AccessLevel::Read => 'R',
            AccessLevel::Tagging => 'T',
            AccessLevel::Write => 'W',
            AccessLevel::PermissionsManagement => 'P',
        }
    }

    pub(super) fn parse(letter: u8) -> Option<Self> {
        AccessLevel::ALL.into_iter().find(|level| level.letter() == char::from(letter))
    }
}
