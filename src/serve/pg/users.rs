//! Who may come in: users and their passwords, which SCRAM-SHA-256 proves without telling them.
//!
//! A user who is not there is asked like one who is, with a salt that stays the same: the answers don't tell who is.

use std::collections::HashMap;

use datafusion_postgres::pgwire::api::auth::Password;
use datafusion_postgres::pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, gen_salted_password};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a salt, as PostgreSQL has them.
const SALT_BYTES: usize = 16;

/// Users of one server at the most.
const USERS_MAX: usize = 10_000;

/// What is wrong with a list of users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsersError {
    /// There is no password in it.
    #[error("there is no password in it")]
    Empty,
    /// A line that is no user and password.
    #[error("line {0} is no NAME:PASSWORD")]
    Line(usize),
    /// A user who stands there twice.
    #[error("line {0} has a user who stands there before")]
    Twice(usize),
    /// More than there may be.
    #[error("it has more than {USERS_MAX} users")]
    TooMany,
    /// The system has no random numbers to give.
    #[error("the system has no random numbers")]
    NoRandom,
}

/// Users and their passwords, salted.
pub struct Users {
    known: Known,
    /// What salts of users are made of who are not there.
    secret: hmac::Key,
    /// What no password comes to.
    nobody: Vec<u8>,
}

enum Known {
    /// One password, whatever the name.
    Anybody(Password),
    Named(HashMap<String, Password>),
}

impl Users {
    /// Anybody with this password.
    ///
    /// # Errors
    /// An empty one.
    pub fn anybody(password: &str) -> Result<Users, UsersError> {
        if password.is_empty() {
            return Err(UsersError::Empty);
        }
        Users::of(Known::Anybody(salted(password)?))
    }

    /// Those of a list: a line each, `NAME:PASSWORD`. Empty lines, and those that begin with `#`, are left out.
    ///
    /// # Errors
    /// A line that is neither; a list of none.
    pub fn named(list: &str) -> Result<Users, UsersError> {
        let mut named = HashMap::new();
        for (number, line) in (1..).zip(list.lines()) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let pair = line.split_once(':').filter(|(name, password)| !name.trim().is_empty() && !password.is_empty());
            let (name, password) = pair.ok_or(UsersError::Line(number))?;
            if named.insert(name.trim().to_owned(), salted(password)?).is_some() {
                return Err(UsersError::Twice(number));
            }
            if named.len() > USERS_MAX {
                return Err(UsersError::TooMany);
            }
        }
        if named.is_empty() { Err(UsersError::Empty) } else { Users::of(Known::Named(named)) }
    }

    fn of(known: Known) -> Result<Users, UsersError> {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?);
        Ok(Users { known, secret, nobody: random::<32>()?.to_vec() })
    }

    /// What a user's proof is compared with.
    pub(super) fn password(&self, user: &str) -> Password {
        let known = match &self.known {
            Known::Anybody(password) => Some(password),
            Known::Named(named) => named.get(user),
        };
        known.cloned().unwrap_or_else(|| {
            let salt = hmac::sign(&self.secret, user.as_bytes());
            Password::new(salt.as_ref().get(..SALT_BYTES).map(<[u8]>::to_vec), self.nobody.clone())
        })
    }
}

fn salted(password: &str) -> Result<Password, UsersError> {
    let salt = random::<SALT_BYTES>()?;
    Ok(Password::new(Some(salt.to_vec()), gen_salted_password(password, &salt, SCRAM_ITERATIONS)))
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], UsersError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| UsersError::NoRandom)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let users = Users::named("# who may\n\nann:a:b\nben: c \r\n").unwrap();
        let password = |user: &str| users.password(user).password().to_vec();
        let salt = |user: &str| users.password(user).salt().unwrap().to_vec();
        assert_eq!(password("ann"), gen_salted_password("a:b", &salt("ann"), SCRAM_ITERATIONS));
        assert_eq!(password("ben"), gen_salted_password(" c ", &salt("ben"), SCRAM_ITERATIONS));
        assert_eq!((salt("eve"), salt("eve").len()), (salt("eve"), salt("ann").len()));
        assert_ne!(salt("eve"), salt("eva"));
        for (list, expected) in [
            ("", UsersError::Empty),
            ("# nobody", UsersError::Empty),
            ("ann", UsersError::Line(1)),
            ("\nann:", UsersError::Line(2)),
            (":x", UsersError::Line(1)),
            ("ann:a\nann:b", UsersError::Twice(2)),
        ] {
            assert_eq!(Users::named(list).err(), Some(expected), "{list}");
        }
        assert_eq!(Users::anybody("").err(), Some(UsersError::Empty));
    }
}
