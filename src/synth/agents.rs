//! User agents, as the programs that people and machines use write them.

use super::actors::{Actor, Kind};

/// What a caller calls with.
#[derive(Debug)]
pub(super) struct Agent {
    /// `userAgent`
    pub text: String,
    /// Whether it is the console.
    pub is_console: bool,
}

/// What an actor calls with, one or the other. `version` tells releases apart, 0 to 39.
#[expect(clippy::cast_possible_truncation, reason = "made-up numbers within the bounds that the configuration sets")]
pub(super) fn agents(actor: &Actor, version: usize) -> Vec<Agent> {
    let program = |text: String| Agent { text, is_console: false };
    let console = |text: String| Agent { text, is_console: true };
    match actor.kind {
        Kind::Service => vec![program(actor.name.clone())],
        Kind::Linked => vec![program(actor.set.to_owned())],
        Kind::Root => vec![console(browser(actor, version))],
        Kind::Person => {
            vec![console(browser(actor, version)), console("AWS Internal".to_owned()), program(shell(actor, version))]
        }
        Kind::Pipeline => vec![program(pipeline(actor, version))],
        Kind::Function => vec![program(boto(
            "1.34",
            version,
            "linux#5.10.213-201.855.amzn2.x86_64",
            " exec-env/AWS_Lambda_python3.12",
        ))],
        Kind::Instance => vec![program(java(version)), program(java(version)), program(ssm_agent(version))],
        Kind::User => vec![program(boto("1.28", actor.id as usize % 60, "linux#5.15.0-91-generic", ""))],
    }
}

fn browser(actor: &Actor, version: usize) -> String {
    let release = 100 + version / 3;
    match actor.id % 3 {
        0 => format!(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/{release}.0.0.0 Safari/537.36"
        ),
        1 => format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{release}.0) Gecko/20100101 Firefox/{release}.0"),
        _ => format!(
            "aws-internal/3 aws-sdk-java/1.12.{} Linux/5.10.213-179.855.amzn2int.x86_64 \
             OpenJDK_64-Bit_Server_VM/25.402-b08 java/1.8.0_402 vendor/Oracle_Corporation cfg/retry-mode/standard",
            600 + version
        ),
    }
}

fn shell(actor: &Actor, version: usize) -> String {
    match actor.id % 3 {
        0 => format!(
            "aws-cli/2.15.{version} md/awscrt#0.19.19 ua/2.0 os/macos#23.4.0 md/arch#arm64 lang/python#3.11.8 \
             md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off"
        ),
        1 => boto("1.34", version, "windows#10", ""),
        _ => format!("aws-cli/2.13.{version} Python/3.11.6 Linux/6.2.0-39-generic exe/x86_64.ubuntu.22 prompt/off"),
    }
}

fn pipeline(actor: &Actor, version: usize) -> String {
    let service = actor.name.split('-').nth(1).unwrap_or("sts");
    match actor.id % 3 {
        0 => format!(
            "APN/1.0 HashiCorp/1.0 Terraform/1.{}.{} (+https://www.terraform.io) terraform-provider-aws/5.{version}.0 \
             (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.{}.0 ua/2.1 os/linux \
             lang/go#1.22.4 md/GOOS#linux md/GOARCH#amd64 api/{service}#1.{}.2",
            5 + version % 5,
            version % 9,
            20 + version % 12,
            20 + version
        ),
        1 => format!(
            "aws-cli/2.15.{version} Python/3.11.8 Linux/6.5.0-1016-azure exe/x86_64.ubuntu.22 prompt/off \
             command/{service}"
        ),
        _ => format!(
            "aws-sdk-js/3.{0}.0 ua/2.1 os/linux#6.5.0-1016-azure lang/js md/nodejs#20.{1}.0 api/{service}#3.{0}.0",
            400 + version * 5,
            version % 12
        ),
    }
}

fn boto(series: &str, version: usize, system: &str, environment: &str) -> String {
    format!(
        "Boto3/{series}.{version} md/Botocore#{series}.{version} ua/2.0 os/{system} md/arch#x86_64 \
         lang/python#3.12.{} md/pyimpl#CPython{environment} cfg/retry-mode#legacy Botocore/{series}.{version}",
        version % 6
    )
}

fn java(version: usize) -> String {
    format!(
        "aws-sdk-java/2.25.{version} Linux/6.1.{}-99.173.amzn2023.x86_64 OpenJDK_64-Bit_Server_VM/21.0.{}+7-LTS \
         Java/21.0.{} vendor/Amazon.com_Inc. io/sync http/Apache cfg/retry-mode/standard",
        60 + version,
        version % 4,
        version % 4
    )
}

fn ssm_agent(version: usize) -> String {
    format!("aws-sdk-go/1.{}.27 (go1.21.5; linux; amd64) amazon-ssm-agent/3.2.{}.0", 44 + version % 8, 1000 + version)
}
