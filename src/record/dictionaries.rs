//! What a worker remembers from record to record, so that it is worked out once: words by number, and the principals
//! that they make.

use hashbrown::HashMap;

use super::fields::KeyOrder;
use super::positions::{IDENTITY_WORDS, column_named};
use super::principal::{Identity, principal};
use super::repeated_objects::RepeatedObjects;
use super::schema::COLUMNS;
use super::string_interner::{NONE, StringInterner};
use crate::scan::Scanner;

/// Principals remembered before all is forgotten.
const PRINCIPALS_MAX: usize = 64 * 1024;

/// A principal, each text as the number of a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PrincipalWords {
    pub arn: u32,
    pub principal_type: u32,
    pub account_id: u32,
    pub session_name: u32,
    pub permission_set: u32,
}

/// The last plain word of each column: most often it is the next one too, in records of the same principal all the
/// more.
#[derive(Debug)]
struct Last {
    /// One for what comes before the principal in a record, the others for principals; some share one.
    profiles: Vec<[u32; COLUMNS.len()]>,
    at: usize,
}

/// Profiles kept: few enough to stay in the cache.
const PROFILES: usize = 1024;

impl Default for Last {
    fn default() -> Last {
        Last { profiles: vec![[NONE; COLUMNS.len()]; PROFILES], at: 0 }
    }
}

impl Last {
    fn of(&self, column: usize) -> Option<u32> {
        self.profiles.get(self.at)?.get(column).copied()
    }

    fn learn(&mut self, column: usize, number: u32) {
        if let Some(slot) = self.profiles.get_mut(self.at).and_then(|profile| profile.get_mut(column)) {
            *slot = number;
        }
    }

    fn turn_to(&mut self, principal: u32) {
        self.at = 1 + principal as usize % (PROFILES - 1);
    }
}

pub(super) const PRINCIPAL_ID: usize = column_named("user_identity_principal_id");

/// Strings and principals so far. Objects parsed with it, and the columns made of them, are read with it.
#[derive(Debug, Default)]
pub struct Dictionaries {
    words: StringInterner,
    principals: HashMap<[u32; IDENTITY_WORDS], PrincipalWords, foldhash::fast::RandomState>,
    last: Last,
    pub(super) key_order: KeyOrder,
    pub(super) repeats: RepeatedObjects,
}

impl Dictionaries {
    /// The number of a word.
    pub fn number(&mut self, word: &str) -> u32 {
        self.words.number(word)
    }

    /// Begins a record.
    pub(super) fn begin_record(&mut self) {
        self.last.at = 0;
    }

    /// The number of a word that has nothing that JSON would escape; the next one of its column is likely the same.
    pub(super) fn plain_number(&mut self, column: usize, word: &str) -> u32 {
        let number = self.words.number(word);
        self.last.learn(column, number);
        self.took(column, number);
        number
    }

    /// Takes a column's last plain word, if it stands here once more; its number.
    #[inline(always)]
    pub(super) fn again(&mut self, column: usize, scanner: &mut Scanner<'_>) -> Option<u32> {
        let last = self.last.of(column).filter(|last| *last != NONE)?;
        let stands = scanner.take_string(self.words.bytes(last));
        if stands {
            self.took(column, last);
        }
        stands.then_some(last)
    }

    /// Goes on as if a column's word had been taken.
    pub(super) fn took(&mut self, column: usize, word: u32) {
        if column == PRINCIPAL_ID {
            self.last.turn_to(word);
        }
    }

    /// The word of a number.
    pub fn word(&self, number: u32) -> Option<&str> {
        (number != NONE).then(|| self.words.word(number))
    }

    /// How many numbers are taken.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Who it was, by the words of `userIdentity`.
    pub(super) fn principal(&mut self, identity: [u32; IDENTITY_WORDS]) -> PrincipalWords {
        if let Some(known) = self.principals.get(&identity) {
            return *known;
        }
        let texts = identity.map(|number| self.word(number).filter(|text| !text.is_empty()).map(Into::into));
        let [
            identity_type,
            principal_id,
            arn,
            account_id,
            user_name,
            invoked_by,
            identity_provider,
            on_behalf_of_user_id,
            issuer_arn,
            issuer_account_id,
            aws_region,
        ] = texts;
        let made = principal(&Identity {
            identity_type,
            principal_id,
            arn,
            account_id,
            user_name,
            invoked_by,
            identity_provider,
            on_behalf_of_user_id,
            issuer_arn,
            issuer_account_id,
            aws_region,
        });
        let [arn, principal_type, account_id, session_name, permission_set] = [
            made.arn.map(String::from),
            made.principal_type.map(String::from),
            made.account_id.map(String::from),
            made.session_name.map(String::from),
            made.permission_set,
        ]
        .map(|text| text.map_or(NONE, |text| self.words.number(&text)));
        let words = PrincipalWords { arn, principal_type, account_id, session_name, permission_set };
        self.principals.insert(identity, words);
        words
    }

    /// Forgets all once it is too much. Nothing that was parsed with it may be left.
    pub fn tidy(&mut self) {
        if self.words.tidy() || self.principals.len() > PRINCIPALS_MAX {
            *self = Dictionaries::default();
        }
    }
}
