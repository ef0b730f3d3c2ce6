//! Archives in S3: the options of the commands that take archives in, and the connection that they make.

use super::CliError;
use crate::archive::{Address, Remote, Settings, is_remote};
use crate::ingest::Options;

/// How archives in S3 are reached. The names are those of the AWS CLI, as far as no option has them already.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct S3Args {
    /// Where a server listens that speaks S3's protocol, instead of AWS.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Region of the bucket, where neither environment nor profile says the right one.
    #[arg(long, value_name = "REGION")]
    bucket_region: Option<String>,
    /// Profile in the shared files of the AWS CLI.
    #[arg(long, value_name = "NAME")]
    aws_profile: Option<String>,
    /// Ask without credentials.
    #[arg(long, conflicts_with = "aws_profile")]
    no_sign_request: bool,
    /// Pay for the requests to a bucket of somebody else.
    #[arg(long)]
    request_payer: bool,
    /// Requests that may be on their way at once [default: 32].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    requests: Option<u16>,
    /// List everything: also days that were taken in before, and what lies beside CloudTrail's folders.
    #[arg(long)]
    list_all: bool,
}

impl S3Args {
    /// Notes in the options of an ingest how archives in S3 are reached, where there are such.
    pub fn put(&self, options: &mut Options) -> Result<(), CliError> {
        options.list_all = self.list_all;
        let settings = Settings {
            endpoint_url: self.endpoint_url.clone(),
            region: self.bucket_region.clone(),
            profile: self.aws_profile.clone(),
            no_sign_request: self.no_sign_request,
            request_payer: self.request_payer,
            requests: self.requests.map_or(0, usize::from),
        };
        connect(options, &settings)
    }
}

/// Makes the connection that the archives of an ingest need.
pub(super) fn connect(options: &mut Options, settings: &Settings) -> Result<(), CliError> {
    for archive in options.archives.iter().filter(|archive| is_remote(archive)) {
        let shown = crate::util::shown::path(archive);
        if let Some(Err(reason)) = Address::parse(archive) {
            return Err(CliError::Usage(format!("{shown}: {reason}")));
        }
        if options.remote.is_none() {
            let remote = Remote::connect(settings).map_err(|reason| CliError::failed(format!("{shown}: {reason}")))?;
            options.remote = Some(remote);
        }
    }
    Ok(())
}
