//! `arn_partition`, `arn_service`, `arn_region`, `arn_account`, `arn_resource`: the parts of an ARN.

use datafusion::logical_expr::ScalarUDF;

use super::over_texts::text_to_text;

/// `arn:partition:service:region:account:resource`.
pub(super) fn functions() -> Vec<ScalarUDF> {
    ["arn_partition", "arn_service", "arn_region", "arn_account", "arn_resource"]
        .into_iter()
        .enumerate()
        .map(|(index, name)| text_to_text(name, move |arn| part(arn, index + 1).map(str::to_owned)))
        .collect()
}

/// A part of an ARN; nothing where the text is no ARN or the part is empty.
fn part(arn: &str, index: usize) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    if parts.len() != 6 || parts.first() != Some(&"arn") {
        return None;
    }
    parts.get(index).copied().filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:f:PROD";
        assert_eq!(part(arn, 1), Some("aws"));
        assert_eq!(part(arn, 4), Some("123456789012"));
        assert_eq!(part(arn, 5), Some("function:f:PROD"));
        assert_eq!(part("arn:aws:s3:::bucket/key", 3), None);
        assert_eq!(part("s3.amazonaws.com", 2), None);
        assert_eq!(part("arn:aws:s3", 2), None);
    }
}
