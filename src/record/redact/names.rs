//! Which names are those of secrets. They compare without case, `-`, `_` and `.`.

/// The names of fields that hold a secret, in order; those that only end with one of [`SECRET_ENDS`] are not listed.
pub const SECRET_FIELDS: &[&str] = &[
    "authorizationtoken",
    "clientassertion",
    "confirmationtoken",
    "keymaterial",
    "passphrase",
    "plaintextpassword",
    "presharedkey",
    "privatekeyplaintext",
    "samlassertion",
    "secret",
    "secretbinary",
    "secrethash",
    "secretstring",
    "tokensecret",
    "tokenvalue",
    "userdata",
];

/// What a name ends with that is one of a secret, whatever stands before it: `DB_PASSWORD`, `masterUserPassword`,
/// `X-Amz-Security-Token`.
pub const SECRET_ENDS: &[&str] = &[
    "accesstoken",
    "amzsignature",
    "apitoken",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "identitytoken",
    "idtoken",
    "passphrase",
    "passwd",
    "password",
    "presharedkey",
    "privatekey",
    "refreshtoken",
    "secretaccesskey",
    "secretkey",
    "securitytoken",
    "sessiontoken",
    "sharedsecret",
    "tokensecret",
];

/// What a name in capitals ends with that is one of a secret, because it is a variable's of an environment:
/// `GITHUB_TOKEN`.
pub const SECRET_VARIABLE_ENDS: &[&str] = &["_SECRET", "_TOKEN"];

/// Variables that end like one of a secret and hold none.
const NO_SECRET_VARIABLES: [&str; 3] = ["nexttoken", "clienttoken", "clientrequesttoken"];

/// The longest name that is looked at: one of a variable may have any words before its last.
const NAME_MAX: usize = 128;

/// Bytes of which names are.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Whether a name is one of a secret.
pub(super) fn is_secret(name: &[u8]) -> bool {
    let mut normal = [0; NAME_MAX];
    let Some(normal) = normalised(name, &mut normal) else { return false };
    if SECRET_FIELDS.binary_search_by(|field| field.as_bytes().cmp(normal)).is_ok() {
        return true;
    }
    if SECRET_ENDS.iter().any(|end| normal.ends_with(end.as_bytes())) {
        return true;
    }
    let is_variable = name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
    is_variable
        && SECRET_VARIABLE_ENDS.iter().any(|end| name.ends_with(end.as_bytes()))
        && !NO_SECRET_VARIABLES.iter().any(|known| known.as_bytes() == normal)
}

/// Whether a name says that a text is the name of something, beside which its value stands.
pub(super) fn is_naming(key: &[u8]) -> bool {
    const NAMING: [&str; 8] =
        ["name", "key", "parameterkey", "parametername", "optionname", "variablename", "propertykey", "propertyname"];
    is_one_of(key, &NAMING)
}

/// Whether a name says that a text is the value of something that is named beside it.
pub(super) fn is_value(key: &[u8]) -> bool {
    const VALUES: [&str; 6] =
        ["value", "parametervalue", "optionvalue", "variablevalue", "propertyvalue", "stringvalue"];
    is_one_of(key, &VALUES)
}

/// Whether a name is that of a list of tags, which are no secrets, but stand in policies.
pub(super) fn is_tags(key: &[u8]) -> bool {
    let mut normal = [0; NAME_MAX];
    let ends: [&[u8]; 4] = [b"tag", b"tags", b"taglist", b"tagset"];
    let is_tags = |key: &[u8]| key.starts_with(b"tag") || ends.iter().any(|end| key.ends_with(end));
    normalised(key, &mut normal).is_some_and(is_tags)
}

/// Whether what a field of a secret holds under this name is none, but says which secret it is.
pub(super) fn is_reference(secret: &[u8], key: &[u8]) -> bool {
    let mut normal = [0; NAME_MAX];
    let Some(key) = normalised(key, &mut normal) else { return false };
    const ENDS: [&[u8]; 5] = [b"arn", b"kmskeyid", b"secretid", b"secretname", b"secretstatus"];
    const OF_SECRET: [&[u8]; 6] = [b"name", b"id", b"type", b"status", b"versionid", b"region"];
    ENDS.iter().any(|end| key.ends_with(end)) || secret.eq_ignore_ascii_case(b"secret") && OF_SECRET.contains(&key)
}

fn is_one_of(key: &[u8], names: &[&str]) -> bool {
    let mut normal = [0; NAME_MAX];
    normalised(key, &mut normal).is_some_and(|key| names.iter().any(|name| name.as_bytes() == key))
}

/// A name as it compares; `None` for one that is too long.
fn normalised<'a>(name: &[u8], room: &'a mut [u8; NAME_MAX]) -> Option<&'a [u8]> {
    let mut len = 0;
    for byte in name.iter().filter(|byte| !matches!(byte, b'_' | b'-' | b'.')) {
        *room.get_mut(len)? = byte.to_ascii_lowercase();
        len += 1;
    }
    room.get(..len)
}

#[cfg(test)]
mod tests {
    use super::super::stems::next_stem;
    use super::*;

    #[test]
    fn every_name_has_a_stem_and_they_are_in_order() {
        assert!(SECRET_FIELDS.is_sorted() && SECRET_ENDS.is_sorted());
        let variables = SECRET_VARIABLE_ENDS.iter().map(|end| format!("x{end}\""));
        for name in SECRET_FIELDS.iter().chain(SECRET_ENDS).map(|name| format!("{name}\"")).chain(variables) {
            assert!(next_stem(name.as_bytes(), 0).is_some(), "{name}");
        }
        // With something between their words as well.
        for name in
            ["private_key", "private-key", "pass_word", "user_data", "user-data", "key_material", "pre_shared_key"]
        {
            assert!(next_stem(name.as_bytes(), 0).is_some() && is_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_of_secrets_and_others() {
        for name in [
            "sessionToken",
            "AWS_SESSION_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "X-Amz-Security-Token",
            "X-Amz-Signature",
            "SAMLAssertion",
            "webIdentityToken",
            "MasterUserPassword",
            "spring.datasource.password",
            "GITHUB_TOKEN",
            "APP_SECRET",
            "MYSQL_ROOT_PASSWORD",
            "userData",
            "PreSharedKey",
            "ID_TOKEN",
            "secret",
        ] {
            assert!(is_secret(name.as_bytes()), "{name}");
        }
        for name in [
            "nextToken",
            "clientToken",
            "clientRequestToken",
            "NEXT_TOKEN",
            "secretId",
            "secretArn",
            "passwordPolicy",
            "passwordLength",
            "kmsKeyId",
            "accessKeyId",
            "tokenId",
            "masterUserSecret",
            "secretName",
            "signatureVersion",
            "",
            "-",
            "userDataReplaceOnChange",
            "publicKey",
            "SecretArn",
        ] {
            assert!(!is_secret(name.as_bytes()), "{name}");
        }
    }
}
