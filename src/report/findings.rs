//! Findings in SARIF 2.1.0 (OASIS Standard, "Static Analysis Results Interchange Format", 2020).

use serde_json::{Value, json};

/// A log of one run.
pub(crate) fn log(rules: &[(&str, &str, &str)], results: &[Value]) -> Value {
    let rules: Vec<Value> = rules
        .iter()
        .map(|(id, level, text)| {
            json!({
                "id": id,
                "shortDescription": {"text": text},
                "defaultConfiguration": {"level": level},
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "trailpare", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// One finding.
pub(crate) fn result(rule: (usize, &str, &str), text: &str, uri: &str, whom: &str) -> Value {
    let (index, id, level) = rule;
    json!({
        "ruleId": id,
        "ruleIndex": index,
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}}}],
        "partialFingerprints": {"principal/v1": format!("{id}/{whom}")},
    })
}
