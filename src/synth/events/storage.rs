//! S3 and KMS.

use super::event::{Event, read, write};

const BUCKET_ARN: &str = "arn:aws:s3:::<bucket>";
const OBJECT_ARN: &str = "arn:aws:s3:::<bucket>/<a>";
const BUCKET: &str = r#"[{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<bucket>"}]"#;
const OBJECT: &str = r#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::<bucket>/<a>"},{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<bucket>"}]"#;
const PREFIX: &str = r#"[{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::<bucket>/"},{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<bucket>"}]"#;
const KEY: &str =
    r#"[{"accountId":"<account>","type":"AWS::KMS::Key","ARN":"arn:aws:kms:<region>:<account>:key/<kms-key>"}]"#;
const KEY_ARN: &str = "arn:aws:kms:<region>:<account>:key/<kms-key>";

const GET: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"<one:TLS_AES_128_GCM_SHA256|ECDHE-RSA-AES128-GCM-SHA256>","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"<base64:75>=","bytesTransferredOut":<int:200-90000000>}"#;
const PUT: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"<one:TLS_AES_128_GCM_SHA256|ECDHE-RSA-AES128-GCM-SHA256>","bytesTransferredIn":<int:100-40000000>,"SSEApplied":"<one:SSE_KMS|Default_SSE_S3>","AuthenticationMethod":"AuthHeader","x-amz-id-2":"<base64:75>=","bytesTransferredOut":0}"#;
const CONTROL: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":<int:1-900>,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"<base64:75>=","bytesTransferredOut":<int:10-3000>}"#;
const HOST: &str = "<bucket>.s3.<region>.amazonaws.com";

/// A call about one object.
const fn object(event: Event) -> Event {
    Event {
        data: true,
        on: OBJECT_ARN,
        resources: OBJECT,
        additional: if event.read_only { GET } else { PUT },
        host: HOST,
        fault: if event.read_only { "NoSuchKey|The specified key does not exist." } else { "" },
        ..event
    }
}

/// A call about a bucket.
const fn bucket(event: Event) -> Event {
    Event { on: BUCKET_ARN, resources: BUCKET, additional: CONTROL, host: HOST, ..event }
}

/// A call about a KMS key.
const fn key(event: Event) -> Event {
    Event { on: KEY_ARN, resources: KEY, ..event }
}

pub(super) const EVENTS: &[Event] = &[
    object(read(
        "s3",
        "GetObject",
        r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","key":"<a=key>"}"#,
    )),
    object(write(
        "s3",
        "PutObject",
        r#"{"x-amz-server-side-encryption":"<one:aws:kms|AES256>","bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","key":"<a=key>"}"#,
        r#"{"x-amz-server-side-encryption":"<one:aws:kms|AES256>","x-amz-expiration":"expiry-date=\"Fri, 02 Jan 2099 00:00:00 GMT\", rule-id=\"<uuid>\""}"#,
    )),
    object(write(
        "s3",
        "CopyObject",
        r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","x-amz-copy-source":"<bucket>/<key>","key":"<a=key>"}"#,
        r#"{"x-amz-copy-source-version-id":"<alnum:32>","x-amz-server-side-encryption":"AES256"}"#,
    )),
    object(write(
        "s3",
        "CreateMultipartUpload",
        r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","uploads":"","key":"<a=key>"}"#,
        r#"{"x-amz-server-side-encryption":"AES256","x-amz-abort-rule-id":"abort-after-7-days"}"#,
    )),
    object(write(
        "s3",
        "UploadPart",
        r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","partNumber":"<int:1-400>","uploadId":"<alnum:96>","key":"<a=key>"}"#,
        r#"{"x-amz-server-side-encryption":"AES256"}"#,
    )),
    Event {
        fault: "NotFound|Not Found",
        ..object(Event {
            action: "s3:GetObject",
            ..read(
                "s3",
                "HeadObject",
                r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","key":"<a=key>"}"#,
            )
        })
    },
    object(write(
        "s3",
        "DeleteObject",
        r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","key":"<a=key>"}"#,
        "null",
    )),
    Event {
        resources: PREFIX,
        ..bucket(Event {
            data: true,
            action: "s3:DeleteObject",
            ..write(
                "s3",
                "DeleteObjects",
                r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","delete":""}"#,
                "null",
            )
        })
    },
    Event {
        resources: PREFIX,
        ..bucket(Event {
            data: true,
            action: "s3:ListBucket",
            ..read(
                "s3",
                "ListObjects",
                r#"{"list-type":"2","bucketName":"<bucket>","encoding-type":"url","max-keys":"<one:1000|1|500>","prefix":"<one:raw/|exports/|daily/|>","Host":"<bucket>.s3.<region>.amazonaws.com"}"#,
            )
        })
    },
    Event {
        resources: "",
        ..bucket(Event {
            action: "s3:ListAllMyBuckets",
            on: "*",
            host: "s3.<region>.amazonaws.com",
            ..read("s3", "ListBuckets", r#"{"Host":"s3.<region>.amazonaws.com"}"#)
        })
    },
    bucket(read(
        "s3",
        "GetBucketAcl",
        r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","acl":""}"#,
    )),
    bucket(read(
        "s3",
        "GetBucketLocation",
        r#"{"bucketName":"<bucket>","Host":"s3.<region>.amazonaws.com","location":""}"#,
    )),
    bucket(Event {
        fault: "NoSuchBucketPolicy|The bucket policy does not exist",
        ..read(
            "s3",
            "GetBucketPolicy",
            r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","policy":""}"#,
        )
    }),
    bucket(Event {
        action: "s3:GetEncryptionConfiguration",
        fault: "ServerSideEncryptionConfigurationNotFoundError|The server side encryption configuration was not found",
        ..read(
            "s3",
            "GetBucketEncryption",
            r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","encryption":""}"#,
        )
    }),
    bucket(read(
        "s3",
        "GetBucketVersioning",
        r#"{"bucketName":"<bucket>","versioning":"","Host":"<bucket>.s3.<region>.amazonaws.com"}"#,
    )),
    bucket(Event {
        fault: "NoSuchTagSet|The TagSet does not exist",
        ..read(
            "s3",
            "GetBucketTagging",
            r#"{"tagging":"","bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com"}"#,
        )
    }),
    bucket(read(
        "s3",
        "GetBucketPublicAccessBlock",
        r#"{"bucketName":"<bucket>","publicAccessBlock":"","Host":"<bucket>.s3.<region>.amazonaws.com"}"#,
    )),
    bucket(write(
        "s3",
        "CreateBucket",
        r#"{"CreateBucketConfiguration":{"LocationConstraint":"<region>","xmlns":"http://s3.amazonaws.com/doc/2006-03-01/"},"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com"}"#,
        "null",
    )),
    bucket(write(
        "s3",
        "PutBucketPolicy",
        r#"{"bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"DenyInsecure","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::<bucket>","arn:aws:s3:::<bucket>/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]},"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","policy":""}"#,
        "null",
    )),
    bucket(Event {
        action: "s3:PutLifecycleConfiguration",
        ..write(
            "s3",
            "PutBucketLifecycle",
            r#"{"bucketName":"<bucket>","lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"ID":"expire","Filter":{"Prefix":"<one:raw/|tmp/|exports/>"},"Status":"Enabled","Expiration":{"Days":<int:7-400>}}},"Host":"<bucket>.s3.<region>.amazonaws.com"}"#,
            "null",
        )
    }),
    key(read(
        "kms",
        "Decrypt",
        r#"{"encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::<bucket>/<key>"}}"#,
    )),
    key(read(
        "kms",
        "GenerateDataKey",
        r#"{"keyId":"arn:aws:kms:<region>:<account>:key/<kms-key>","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::<bucket>"},"keySpec":"AES_256"}"#,
    )),
    key(read(
        "kms",
        "Encrypt",
        r#"{"keyId":"arn:aws:kms:<region>:<account>:key/<kms-key>","encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"PARAMETER_ARN":"arn:aws:ssm:<region>:<account>:parameter/<parameter>"}}"#,
    )),
    key(read("kms", "DescribeKey", r#"{"keyId":"<one:alias/aws/s3|alias/aws/ebs|alias/aws/rds|alias/app>"}"#)),
    Event { ..read("kms", "ListAliases", r#"{"limit":100}"#) },
    key(write(
        "kms",
        "CreateGrant",
        r#"{"keyId":"arn:aws:kms:<region>:<account>:key/<kms-key>","granteePrincipal":"arn:aws:iam::<account>:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling","operations":["Encrypt","Decrypt","ReEncryptFrom","ReEncryptTo","GenerateDataKey","DescribeKey"],"retiringPrincipal":"ec2.<region>.amazonaws.com"}"#,
        r#"{"grantId":"<hex:64>","keyId":"arn:aws:kms:<region>:<account>:key/<kms-key>"}"#,
    )),
];
