//! From settings, the environment and the shared files of the AWS CLI to a client of a bucket. What is given as an
//! option comes first, then the environment, then the profile; credentials of neither come from the container or the
//! instance.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};

use super::fault::Fault;
use super::http::{Connector, Mark};
use super::profile::{self, Profile};
use super::shared::Shared;
use crate::archive::remote::Settings;
use crate::util::shown;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take, with its answer of a few megabytes at the most.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// How long it is tried again what a server was too busy for.
const RETRY_TIMEOUT: Duration = Duration::from_secs(180);

/// How often it is tried again, where the environment does not say (`AWS_MAX_ATTEMPTS`).
const RETRIES: usize = 9;

/// How long credentials may take to be had.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(20);

/// Without credentials nothing goes on.
const NO_CREDENTIALS: &str = "no credentials were found\nhint: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, --aws-profile, \
                              the role of the container or instance; --no-sign-request asks without";

/// A client of a bucket.
///
/// # Errors
/// What is missing, or contradicts itself.
pub(super) fn bucket(name: &str, settings: &Settings, shared: &Shared, mark: &Mark) -> Result<AmazonS3, String> {
    let profile = profile(settings)?;
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(name)
        .with_retry(retry())
        .with_skip_signature(settings.no_sign_request)
        .with_request_payer(settings.request_payer)
        .with_http_connector(Connector { counts: Arc::clone(&shared.counts), mark: mark.clone() });
    if !settings.no_sign_request {
        builder = with_credentials(builder, settings, profile.as_ref())?;
    }
    let endpoint = settings.endpoint_url.clone().or_else(|| variable("AWS_ENDPOINT_URL_S3"));
    let endpoint = endpoint.or_else(|| variable("AWS_ENDPOINT_URL"));
    let endpoint = endpoint.or_else(|| profile.as_ref().and_then(|profile| profile.endpoint_url.clone()));
    let is_http = match &endpoint {
        Some(endpoint) => check_endpoint(endpoint)?,
        None => false,
    };
    builder = builder.with_client_options(options()?.with_allow_http(is_http));
    let given = settings.region.clone().or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    let region = given.or_else(|| profile.as_ref().and_then(|profile| profile.region.clone()));
    builder = match (region, &endpoint) {
        (Some(region), _) => builder.with_region(region),
        (None, Some(_)) => builder.with_region("us-east-1"),
        (None, None) => builder.with_region(ask_region(name, shared)?),
    };
    if let Some(endpoint) = endpoint {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint).with_virtual_hosted_style_request(false);
    }
    let store = builder.build().map_err(|error| shown::name(&error.to_string()).into_owned())?;
    if !settings.no_sign_request {
        ask_credentials(&store, shared)?;
    }
    Ok(store)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Certificates are those of the system, and those that the AWS CLI is told of.
fn options() -> Result<ClientOptions, String> {
    let mut options = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout(REQUEST_TIMEOUT);
    if let Some(path) = variable("AWS_CA_BUNDLE") {
        let why = |why: &dyn std::fmt::Display| format!("AWS_CA_BUNDLE: {}: {why}", shown::name(&path));
        let pem = std::fs::read(&path).map_err(|error| why(&error))?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| why(&error))?;
        options = certificates.into_iter().fold(options, ClientOptions::with_root_certificate);
    }
    Ok(options)
}

fn retry() -> RetryConfig {
    // Each time it waits for up to three times as long as before, at random: half a minute in all.
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(10), base: 3.0 };
    let attempts = variable("AWS_MAX_ATTEMPTS").and_then(|attempts| attempts.parse::<usize>().ok());
    let max_retries = attempts.map_or(RETRIES, |attempts| attempts.saturating_sub(1));
    RetryConfig { backoff, max_retries, retry_timeout: RETRY_TIMEOUT }
}

/// Whether an endpoint is spoken to without encryption, which is so only where it says so.
fn check_endpoint(endpoint: &str) -> Result<bool, String> {
    let is_http = endpoint.starts_with("http://");
    let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
    match rest {
        // A password would be shown wherever the address is.
        Some(rest) if rest.contains('@') => Err("an endpoint has no user and no password in it".to_owned()),
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#']) && !rest.contains(char::is_whitespace) => {
            Ok(is_http)
        }
        _ => Err(format!("{}: no endpoint\nhint: write https://host or https://host:port", shown::name(endpoint))),
    }
}

/// The profile that is asked for, by option or environment; else the default one, if there is one.
fn profile(settings: &Settings) -> Result<Option<Profile>, String> {
    let asked = settings.profile.clone().or_else(|| variable("AWS_PROFILE"));
    match asked {
        Some(name) => match profile::read(&name)? {
            Some(profile) => Ok(Some(profile)),
            None => Err(format!("{}: there is no such profile in the shared files of the AWS CLI", shown::name(&name))),
        },
        None => profile::read("default"),
    }
}

fn with_credentials(
    builder: AmazonS3Builder,
    settings: &Settings,
    profile: Option<&Profile>,
) -> Result<AmazonS3Builder, String> {
    let in_environment = variable("AWS_ACCESS_KEY_ID").is_some() && settings.profile.is_none();
    let Some(profile) = profile.filter(|_| !in_environment) else { return check_metadata(builder, in_environment) };
    if let Some(elsewhere) = profile.elsewhere {
        let name = settings.profile.clone().or_else(|| variable("AWS_PROFILE")).unwrap_or("default".to_owned());
        let name = shown::name(&name).into_owned();
        return Err(format!(
            "the credentials of profile {name} come from {elsewhere}, which is not asked here\n\
             hint: eval \"$(aws configure export-credentials --profile {name} --format env)\", then run it again"
        ));
    }
    if let Some((key, secret, token)) = &profile.keys {
        // Nothing of the environment's mixes with them.
        let builder = builder.with_access_key_id(key).with_secret_access_key(secret);
        return Ok(match token {
            Some(token) => builder.with_token(token),
            None if variable("AWS_SESSION_TOKEN").is_some() => {
                let message = "AWS_SESSION_TOKEN is set, and the profile has keys without a token\nhint: unset it";
                return Err(message.to_owned());
            }
            None => builder,
        });
    }
    if let Some((file, role)) = &profile.web_identity {
        return Ok(builder
            .with_config(AmazonS3ConfigKey::WebIdentityTokenFile, file)
            .with_config(AmazonS3ConfigKey::RoleArn, role));
    }
    if settings.profile.is_some() {
        return Err(NO_CREDENTIALS.to_owned());
    }
    check_metadata(builder, in_environment)
}

/// Where the instance may not be asked, and nothing else has credentials, there are none.
fn check_metadata(builder: AmazonS3Builder, in_environment: bool) -> Result<AmazonS3Builder, String> {
    const OTHERS: [&str; 3] =
        ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    let is_disabled = variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let has_other = OTHERS.iter().any(|name| variable(name).is_some());
    if is_disabled && !in_environment && !has_other {
        return Err(NO_CREDENTIALS.to_owned());
    }
    Ok(builder)
}

fn ask_region(bucket: &str, shared: &Shared) -> Result<String, String> {
    let options = options()?;
    let asked = shared
        .wait(async { resolve_bucket_region(bucket, &options).await.map_err(|error| Fault::One(error.to_string())) });
    asked.map_err(|fault| {
        format!(
            "the region of bucket {bucket} can't be asked for: {}\nhint: --bucket-region says it",
            shown::name(&fault.reason())
        )
    })
}

/// Says at once that there are no credentials, not after every request was tried for minutes.
fn ask_credentials(store: &AmazonS3, shared: &Shared) -> Result<(), String> {
    let provider = Arc::clone(store.credentials());
    let asked = shared.wait(async move {
        match tokio::time::timeout(CREDENTIALS_TIMEOUT, provider.get_credential()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Fault::One(NO_CREDENTIALS.to_owned())),
        }
    });
    asked.map_err(|fault| fault.reason())
}

#[cfg(test)]
mod tests {
    use super::check_endpoint;

    #[test]
    fn endpoints() {
        assert_eq!(check_endpoint("http://127.0.0.1:9000"), Ok(true));
        assert_eq!(check_endpoint("https://s3.example.org"), Ok(false));
        for bad in
            ["", "127.0.0.1:9000", "ftp://x", "https://", "https://user:word@host", "https://host?x", "https://a b"]
        {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
    }
}
