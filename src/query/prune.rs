//! Leaving out files that cannot hold a row of the answer, by what the catalog knows of them.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, ScalarValue, Statistics};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

use crate::store::{ColumnStats, DataFile};
use crate::time::{parse_date, parse_time};

/// The files that may hold rows for which `predicate` is true.
pub(super) fn prune<'a>(
    files: Vec<&'a DataFile>,
    schema: &SchemaRef,
    predicate: Option<Arc<dyn PhysicalExpr>>,
) -> Result<Vec<&'a DataFile>> {
    let Some(predicate) = predicate else { return Ok(files) };
    let predicate = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema)).try_build(predicate)?;
    if predicate.always_true() || files.is_empty() {
        return Ok(files);
    }
    let keep = predicate.prune(&FileBounds { files: &files, schema })?;
    Ok(files.into_iter().zip(keep).filter_map(|(file, keep)| keep.then_some(file)).collect())
}

/// The catalog's statistics, one container a file, as DataFusion asks for them.
struct FileBounds<'a> {
    files: &'a [&'a DataFile],
    schema: &'a SchemaRef,
}

impl FileBounds<'_> {
    fn bounds(&self, column: &Column, which: impl Fn(&Bounds) -> ScalarValue) -> Option<ArrayRef> {
        let index = self.schema.index_of(&column.name).ok()?;
        let data_type = self.schema.field(index).data_type();
        let unknown = ScalarValue::try_from(data_type).ok()?;
        let values = self
            .files
            .iter()
            .map(|file| Bounds::of(file, index, self.schema).map_or_else(|| unknown.clone(), |bounds| which(&bounds)));
        ScalarValue::iter_to_array(values).ok()
    }
}

impl PruningStatistics for FileBounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |bounds| bounds.min.clone())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |bounds| bounds.max.clone())
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let index = self.schema.index_of(&column.name).ok()?;
        let counts = self.files.iter().map(|file| null_count(file, index));
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.files.iter().map(|file| file.rows))))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// Bounds of one column in one file.
struct Bounds {
    min: ScalarValue,
    max: ScalarValue,
}

impl Bounds {
    fn of(file: &DataFile, column: usize, schema: &SchemaRef) -> Option<Bounds> {
        let field = schema.field(column);
        if field.name() == "event_date" {
            let day = ScalarValue::Date32(Some(file.event_date));
            return Some(Bounds { min: day.clone(), max: day });
        }
        let stats = stats(file, column)?;
        Some(Bounds {
            min: scalar(stats.min.as_deref()?, field.data_type())?,
            max: scalar(stats.max.as_deref()?, field.data_type())?,
        })
    }
}

fn stats(file: &DataFile, column: usize) -> Option<&ColumnStats> {
    file.columns.iter().find(|stats| stats.column == column)
}

/// How many rows are null, where that is known: a column without statistics in its file is listed with no nulls.
fn null_count(file: &DataFile, column: usize) -> Option<u64> {
    let stats = stats(file, column)?;
    (stats.min.is_some() || stats.null_count == file.rows).then_some(stats.null_count)
}

/// A bound as the catalog spells it. Integers have none: the catalog's text order is not theirs.
fn scalar(text: &str, data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        DataType::Utf8 => Some(ScalarValue::Utf8(Some(text.to_owned()))),
        DataType::Utf8View => Some(ScalarValue::Utf8View(Some(text.to_owned()))),
        DataType::Boolean => match text {
            "0" => Some(ScalarValue::Boolean(Some(false))),
            "1" => Some(ScalarValue::Boolean(Some(true))),
            _ => None,
        },
        DataType::Date32 => Some(ScalarValue::Date32(Some(parse_date(text)?))),
        DataType::Timestamp(_, zone) => {
            let time_us = parse_time(text.strip_suffix("+00")?)?;
            Some(ScalarValue::TimestampMicrosecond(Some(time_us), zone.clone()))
        }
        _ => None,
    }
}

/// What the optimizer may know of a file, of these columns. Bounds of texts are cut to a length, so they bound but
/// aren't values.
#[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
pub(super) fn statistics(file: &DataFile, schema: &SchemaRef, columns: &BTreeSet<usize>) -> Statistics {
    let column = |index: usize| {
        let mut column = ColumnStatistics::new_unknown();
        if !columns.contains(&index) {
            return column;
        }
        let is_text = matches!(schema.field(index).data_type(), DataType::Utf8 | DataType::Utf8View);
        let precision = |value| if is_text { Precision::Inexact(value) } else { Precision::Exact(value) };
        if let Some(bounds) = Bounds::of(file, index, schema) {
            column.min_value = precision(bounds.min);
            column.max_value = precision(bounds.max);
        }
        if let Some(nulls) = null_count(file, index) {
            column.null_count = Precision::Exact(nulls as usize);
        }
        column
    };
    Statistics {
        num_rows: Precision::Exact(file.rows as usize),
        total_byte_size: Precision::Inexact(file.size_bytes as usize),
        column_statistics: (0..schema.fields().len()).map(column).collect(),
    }
}
