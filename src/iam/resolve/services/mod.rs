//! What is particular to single services: one file a service, all of one shape, [`ServiceRules`].
//!
//! A wrong action or resource of one service is mended in its file, or in `catalog/tables/overrides.txt`. A new file is
//! entered in the list below. The general rules ask [`of`].

mod airflow;
mod apigateway;
mod application_signals;
mod apprunner;
mod aps;
mod arc_zonal_shift;
mod athena;
mod auditmanager;
mod autoscaling;
mod backup;
mod batch;
mod bcm_data_exports;
pub mod bedrock;
mod bedrock_agentcore;
mod braket;
mod budgets;
mod cassandra;
mod chime;
mod clouddirectory;
mod cloudformation;
mod cloudfront;
mod cloudhsm;
mod cloudtrail;
mod cloudwatch;
mod codeartifact;
mod codebuild;
mod codecommit;
mod codeconnections;
mod codeguru_reviewer;
mod codepipeline;
mod cognito_identity;
mod cognito_idp;
mod comprehend;
mod config;
mod connect;
mod datapipeline;
mod deadline;
mod directconnect;
mod drs;
pub mod dsql;
mod dynamodb;
mod ebs;
mod ec2;
mod ecs;
mod eks;
mod elasticache;
mod elasticbeanstalk;
mod elasticfilesystem;
mod elasticloadbalancing;
mod elasticmapreduce;
mod emr_containers;
mod es;
mod events;
mod fsx;
mod gamelift;
mod geo;
mod globalaccelerator;
mod glue;
mod grafana;
mod greengrass;
mod guardduty;
mod iam;
mod imagebuilder;
mod iot;
mod iotfleetwise;
mod iotsitewise;
mod iottwinmaker;
mod kafka;
mod kafkaconnect;
mod kinesis;
mod kinesisvideo;
pub mod kms;
mod lambda;
mod lex;
mod license_manager;
pub mod logs;
mod lookoutequipment;
mod macie2;
mod medialive;
mod mediapackage_vod;
mod mediatailor;
mod mgn;
mod mobiletargeting;
mod mq;
mod neptune_db;
mod neptune_graph;
mod network_firewall;
mod observabilityadmin;
mod omics;
mod opsworks;
mod organizations;
mod osis;
mod partnercentral;
mod payment_cryptography;
mod pcs;
mod pi;
mod polly;
mod qapps;
mod qbusiness;
mod quicksight;
mod ram;
mod rds;
mod redshift;
mod rekognition;
mod resiliencehub;
mod resource_groups;
mod route53resolver;
mod rum;
pub mod s3;
mod s3express;
mod s3files;
mod s3tables;
mod sagemaker;
mod scheduler;
mod secretsmanager;
mod securityhub;
mod securitylake;
mod servicecatalog;
mod ses;
mod shield;
mod signer;
mod sms_voice;
mod snowball;
mod sns;
mod social_messaging;
mod sqs;
mod ssm;
mod ssm_contacts;
mod ssm_incidents;
mod ssm_quicksetup;
mod states;
mod storagegateway;
mod swf;
mod synthetics;
mod tag;
mod thinclient;
mod timestream_influxdb;
mod tnb;
mod transfer;
mod vpc_lattice;
mod wafv2;
mod wisdom;
mod workmail;
mod workspaces;

use crate::iam::resolve::service_rules::ServiceRules;

/// By their prefixes, in order.
static SERVICES: &[&ServiceRules] = &[
    &airflow::RULES,
    &apigateway::RULES,
    &autoscaling::APPLICATION_AUTOSCALING,
    &application_signals::RULES,
    &apprunner::RULES,
    &aps::RULES,
    &arc_zonal_shift::RULES,
    &athena::RULES,
    &auditmanager::RULES,
    &autoscaling::RULES,
    &backup::RULES,
    &batch::RULES,
    &bcm_data_exports::RULES,
    &bedrock::RULES,
    &bedrock_agentcore::RULES,
    &braket::RULES,
    &budgets::RULES,
    &cassandra::RULES,
    &chime::RULES,
    &clouddirectory::RULES,
    &cloudformation::RULES,
    &cloudfront::RULES,
    &cloudhsm::RULES,
    &cloudtrail::RULES,
    &cloudwatch::RULES,
    &codeartifact::RULES,
    &codebuild::RULES,
    &codecommit::RULES,
    &codeconnections::RULES,
    &codeguru_reviewer::RULES,
    &codepipeline::RULES,
    &codeconnections::CODESTAR_CONNECTIONS,
    &cognito_identity::RULES,
    &cognito_idp::RULES,
    &comprehend::RULES,
    &config::RULES,
    &connect::RULES,
    &datapipeline::RULES,
    &deadline::RULES,
    &directconnect::RULES,
    &drs::RULES,
    &dsql::RULES,
    &dynamodb::RULES,
    &ebs::RULES,
    &ec2::RULES,
    &ecs::RULES,
    &eks::RULES,
    &elasticache::RULES,
    &elasticbeanstalk::RULES,
    &elasticfilesystem::RULES,
    &elasticloadbalancing::RULES,
    &elasticmapreduce::RULES,
    &emr_containers::RULES,
    &es::RULES,
    &events::RULES,
    &fsx::RULES,
    &gamelift::RULES,
    &geo::RULES,
    &globalaccelerator::RULES,
    &glue::RULES,
    &grafana::RULES,
    &greengrass::RULES,
    &guardduty::RULES,
    &iam::RULES,
    &imagebuilder::RULES,
    &iot::RULES,
    &iotfleetwise::RULES,
    &iot::IOTJOBSDATA,
    &iotsitewise::RULES,
    &iottwinmaker::RULES,
    &kafka::RULES,
    &kafkaconnect::RULES,
    &kinesis::RULES,
    &kinesisvideo::RULES,
    &kms::RULES,
    &lambda::RULES,
    &lex::RULES,
    &license_manager::RULES,
    &logs::RULES,
    &lookoutequipment::RULES,
    &macie2::RULES,
    &medialive::RULES,
    &mediapackage_vod::RULES,
    &mediatailor::RULES,
    &mgn::RULES,
    &mobiletargeting::RULES,
    &mq::RULES,
    &neptune_db::RULES,
    &neptune_graph::RULES,
    &network_firewall::RULES,
    &observabilityadmin::RULES,
    &omics::RULES,
    &opsworks::RULES,
    &opsworks::OPSWORKS_CM,
    &organizations::RULES,
    &osis::RULES,
    &partnercentral::RULES,
    &payment_cryptography::RULES,
    &pcs::RULES,
    &pi::RULES,
    &polly::RULES,
    &qapps::RULES,
    &qbusiness::RULES,
    &quicksight::RULES,
    &ram::RULES,
    &rds::RULES,
    &redshift::RULES,
    &redshift::REDSHIFT_DATA,
    &redshift::REDSHIFT_SERVERLESS,
    &rekognition::RULES,
    &resiliencehub::RULES,
    &resource_groups::RULES,
    &route53resolver::RULES,
    &rum::RULES,
    &s3::RULES,
    &s3express::RULES,
    &s3files::RULES,
    &s3tables::RULES,
    &sagemaker::RULES,
    &scheduler::RULES,
    &secretsmanager::RULES,
    &securityhub::RULES,
    &securitylake::RULES,
    &servicecatalog::RULES,
    &ses::RULES,
    &shield::RULES,
    &signer::RULES,
    &sms_voice::RULES,
    &snowball::RULES,
    &sns::RULES,
    &social_messaging::RULES,
    &sqs::RULES,
    &ssm::RULES,
    &ssm_contacts::RULES,
    &ssm_incidents::RULES,
    &ssm_quicksetup::RULES,
    &states::RULES,
    &storagegateway::RULES,
    &swf::RULES,
    &synthetics::RULES,
    &tag::RULES,
    &thinclient::RULES,
    &timestream_influxdb::RULES,
    &tnb::RULES,
    &transfer::RULES,
    &vpc_lattice::RULES,
    &wafv2::WAF_REGIONAL,
    &wafv2::RULES,
    &wisdom::RULES,
    &workmail::RULES,
    &workspaces::RULES,
];

/// What is particular to a service, by its IAM prefix.
pub(in crate::iam) fn of(prefix: &str) -> &'static ServiceRules {
    static NONE: ServiceRules = ServiceRules::new("");
    match SERVICES.binary_search_by(|rules| rules.prefix.cmp(prefix)) {
        Ok(at) => SERVICES.get(at).copied().unwrap_or(&NONE),
        Err(_) => &NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Catalog;
    use crate::iam::resolve::service_rules::PassedFor;

    #[test]
    fn the_list_is_in_order_and_of_services_that_are_known() {
        let catalog = Catalog::embedded();
        assert!(SERVICES.is_sorted_by(|a, b| a.prefix < b.prefix));
        for rules in SERVICES {
            let prefix = rules.prefix;
            let service = catalog.service(prefix).unwrap_or_else(|| panic!("{prefix}"));
            assert_eq!(of(prefix).prefix, prefix);
            for to in rules.passed_to {
                let is_lower = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase());
                assert!(to.parameters.iter().all(is_lower), "{prefix}");
            }
            for (kind, _) in rules.id_prefixes {
                assert!(service.resource_types().iter().any(|known| known.name == *kind), "{prefix} {kind}");
            }
            for name in rules.tag_actions.iter().map(|(_, action)| action).chain(rules.on_caller) {
                assert!(service.action(name).is_some(), "{prefix}:{name}");
            }
            let used = rules.key_uses.iter().flat_map(|known| known.actions);
            for action in used.chain(rules.log_deliveries.iter().flat_map(|known| known.actions)) {
                assert!(catalog.action(action).is_some_and(|known| *known.name == **action), "{prefix} {action}");
            }
        }
        assert_eq!(of("no-such-service").prefix, "");
    }

    #[test]
    fn the_parameter_tells_whom_a_role_is_for() {
        for (prefix, operation, parameter, expected) in [
            ("ecs", "RunTask", "taskRoleArn", PassedFor::Services(&["ecs-tasks"])),
            ("ecs", "RunTask", "roleArn", PassedFor::Services(&["ecs"])),
            ("rds", "CreateDBInstance", "monitoringRoleArn", PassedFor::Services(&["monitoring.rds"])),
            ("rds", "AddRoleToDBInstance", "roleArn", PassedFor::Caller),
            ("glue", "CreateJob", "role", PassedFor::Caller),
            ("quicksight", "RegisterUser", "userRole", PassedFor::Nobody),
            ("apprunner", "CreateService", "accessRoleArn", PassedFor::Services(&["build.apprunner"])),
        ] {
            assert_eq!(of(prefix).passed_for(operation, parameter), expected, "{prefix} {operation} {parameter}");
        }
    }
}
