//! The footer of a Parquet file, checked before it is decoded: what its lists and its schema claim makes the decoder set
//! aside memory, and follow the schema by recursion.
//!
//! Source: `parquet.thrift` of apache/parquet-format: `FileMetaData` has the schema as field 2, a list of elements in
//! depth-first order, each with the number of its children as field 5.

use super::thrift::{STRUCT, Thrift};

/// Bytes of a footer that are decoded. Those of real files have a thousandth of it.
const FOOTER_MAX: usize = 4 << 20;

/// Parts of a schema, and how deep they lie in one another.
const ELEMENTS_MAX: usize = 8_192;
const DEPTH_MAX: usize = 32;

/// Row groups; Parquet's numbers for them end there.
const GROUPS_MAX: usize = 32_767;

/// The least that an element of a list of the footer takes.
const ELEMENT_MIN: usize = 4;

const MALFORMED: &str = "the footer of a Parquet file makes no sense";

/// The bytes of a file's footer.
pub(super) fn of(file: &[u8]) -> Result<&[u8], &'static str> {
    let (rest, magic) = file.split_last_chunk::<4>().ok_or(CUT)?;
    match magic {
        b"PAR1" => {}
        b"PARE" => return Err("an encrypted Parquet file"),
        _ => return Err(CUT),
    }
    let (rest, len) = rest.split_last_chunk::<4>().ok_or(CUT)?;
    let len = usize::try_from(u32::from_le_bytes(*len)).map_err(|_| MALFORMED)?;
    if len > FOOTER_MAX {
        return Err("a Parquet file whose footer is larger than 4 MiB");
    }
    // The magic number stands in front as well.
    let begin = rest.len().checked_sub(len).filter(|begin| *begin >= 4).ok_or(CUT)?;
    let footer = rest.get(begin..).ok_or(CUT)?;
    check(footer)?;
    Ok(footer)
}

const CUT: &str = "a Parquet file that was cut: its columns are described at its end, which is missing";

fn check(footer: &[u8]) -> Result<(), &'static str> {
    let mut fault = MALFORMED;
    let mut has_schema = false;
    let read = &mut |thrift: &mut Thrift<'_>, id: i64, kind: u8| match (id, kind) {
        (2, 9) => {
            has_schema = true;
            schema(thrift, &mut fault).map(|()| true)
        }
        (4, 9) => row_groups(thrift, &mut fault).map(|()| true),
        // The encryption of a footer that can be read.
        (8 | 9, _) => {
            fault = "an encrypted Parquet file";
            None
        }
        _ => Some(false),
    };
    let outcome = Thrift::new(footer, 0).fields(read);
    if outcome.is_some() && has_schema { Ok(()) } else { Err(fault) }
}

/// A list of structs: how many there are.
fn structs(thrift: &mut Thrift<'_>, max: usize, too_many: &'static str, fault: &mut &'static str) -> Option<usize> {
    let (kind, count) = thrift.list()?;
    if count > max {
        *fault = too_many;
        return None;
    }
    (kind == STRUCT && count.saturating_mul(ELEMENT_MIN) <= thrift.left()).then_some(count)
}

fn schema(thrift: &mut Thrift<'_>, fault: &mut &'static str) -> Option<()> {
    let count = structs(thrift, ELEMENTS_MAX, "a Parquet file of more than 8,192 columns", fault)?;
    // How many children of each element above are still to come.
    let mut waiting: Vec<usize> = vec![1];
    for at in 0..count {
        let mut children = 0;
        thrift.fields(&mut |thrift, id, kind| match (id, kind) {
            (5, 5) => {
                children = thrift.number()?;
                Some(true)
            }
            _ => Some(false),
        })?;
        let children = usize::try_from(children).ok().filter(|children| *children < count - at)?;
        while waiting.last() == Some(&0) {
            waiting.pop();
        }
        *waiting.last_mut()? -= 1;
        if children > 0 {
            waiting.push(children);
        }
        if waiting.len() > DEPTH_MAX {
            *fault = "a Parquet file whose columns are nested too deeply";
            return None;
        }
    }
    waiting.iter().all(|count| *count == 0).then_some(())
}

fn row_groups(thrift: &mut Thrift<'_>, fault: &mut &'static str) -> Option<()> {
    let count = structs(thrift, GROUPS_MAX, "a Parquet file of more than 32,767 row groups", fault)?;
    for _ in 0..count {
        thrift.skip(STRUCT)?;
    }
    Some(())
}
