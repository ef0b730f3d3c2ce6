//! A column of texts, read row by row.

use arrow::array::{Array, StringArray};

use super::interner::Texts;
use super::shared_str::Text;

/// A column of texts, read row by row: what the row before had is not looked up again.
pub(super) struct TextColumn<'a> {
    array: &'a StringArray,
    last: Option<Text>,
}

impl<'a> TextColumn<'a> {
    pub fn new(array: &'a StringArray) -> Self {
        TextColumn { array, last: None }
    }

    /// The text of a row; empty where it has none.
    pub fn value(&mut self, row: usize, texts: &mut Texts) -> Text {
        let text = self.array.value(row);
        match &self.last {
            Some(last) if **last == *text => last.clone(),
            _ => self.last.insert(texts.text_of(text)).clone(),
        }
    }

    pub fn optional(&mut self, row: usize, texts: &mut Texts) -> Option<Text> {
        self.array.is_valid(row).then(|| self.value(row, texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_as_they_are() {
        let texts = [Some("a"), Some("a"), None, Some(""), Some("b")];
        let (array, mut known) = (StringArray::from(texts.to_vec()), Texts::new());
        let mut column = TextColumn::new(&array);
        let read: Vec<Option<Text>> = (0..array.len()).map(|row| column.optional(row, &mut known)).collect();
        assert_eq!(read, texts.map(|text| text.map(Text::from)));
    }
}
