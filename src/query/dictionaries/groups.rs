//! The groups that rows belong to.

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion::error::Result;

use super::column::{Column, Source};
use super::pairs::Pairs;

/// Groups by some columns, numbered in the order in which they came.
pub(super) struct Groups {
    columns: Vec<Column>,
    /// For each column: the group by those before it, and its number, to the group by it as well.
    levels: Vec<Pairs>,
    /// Of the rows of the last batch.
    ids: Vec<u32>,
    numbers: Vec<u32>,
    rows: Vec<usize>,
}

impl Groups {
    pub fn new(sources: &[Source]) -> Groups {
        let columns: Vec<Column> = sources.iter().cloned().map(Column::new).collect();
        let levels = columns.iter().map(|_| Pairs::default()).collect();
        Groups { columns, levels, ids: Vec::new(), numbers: Vec::new(), rows: Vec::new() }
    }

    pub fn count(&self) -> usize {
        self.levels.last().map_or(0, Pairs::count)
    }

    pub fn size_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(Column::size_bytes).sum();
        let levels: usize = self.levels.iter().map(Pairs::size_bytes).sum();
        columns + levels + 4 * (self.ids.capacity() + self.numbers.capacity()) + 8 * self.rows.capacity()
    }

    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(Column::clear);
        self.levels.iter_mut().for_each(|level| *level = Pairs::default());
    }

    /// The group of each row of a batch, and how many groups there are.
    ///
    /// # Errors
    /// An expression fails.
    pub fn of(&mut self, batch: &RecordBatch) -> Result<(&[usize], usize)> {
        let Groups { columns, levels, ids, numbers, rows } = self;
        ids.clear();
        ids.resize(batch.num_rows(), 0);
        let mut known = 1;
        for (column, level) in columns.iter_mut().zip(levels) {
            numbers.clear();
            column.of(batch, numbers)?;
            level.make_room(known, column.numbers().count());
            for (id, number) in ids.iter_mut().zip(&*numbers) {
                *id = level.number(*id, *number);
            }
            known = level.count();
        }
        rows.clear();
        rows.extend(ids.iter().map(|id| *id as usize));
        Ok((rows, known))
    }

    /// The values of each column, a row a group.
    ///
    /// # Errors
    /// A value that its type does not have.
    pub fn values(&self, types: &[DataType]) -> Result<Vec<ArrayRef>> {
        let mut ids: Vec<u32> = (0..u32::try_from(self.count()).unwrap_or(u32::MAX)).collect();
        let mut values = Vec::with_capacity(types.len());
        for ((column, level), data_type) in self.columns.iter().zip(&self.levels).zip(types).rev() {
            let pairs = level.pairs();
            let pair = |id: &u32| pairs.get(*id as usize).copied().unwrap_or_default();
            let numbers: UInt32Array = ids.iter().map(|id| pair(id).1).collect();
            values.push(take(&column.numbers().values(data_type)?, &numbers, None)?);
            ids = ids.iter().map(|id| pair(id).0).collect();
        }
        values.reverse();
        Ok(values)
    }
}
