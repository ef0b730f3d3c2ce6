//! Queues of SQS, which requests name by URLs: `https://sqs.eu-west-1.amazonaws.com/111122223333/queue`, of older
//! clients `https://eu-west-1.queue.amazonaws.com/111122223333/queue`.
//!
//! Source: SQS Developer Guide, "Queue and message identifiers": a URL has the account of the queue's owner in it; AWS
//! General Reference, "Amazon SQS endpoints".

use crate::iam::arn::RegionAccount;
use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::{escape, is_account_id, is_plain};
use crate::iam::request::Request;
use crate::iam::resolve::resources::fill::fill;

/// The queues that a request names by URLs, or by a name with its owner's account.
pub(in crate::iam) fn arns(form: &ArnFormat, request: &Request<'_>) -> Vec<String> {
    let urls = request.parameters.texts("QueueUrl");
    if urls.is_empty() {
        return of_owner(form, request).into_iter().collect();
    }
    let arn = |url: &&str| {
        let (host, path) = url.split_once("://")?.1.split_once('/')?;
        let (account, name) = path.split_once('/').filter(|(account, _)| is_account_id(account))?;
        let place = RegionAccount { account_id: Some(account), aws_region: region(host).or(request.event.aws_region) };
        let name = escape(Some(name).filter(|name| !name.is_empty() && !name.contains(['/', ':']))?);
        Some(fill(form, place, |_| Some(&name)))
    };
    urls.iter().filter_map(arn).collect()
}

/// Source: SQS API Reference, GetQueueUrl, "QueueOwnerAWSAccountId".
fn of_owner(form: &ArnFormat, request: &Request<'_>) -> Option<String> {
    let owner = request.parameters.text("QueueOwnerAWSAccountId").filter(|account| is_account_id(account))?;
    let name = escape(request.parameters.text("QueueName").filter(|name| !name.contains(['/', ':']))?);
    Some(fill(form, RegionAccount { account_id: Some(owner), ..request.event }, |_| Some(&name)))
}

/// The region in an endpoint's host.
fn region(host: &str) -> Option<&str> {
    let region = match host.strip_prefix("sqs.") {
        Some(rest) => rest.split('.').next()?,
        None => host.split_once(".queue.")?.0,
    };
    Some(region).filter(|region| is_plain(region) && region.contains('-'))
}
