//! What completion knows of a session: tables, their columns, functions, and values of columns that have few.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use tokio::runtime::Handle;

use crate::query::{self, RELATIONS};
use crate::util::shown::is_harmful;

/// How long values are looked for: what was found by then is offered.
const LOOK: Duration = Duration::from_millis(600);

/// Values of a column that are offered at the most, and the longest.
const VALUES_MAX: usize = 1_000;
const VALUE_MAX_CHARS: usize = 200;

/// Columns with few values, and where these are found soonest: the roll-up is much smaller than the events. Names are
/// compared without `_`, so that those of Athena and Lake are meant as well.
const FEW: &[(&str, &str, &str)] = &[
    ("event_source", "usage_by_file", "event_source"),
    ("event_name", "usage_by_file", "event_name"),
    ("aws_region", "usage_by_file", "aws_region"),
    ("region", "usage_by_file", "aws_region"),
    ("account_id", "usage_by_file", "account_id"),
    ("account", "usage_by_file", "account_id"),
    ("principal_account_id", "usage_by_file", "account_id"),
    ("recipient_account_id", "events", "recipient_account_id"),
    ("user_identity_account_id", "events", "user_identity_account_id"),
    ("principal_arn", "usage_by_file", "principal_arn"),
    ("principal_type", "usage_by_file", "principal_type"),
    ("permission_set", "usage_by_file", "permission_set"),
    ("session_name", "usage_by_file", "session_name"),
    ("action", "usage_by_file", "action"),
    ("outcome", "usage_by_file", "outcome"),
    ("confidence", "usage_by_file", "confidence"),
    ("rule", "usage_by_file", "rule"),
    ("via", "usage_by_file", "via"),
    ("event_type", "events", "event_type"),
    ("event_category", "events", "event_category"),
    ("error_code", "events", "error_code"),
    ("user_identity_type", "events", "user_identity_type"),
    ("user_identity_invoked_by", "events", "user_identity_invoked_by"),
    ("tls_version", "events", "tls_version"),
];

/// What is known, looked up when it is asked for.
pub(super) struct Known {
    session: SessionContext,
    runtime: Handle,
    functions: Vec<String>,
    columns: RefCell<HashMap<String, Rc<Vec<String>>>>,
    values: RefCell<HashMap<&'static str, Rc<Vec<String>>>>,
}

impl Known {
    pub fn new(session: SessionContext, runtime: Handle) -> Known {
        let functions = query::functions(&session);
        Known { session, runtime, functions, columns: RefCell::default(), values: RefCell::default() }
    }

    /// Tables and views, ours first.
    pub fn tables(&self) -> Vec<String> {
        query::tables(&self.session)
    }

    /// Functions, by name.
    pub fn functions(&self) -> &[String] {
        &self.functions
    }

    /// The columns of a table; none of what is no table.
    pub fn columns(&self, table: &str) -> Rc<Vec<String>> {
        if let Some(columns) = self.columns.borrow().get(table) {
            return Rc::clone(columns);
        }
        let found = self.runtime.block_on(query::columns(&self.session, table));
        let names = found.map(|columns| columns.into_iter().map(|column| column.name).collect()).unwrap_or_default();
        let names = Rc::new(names);
        // Tables that a session made may change.
        if RELATIONS.iter().any(|relation| relation.name == table) {
            self.columns.borrow_mut().insert(table.to_owned(), Rc::clone(&names));
        }
        names
    }

    /// The values of a column, if it is one that has few.
    pub fn values(&self, column: &str) -> Rc<Vec<String>> {
        let plain = |name: &str| name.replace('_', "").to_lowercase();
        let wanted = plain(column);
        let Some((_, table, source)) = FEW.iter().find(|(name, _, _)| plain(name) == wanted) else {
            return Rc::default();
        };
        if let Some(values) = self.values.borrow().get(source) {
            return Rc::clone(values);
        }
        let values = Rc::new(self.runtime.block_on(self.look(table, source)));
        self.values.borrow_mut().insert(source, Rc::clone(&values));
        values
    }

    async fn look(&self, table: &str, column: &str) -> Vec<String> {
        let begun = Instant::now();
        let mut found = BTreeSet::new();
        let Ok(frame) = self.session.table(table).await.and_then(|table| table.select_columns(&[column])) else {
            return Vec::new();
        };
        let Ok(mut rows) = frame.execute_stream().await else { return Vec::new() };
        let options = FormatOptions::default();
        while let Some(Ok(batch)) = rows.next().await {
            let Some(values) = batch.columns().first() else { break };
            let Ok(formatter) = ArrayFormatter::try_new(values, &options) else { break };
            let mut last = String::new();
            for row in 0..batch.num_rows() {
                let value = formatter.value(row).to_string();
                if value == last {
                    continue;
                }
                // What would act on the terminal is not offered.
                let is_fit = !value.is_empty()
                    && value.chars().take(VALUE_MAX_CHARS + 1).count() <= VALUE_MAX_CHARS
                    && !value.chars().any(is_harmful);
                if is_fit {
                    found.insert(value.clone());
                }
                last = value;
            }
            if found.len() >= VALUES_MAX || begun.elapsed() > LOOK {
                break;
            }
        }
        found.into_iter().take(VALUES_MAX).collect()
    }
}
