//! The tools: what they are called, what they say of themselves, what they take.

use serde_json::{Value, json};

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Status,
    Actions,
    Explain,
    Reference,
    ListQueries,
    RunQuery,
    Sql,
}

impl Tool {
    pub const ALL: [Tool; 7] =
        [Tool::Status, Tool::Reference, Tool::Sql, Tool::ListQueries, Tool::RunQuery, Tool::Actions, Tool::Explain];

    /// The tool of a name.
    pub fn named(name: &str) -> Option<Tool> {
        Tool::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Status => "status",
            Tool::Actions => "actions",
            Tool::Explain => "explain",
            Tool::Reference => "reference",
            Tool::ListQueries => "list_queries",
            Tool::RunQuery => "run_query",
            Tool::Sql => "sql",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Tool::Status => "What is in the store",
            Tool::Actions => "Which IAM actions were used",
            Tool::Explain => "What one event took",
            Tool::Reference => "Tables, columns, functions",
            Tool::ListQueries => "Named queries",
            Tool::RunQuery => "Run a named query",
            Tool::Sql => "Ask in SQL",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Tool::Status => {
                "What is in the store of CloudTrail events: days, accounts, regions, numbers of events, what was \
                 not taken in, and how much is proved by digests. Ask this first."
            }
            Tool::Actions => {
                "Which IAM actions principals really used, on which resources, with what outcome, how often, \
                 first and last. At least one of role, user, permission_set and principal says whose."
            }
            Tool::Explain => {
                "How events became IAM actions and resources, and by which rule, by their eventID; with record: \
                 true their whole records as CloudTrail wrote them."
            }
            Tool::Reference => {
                "What a table, a view, a column, a function or a named query is. The topics \"tables\" and \
                 \"queries\" list them; a table's name lists its columns."
            }
            Tool::ListQueries => {
                "The named queries for auditors and responders, with their parameters: all, or those about a \
                 word, such as mfa, root, kms, T1078. Prefer one of them to SQL of your own where it answers the \
                 question."
            }
            Tool::RunQuery => "Runs a named query with its parameters.",
            Tool::Sql => {
                "Answers one SELECT in the dialect of PostgreSQL, Athena or CloudTrail Lake. Tables: events (one \
                 row an event), usage (who used which action on what, a row a day), event_actions. Days: \
                 event_date = DATE '2024-03-01'. Parameters of a call: request_parameters ->> 'bucketName'. A \
                 named query is a table: FROM denied_calls(principal => '%deploy%'). Nothing can be changed."
            }
        }
    }

    /// What it takes, as JSON Schema.
    pub fn input(self) -> Value {
        let texts = |what: &str| {
            let text = json!({ "type": "string" });
            json!({ "description": what, "anyOf": [text, { "type": "array", "items": text }] })
        };
        let text = |what: &str| json!({ "type": "string", "description": what });
        let rows = json!({ "type": "integer", "minimum": 1, "description": "Rows that are given at the most." });
        let time = "A day (2024-03-01), a time (2024-03-01T12:00:00Z) or so long ago (90d, 24h).";
        let (properties, required): (Value, &[&str]) = match self {
            Tool::Status => (json!({}), &[]),
            Tool::Actions => (
                json!({
                    "role": texts("Roles: a name, an ARN, or a glob over either."),
                    "user": texts("IAM users: a name, an ARN, or a glob over either; root for an account's root."),
                    "permission_set": texts("Identity Center permission sets: a name or a glob."),
                    "principal": texts("Any principal: a glob over its ARN; * for everybody."),
                    "session": texts("Only sessions of this name: for Identity Center roles the person."),
                    "account": texts("Only principals of this account."),
                    "from": text(&format!("From this time on. {time}")),
                    "to": text(&format!("Up to this time; a day is taken whole. {time}")),
                    "by": {
                        "type": "string",
                        "enum": ["principal", "session", "account"],
                        "description": "Whose uses are added up."
                    },
                    "max_rows": rows,
                }),
                &[],
            ),
            Tool::Explain => (
                json!({
                    "event_id": texts("CloudTrail's eventID, or several of them."),
                    "record": { "type": "boolean", "description": "The whole records too." },
                }),
                &["event_id"],
            ),
            Tool::Reference => (
                json!({ "topic": text("tables, queries, or the name of a table, view, column, function or query.") }),
                &["topic"],
            ),
            Tool::ListQueries => (json!({ "word": text("Only those about this word.") }), &[]),
            Tool::RunQuery => (
                json!({
                    "name": text("The name of the query."),
                    "parameters": {
                        "type": "object",
                        "description": "Values of its parameters; others have their defaults.",
                        "additionalProperties": { "type": ["string", "number", "boolean"] }
                    },
                    "max_rows": rows,
                }),
                &["name"],
            ),
            Tool::Sql => (json!({ "sql": text("One SELECT."), "max_rows": rows }), &["sql"]),
        };
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    /// The tool as `tools/list` has it.
    pub fn listed(self) -> Value {
        json!({
            "name": self.name(),
            "title": self.title(),
            "description": self.description(),
            "inputSchema": self.input(),
            "annotations": {
                "title": self.title(),
                "readOnlyHint": true,
                "destructiveHint": false,
                "idempotentHint": true,
                "openWorldHint": false,
            },
        })
    }
}
