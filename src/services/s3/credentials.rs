//! Whose requests are signed: keys from options, a file or the environment, held in memory only.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use crate::error::{Error, Result};

/// Never shown, so it cannot be printed.
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
    pub session_token: Option<String>,
}

/// Where they are looked for.
pub struct Source<'a> {
    pub access_key: Option<&'a str>,
    pub secret_key: Option<&'a str>,
    pub session_token: Option<&'a str>,
    pub file: Option<&'a Path>,
    /// The section of the file.
    pub profile: &'a str,
}

const VARIABLES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

impl Credentials {
    /// What was given, or what the file says, or the environment.
    pub fn find(source: &Source<'_>, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |text: Option<&str>| text.map(str::to_owned);
        match (source.access_key, source.secret_key, source.file) {
            (None, None, Some(path)) if source.session_token.is_none() => Self::read(path, source.profile),
            (_, _, Some(_)) => {
                Err(Error::usage("`credentials_file` and keys contradict each other")
                    .hint("give one of them"))
            }
            (Some(access), Some(secret), None) => {
                Self::checked(access.to_owned(), secret.to_owned(), given(source.session_token))
            }
            (Some(_), None, None) => {
                Err(Error::usage("`access_key` without a `secret_key`").hint("give both, or neither"))
            }
            (None, Some(_), None) => {
                Err(Error::usage("`secret_key` without an `access_key`").hint("give both, or neither"))
            }
            (None, None, None) if source.session_token.is_some() => {
                Err(Error::usage("`session_token` without the keys that it belongs to")
                    .hint("give `access_key` and `secret_key` with it, or set AWS_SESSION_TOKEN beside AWS_ACCESS_KEY_ID"))
            }
            (None, None, None) => match VARIABLES.map(|name| env(name).filter(|value| !value.is_empty())) {
                [Some(access), Some(secret), token] => Self::checked(access, secret, token),
                _ => Err(Error::usage("no credentials for S3")
                    .hint(format!("set {} and {}", VARIABLES[0], VARIABLES[1]))
                    .hint("or give `credentials_file`, or `access_key` and `secret_key`")
                    .hint("or `anonymous: true` for a server that wants none")),
            },
        }
    }

    /// The file that Amazon's own tools read.
    fn read(path: &Path, profile: &str) -> Result<Self> {
        let shown = path.display();
        let unreadable = |error: std::io::Error| {
            Error::usage(format!("no credentials can be read from `{shown}`"))
                .because(&error)
                .hint("`credentials_file` takes a file as Amazon's tools have it in `~/.aws/credentials`")
        };
        let mode = fs::metadata(path).map_err(unreadable)?.mode();
        if mode & 0o077 != 0 {
            return Err(Error::usage(format!("others can read the credentials in `{shown}`"))
                .hint(format!("make it yours alone: `chmod 600 {shown}`")));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let mut section = String::new();
        let mut found: [Option<String>; 3] = Default::default();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.trim().to_owned();
            } else if section == profile
                && let Some((name, value)) = line.split_once('=')
                && let Some(at) = VARIABLES.iter().position(|known| known.eq_ignore_ascii_case(name.trim()))
            {
                found[at] = Some(value.trim().to_owned());
            }
        }
        match found {
            [Some(access), Some(secret), token] => Self::checked(access, secret, token),
            _ => Err(Error::usage(format!("`{shown}` has no credentials of `{profile}`")).hint(format!(
                "it should have a section `[{profile}]` with `aws_access_key_id` and `aws_secret_access_key`"
            ))),
        }
    }

    /// They stand in header lines, which nothing of theirs may end.
    fn checked(access_key: String, secret_key: String, session_token: Option<String>) -> Result<Self> {
        for (name, text) in [("access_key", Some(&access_key)), ("session_token", session_token.as_ref())] {
            let is_plain =
                |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            if !text.is_none_or(is_plain) {
                return Err(Error::usage(format!("the `{name}` of S3 is no word of plain letters"))
                    .hint("was something pasted with it?"));
            }
        }
        Ok(Self { access_key, secret_key, session_token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Source<'_> =
        Source { access_key: None, secret_key: None, session_token: None, file: None, profile: "default" };

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_environment_is_last() {
        let env = |name: &str| Some(format!("of-{name}"));
        let found = Credentials::find(&NOTHING, env).ok().unwrap();
        assert_eq!(found.secret_key, "of-AWS_SECRET_ACCESS_KEY");
        assert_eq!(found.session_token.as_deref(), Some("of-AWS_SESSION_TOKEN"));
        let given = Source { access_key: Some("a"), secret_key: Some("s"), ..NOTHING };
        let found = Credentials::find(&given, env).ok().unwrap();
        assert_eq!((found.access_key.as_str(), found.session_token), ("a", None));
    }

    #[test]
    fn what_is_missing_or_too_much_is_said() {
        for source in [
            NOTHING,
            Source { access_key: Some("a"), ..NOTHING },
            Source { secret_key: Some("a"), ..NOTHING },
            Source { session_token: Some("a"), ..NOTHING },
            Source { session_token: Some("a"), file: Some(Path::new("f")), ..NOTHING },
            Source { access_key: Some("a"), secret_key: Some("s"), file: Some(Path::new("f")), ..NOTHING },
            Source { access_key: Some("a\r\nb"), secret_key: Some("s3cr3t"), ..NOTHING },
        ] {
            let error = Credentials::find(&source, none).err().unwrap();
            assert!(!error.hints.is_empty() && !error.to_string().contains("s3cr3t"), "{error}");
        }
    }
}
