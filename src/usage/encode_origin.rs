//! The columns of `usage` that hold a row's origin, and back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, ListBuilder, StringBuilder};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::interner::Texts;
use super::origin::{Origin, Smallest};
use super::shared_str::Text;
use crate::store::Table;

type Flag<T> = fn(&Origin<T>) -> bool;

/// The columns in the order of the table; all are null where the origin is not known.
pub(super) fn origin_columns<T: AsRef<str>>(origins: &[Option<&Origin<T>>]) -> [ArrayRef; 8] {
    let flags =
        |of: Flag<T>| -> ArrayRef { Arc::new(origins.iter().map(|origin| origin.map(of)).collect::<BooleanArray>()) };
    [
        lists("source_ips", origins, |o| &o.source_ips),
        flags(|o| o.source_ips.more),
        lists("vpc_endpoint_ids", origins, |o| &o.vpc_endpoint_ids),
        flags(|o| o.vpc_endpoint_ids.more),
        flags(|o| o.without_vpc_endpoint),
        flags(|o| o.with_mfa),
        flags(|o| o.without_mfa),
        flags(|o| o.mfa_not_recorded),
    ]
}

fn lists<T: AsRef<str>>(name: &str, origins: &[Option<&Origin<T>>], of: fn(&Origin<T>) -> &Smallest<T>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    if let Ok(DataType::List(element)) = Table::Usage.schema().field_with_name(name).map(|f| f.data_type().clone()) {
        builder = builder.with_field(element);
    }
    for origin in origins {
        let items = origin.map(|origin| of(origin).items.iter().map(|item| Some(item.as_ref())));
        builder.append_option(items);
    }
    Arc::new(builder.finish())
}

/// The columns of one batch.
pub(super) struct OriginColumns<'a> {
    source_ips: &'a ListArray,
    source_ip_overflow: &'a BooleanArray,
    vpc_endpoint_ids: &'a ListArray,
    vpc_endpoint_overflow: &'a BooleanArray,
    without_vpc_endpoint: &'a BooleanArray,
    with_mfa: &'a BooleanArray,
    without_mfa: &'a BooleanArray,
    mfa_not_recorded: &'a BooleanArray,
}

impl<'a> OriginColumns<'a> {
    /// `None` for a file from before there were such columns.
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Option<Self>, ArrowError> {
        let Some(source_ips) = batch.column_by_name("source_ips") else { return Ok(None) };
        let wrong = |name: &str| ArrowError::SchemaError(format!("no column {name} of its type"));
        let list = |array: &'a ArrayRef, name: &str| array.as_list_opt::<i32>().ok_or_else(|| wrong(name));
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(name));
        let flag = |name: &str| column(name)?.as_boolean_opt().ok_or_else(|| wrong(name));
        Ok(Some(OriginColumns {
            source_ips: list(source_ips, "source_ips")?,
            source_ip_overflow: flag("source_ip_overflow")?,
            vpc_endpoint_ids: list(column("vpc_endpoint_ids")?, "vpc_endpoint_ids")?,
            vpc_endpoint_overflow: flag("vpc_endpoint_overflow")?,
            without_vpc_endpoint: flag("without_vpc_endpoint")?,
            with_mfa: flag("with_mfa")?,
            without_mfa: flag("without_mfa")?,
            mfa_not_recorded: flag("mfa_not_recorded")?,
        }))
    }

    /// A row's origin, if it was recorded.
    pub(super) fn value(&self, row: usize, known: &mut Texts) -> Option<Origin> {
        let flag = |array: &BooleanArray| array.is_valid(row).then(|| array.value(row));
        Some(Origin {
            source_ips: Smallest { items: items(self.source_ips, row, known)?, more: flag(self.source_ip_overflow)? },
            vpc_endpoint_ids: Smallest {
                items: items(self.vpc_endpoint_ids, row, known)?,
                more: flag(self.vpc_endpoint_overflow)?,
            },
            without_vpc_endpoint: flag(self.without_vpc_endpoint)?,
            with_mfa: flag(self.with_mfa)?,
            without_mfa: flag(self.without_mfa)?,
            mfa_not_recorded: flag(self.mfa_not_recorded)?,
        })
    }
}

#[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
#[expect(clippy::indexing_slicing, reason = "a row has an offset before and behind it")]
fn items(lists: &ListArray, row: usize, known: &mut Texts) -> Option<Vec<Text>> {
    let offsets = lists.value_offsets();
    let places = lists.is_valid(row).then(|| offsets[row] as usize..offsets[row + 1] as usize)?;
    let texts = lists.values().as_string_opt::<i32>()?;
    Some(places.filter(|place| texts.is_valid(*place)).map(|place| known.text_of(texts.value(place))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_come_back_as_they_were() {
        let some = |texts: &[&str]| texts.iter().map(|text| Text::from(*text)).collect::<Vec<_>>();
        let known = Origin {
            source_ips: Smallest { items: some(&["", "192.0.2.1", "AWS Internal"]), more: true },
            vpc_endpoint_ids: Smallest { items: some(&["vpce-1"]), more: false },
            with_mfa: true,
            ..Origin::default()
        };
        let origins = [Some(&known), None, Some(&Origin::default())];
        let schema = Table::Usage.schema();
        let columns = origin_columns(&origins);
        let fields =
            schema.fields().iter().skip_while(|field| field.name() != "source_ips").take(columns.len()).cloned();
        let schema = arrow::datatypes::Schema::new(fields.collect::<arrow::datatypes::Fields>());
        let batch = RecordBatch::try_new(Arc::new(schema), columns.to_vec()).unwrap();
        let back = OriginColumns::of(&batch).unwrap().unwrap();
        assert_eq!([0, 1, 2].map(|row| back.value(row, &mut Texts::new())), origins.map(|origin| origin.cloned()));
        assert!(OriginColumns::of(&batch.project(&[1, 2]).unwrap()).unwrap().is_none());
    }
}
