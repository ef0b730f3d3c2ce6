//! The pages of a row group, checked before they are decoded: each says how large it is once inflated and how many values
//! it has, and a few bytes can say so of any number.
//!
//! Source: `parquet.thrift` of apache/parquet-format, `PageHeader`.

use ::parquet::basic::Compression;
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use super::thrift::Thrift;

/// What the places of a dictionary's values take, beside its bytes: 32 for each, of which one has four at the least.
const DICTIONARY_GROWTH: u64 = 9;

/// What the pages of some columns come to, inflated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    /// Bytes of the largest page of each column.
    pub page_bytes: u64,
    /// Bytes of the largest dictionary of each column: a row may have a value of this size.
    pub dictionary_bytes: u64,
    /// Whether there is a page in which a value goes on where the one before it ends: a few bytes are many then.
    pub has_prefixes: bool,
}

/// Checks the pages of all columns that are decoded together; whether so much memory is enough for them.
pub(super) fn check(file: &[u8], group: &RowGroupMetaData, cap_bytes: u64) -> Result<bool, String> {
    let claims = claims(file, group)?;
    let dictionary_bytes = claims.dictionary_bytes.saturating_mul(DICTIONARY_GROWTH);
    Ok(claims.page_bytes.saturating_add(dictionary_bytes) <= cap_bytes)
}

/// What the pages of all columns of a row group claim.
pub(super) fn claims(file: &[u8], group: &RowGroupMetaData) -> Result<Claims, String> {
    let mut sum = Claims::default();
    for column in group.columns() {
        let name = || column.column_path().string();
        let claims = chunk(file, column).map_err(|reason| format!("{reason} (column {})", name()))?;
        sum.page_bytes = sum.page_bytes.saturating_add(claims.page_bytes);
        sum.dictionary_bytes = sum.dictionary_bytes.saturating_add(claims.dictionary_bytes);
        sum.has_prefixes |= claims.has_prefixes;
    }
    Ok(sum)
}

/// What a column claims.
fn chunk(file: &[u8], column: &ColumnChunkMetaData) -> Result<Claims, String> {
    let offset = |offset: i64| usize::try_from(offset).map_err(|_| "a negative offset".to_owned());
    let begin = offset(column.dictionary_page_offset().unwrap_or(column.data_page_offset()))?;
    let data = offset(column.data_page_offset())?;
    let end = begin.checked_add(offset(column.compressed_size())?).filter(|end| *end <= file.len());
    let end = end.filter(|_| begin <= data).ok_or("a column that lies outside of the file")?;
    let values_max = offset(column.num_values())? as u64;
    let is_plain = column.compression() == Compression::UNCOMPRESSED;
    let (mut claims, mut values, mut at) = (Claims::default(), 0_u64, begin);
    while at < end && values < values_max {
        let mut thrift = Thrift::new(file.get(..end).unwrap_or_default(), at);
        let page = page(&mut thrift).ok_or("the header of a page makes no sense")?;
        let left = thrift.left() as u64;
        let is_sound =
            page.stored <= left && page.levels <= page.inflated && (!is_plain || page.inflated <= page.stored);
        if !is_sound {
            return Err("a page that is larger than what it lies in".to_owned());
        }
        if page.is_dictionary {
            claims.dictionary_bytes = claims.dictionary_bytes.max(page.inflated);
        } else {
            values = values.saturating_add(page.values);
            claims.page_bytes = claims.page_bytes.max(page.inflated);
        }
        claims.has_prefixes |= page.encoding == DELTA_BYTE_ARRAY;
        at = thrift.pos + usize::try_from(page.stored).unwrap_or(usize::MAX);
    }
    Ok(claims)
}

/// The encoding of values that begin as the one before them.
const DELTA_BYTE_ARRAY: i64 = 7;

/// What a page's header says.
#[derive(Default)]
struct Page {
    is_dictionary: bool,
    inflated: u64,
    stored: u64,
    encoding: i64,
    values: u64,
    /// Bytes of levels in front of the values.
    levels: u64,
}

fn page(thrift: &mut Thrift<'_>) -> Option<Page> {
    let mut page = Page::default();
    let (mut kind, mut sizes, mut headers) = (None, [None, None], 0);
    thrift.fields(&mut |thrift, id, field| match (id, field) {
        (1, 5) => {
            kind = Some(thrift.number()?);
            Some(true)
        }
        (2, 5) => {
            sizes[0] = Some(u64::try_from(thrift.number()?).ok()?);
            Some(true)
        }
        (3, 5) => {
            sizes[1] = Some(u64::try_from(thrift.number()?).ok()?);
            Some(true)
        }
        (5 | 7 | 8, 12) => {
            headers += 1;
            values(thrift, &mut page, id)?;
            Some(true)
        }
        _ => Some(false),
    })?;
    page.is_dictionary = kind? == 2;
    (page.inflated, page.stored) = (sizes[0]?, sizes[1]?);
    (headers == 1).then_some(page)
}

/// The header of a page of data (5, in version two 8) or of a dictionary (7).
fn values(thrift: &mut Thrift<'_>, page: &mut Page, header: i64) -> Option<()> {
    thrift.fields(&mut |thrift, id, field| {
        let is_level_bytes = header == 8 && (id == 5 || id == 6);
        let is_encoding = header == 8 && id == 4 || header != 8 && id == 2;
        if field != 5 || !(id == 1 || is_level_bytes || is_encoding) {
            return Some(false);
        }
        let number = thrift.number()?;
        match id {
            1 => page.values = u64::try_from(number).ok()?,
            _ if is_encoding => page.encoding = number,
            _ => page.levels = page.levels.checked_add(u64::try_from(number).ok()?)?,
        }
        Some(true)
    })
}
