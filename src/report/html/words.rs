//! The words of a page, in the languages that it can be in: one file each, with the same keys.

use std::collections::BTreeMap;

/// A language of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

impl Language {
    /// As HTML's `lang` has it.
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Japanese => "ja",
        }
    }

    /// Key → text.
    pub(super) fn words(self) -> BTreeMap<&'static str, &'static str> {
        let text = match self {
            Language::English => include_str!("words/en.txt"),
            Language::Japanese => include_str!("words/ja.txt"),
        };
        text.lines().filter_map(|line| line.split_once(" = ")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn languages_have_the_same_words() {
        let keys = |language: Language| language.words().into_keys().collect::<Vec<_>>();
        assert_eq!(keys(Language::English), keys(Language::Japanese));
        assert!(keys(Language::English).len() > 50);
    }
}
