//! The tables that live in Parquet: names, ids in the catalog, schemas, sort orders.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::record::schema::{self, FIELD_ID_KEY, Kind};

/// A table of the store, partitioned by the UTC day in its `event_date` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One row a CloudTrail event.
    Events,
    /// One row a principal × session × action × resource × outcome × day, exact but for rows with `overflow`.
    Usage,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 2] = [Table::Events, Table::Usage];

    /// The table's name in the catalog and in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Table::Events => "events",
            Table::Usage => "usage",
        }
    }

    /// `ducklake_table.table_id`.
    pub(super) fn id(self) -> i64 {
        match self {
            Table::Events => 1,
            Table::Usage => 2,
        }
    }

    /// `ducklake_partition_info.partition_id`.
    pub(super) fn partition_id(self) -> i64 {
        self.id() + 2
    }

    /// The Arrow schema of the table's files, with Parquet field ids.
    pub fn schema(self) -> SchemaRef {
        match self {
            Table::Events => schema::events(),
            Table::Usage => usage(),
        }
    }

    /// The columns by which the rows of every file are sorted, ascending, nulls first.
    pub fn sort_order(self) -> &'static [&'static str] {
        match self {
            Table::Events => schema::SORT_ORDER,
            Table::Usage => &["account_id", "principal_arn", "event_source", "event_name"],
        }
    }

    /// What a column says, for people.
    pub fn comment(self, column: &str) -> Option<&'static str> {
        match self {
            Table::Events => schema::COLUMNS.iter().find(|c| c.name == column).map(|c| c.what),
            Table::Usage => USAGE_COLUMNS.iter().find(|c| c.1 == column).map(|c| c.4),
        }
    }

    /// Whether a column carries a bloom filter.
    pub(super) fn has_bloom_filter(self, column: &str) -> bool {
        self == Table::Events && schema::COLUMNS.iter().any(|c| c.name == column && c.bloom)
    }

    /// Whether every value of a column is another: a dictionary of it would be the column over again.
    pub(super) fn is_unique(self, column: &str) -> bool {
        self == Table::Events && matches!(column, "event_id" | "request_id")
            || self == Table::Usage && column == "example_event_id"
    }

    /// Whether a column holds texts that come again and again, so that its files have a dictionary of them.
    pub(crate) fn has_words(self, column: &str) -> bool {
        self.has_statistics(column) && !self.is_unique(column)
    }

    /// Whether a column has bounds worth keeping: free text and random ids have none that would ever prune.
    pub(super) fn has_statistics(self, column: &str) -> bool {
        let free = |c: &&schema::Column| {
            matches!(c.kind, Kind::Json | Kind::Resources)
                || [schema::ADDITIONAL_FIELDS, schema::EMPTY_FIELDS, "error_message", "event_id", "request_id"]
                    .contains(&c.name)
        };
        self == Table::Usage || !schema::COLUMNS.iter().filter(free).any(|c| c.name == column)
    }
}

/// What a column of `usage` holds.
#[derive(Clone, Copy)]
enum Type {
    Date,
    Text,
    /// A list of texts, with the id of its element.
    Texts(u16),
    Count,
    Time,
    Flag,
}

/// Columns of `usage`: id, name, type, whether it may be null: those that came later are null in rows from before; what
/// it says, for people. Ids are written into every file and every catalog, so that none may ever be given to anything
/// else: append, never reorder, and take the id behind the greatest, list elements' included.
///
/// A row with `overflow` counts the further resources of a container: its `resource` is the container and `*`
/// (`usage::RESOURCES_MAX`).
#[rustfmt::skip]
const USAGE_COLUMNS: &[(u16, &str, Type, bool, &str)] = &[
    (1, "event_date", Type::Date, false,
        "day of the uses, UTC; files are by day, so that a condition on it reads only those days"),
    (2, "account_id", Type::Text, false,
        "account in which the principal lives, or that logged the event where that isn't known"),
    (3, "principal_arn", Type::Text, false,
        "who acted: the role's, user's or root's ARN, without the session"),
    (4, "principal_type", Type::Text, false,
        "what the principal is: AssumedRole, IAMUser, Root, AWSService, …"),
    (5, "permission_set", Type::Text, true,
        "Identity Center permission set that the role belongs to"),
    (6, "session_name", Type::Text, true,
        "name of the role's session; with Identity Center the person"),
    (7, "action", Type::Text, true,
        "IAM action: s3:GetObject; NULL where the call needs no permission"),
    (8, "resource", Type::Text, false,
        "ARN on which it was taken, or *"),
    (9, "outcome", Type::Text, false,
        "allowed, denied, or undecided: failed before anybody decided"),
    (10, "confidence", Type::Text, false,
        "how sure the action is: stated, documented, catalogued, inferred or unverified"),
    (11, "rule", Type::Text, false,
        "rule by which the action was found"),
    (12, "passed_to_service", Type::Text, true,
        "service that got the role, of iam:PassRole"),
    (13, "event_source", Type::Text, false,
        "service that was called: s3.amazonaws.com"),
    (14, "event_name", Type::Text, false,
        "operation that was called: RunInstances"),
    (15, "aws_region", Type::Text, false,
        "region that was called"),
    (16, "via", Type::Text, true,
        "AWS service that called on behalf of the principal"),
    (17, "event_count", Type::Count, false,
        "events that are counted here"),
    (18, "first_time", Type::Time, false,
        "time of the first of them, UTC"),
    (19, "last_time", Type::Time, false,
        "time of the last of them, UTC"),
    (20, "example_event_id", Type::Text, false,
        "one of them: trailpare explain EVENT_ID"),
    (21, "cross_account", Type::Flag, false,
        "whether the account that was called is another than the principal's"),
    (22, "source_ips", Type::Texts(23), true,
        "addresses from which it was used, 16 at the most"),
    (24, "source_ip_overflow", Type::Flag, true,
        "whether there were more addresses"),
    (25, "vpc_endpoint_ids", Type::Texts(26), true,
        "VPC endpoints through which it was used, 16 at the most"),
    (27, "vpc_endpoint_overflow", Type::Flag, true,
        "whether there were more VPC endpoints"),
    (28, "without_vpc_endpoint", Type::Flag, true,
        "whether it was used without a VPC endpoint too"),
    (29, "with_mfa", Type::Flag, true,
        "whether it was used in a session with MFA"),
    (30, "without_mfa", Type::Flag, true,
        "whether it was used in a session without MFA"),
    (31, "mfa_not_recorded", Type::Flag, true,
        "whether it was used where the record doesn't tell of MFA"),
    (32, "overflow", Type::Flag, true,
        "whether the row counts further resources of a container together, without their names"),
];

fn usage() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let field = |name: &str, data_type: DataType, nullable: bool, id: u16| {
            Field::new(name, data_type, nullable).with_metadata([(FIELD_ID_KEY.to_owned(), id.to_string())].into())
        };
        let fields = USAGE_COLUMNS.iter().map(|(id, name, column, nullable, _)| {
            let data_type = match column {
                Type::Date => DataType::Date32,
                Type::Text => DataType::Utf8,
                Type::Count => DataType::Int64,
                Type::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
                Type::Flag => DataType::Boolean,
                Type::Texts(id) => DataType::List(Arc::new(field("element", DataType::Utf8, true, *id))),
            };
            field(name, data_type, *nullable, *id)
        });
        Arc::new(Schema::new(fields.collect::<Fields>()))
    });
    Arc::clone(&SCHEMA)
}

/// One column as the catalog lists it: nested fields have the id of the field around them.
pub(super) struct CatalogColumn {
    pub id: i64,
    pub name: String,
    pub ducklake_type: &'static str,
    pub nullable: bool,
    pub parent: Option<i64>,
}

/// Every column of a table, nested ones included, as `ducklake_column` wants them.
pub(super) fn catalog_columns(table: Table) -> Vec<CatalogColumn> {
    let mut columns = Vec::new();
    for field in table.schema().fields() {
        push_column(field, None, &mut columns);
    }
    columns
}

fn push_column(field: &Field, parent: Option<i64>, columns: &mut Vec<CatalogColumn>) {
    let id = field_id(field);
    columns.push(CatalogColumn {
        id,
        name: field.name().clone(),
        ducklake_type: ducklake_type(field.data_type()),
        nullable: field.is_nullable(),
        parent,
    });
    match field.data_type() {
        DataType::List(element) => push_column(element, Some(id), columns),
        DataType::Struct(members) => members.iter().for_each(|m| push_column(m, Some(id), columns)),
        _ => {}
    }
}

/// The Parquet field id in a field's metadata; 0 when it has none (none of ours).
pub(super) fn field_id(field: &Field) -> i64 {
    field.metadata().get(FIELD_ID_KEY).and_then(|id| id.parse().ok()).unwrap_or(0)
}

fn ducklake_type(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Int64 => "int64",
        DataType::Date32 => "date",
        DataType::Timestamp(_, _) => "timestamptz",
        DataType::List(_) => "list",
        DataType::Struct(_) => "struct",
        _ => "varchar",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_ids_are_unique_and_dense() {
        for table in Table::ALL {
            let mut ids: Vec<i64> = catalog_columns(table).iter().map(|c| c.id).collect();
            ids.sort_unstable();
            assert_eq!(ids, (1..=ids.len() as i64).collect::<Vec<_>>(), "{table:?}");
        }
    }

    #[test]
    fn stores_that_are_there_keep_their_ids() {
        let ids: Vec<(i64, String)> = catalog_columns(Table::Usage).into_iter().map(|c| (c.id, c.name)).collect();
        for (id, name) in [(1, "event_date"), (21, "cross_account"), (22, "source_ips"), (23, "element")] {
            assert!(ids.contains(&(id, name.to_owned())), "{id} {name}");
        }
        for (id, name) in
            [(24, "source_ip_overflow"), (25, "vpc_endpoint_ids"), (26, "element"), (31, "mfa_not_recorded")]
        {
            assert!(ids.contains(&(id, name.to_owned())), "{id} {name}");
        }
    }

    #[test]
    fn sort_orders_name_columns() {
        for table in Table::ALL {
            for column in table.sort_order() {
                assert!(table.schema().field_with_name(column).is_ok(), "{table:?} {column}");
            }
        }
    }
}
