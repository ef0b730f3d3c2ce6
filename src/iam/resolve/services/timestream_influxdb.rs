//! `timestream-influxdb`: tags on what it makes.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // The tags are the restored instance's or cluster's, not the backup's.
    // Source: Timestream for InfluxDB API Reference, RestoreFromDbBackup, "tags".
    tagged_types: Some(|operation, _| {
        (operation == "RestoreFromDbBackup").then(|| BTreeSet::from(["db-cluster", "db-instance"].map(str::to_owned)))
    }),
    ..ServiceRules::new("timestream-influxdb")
};
