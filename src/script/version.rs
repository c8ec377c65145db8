//! Versions: which one a file says that it is, and which ones it says that it needs.
//!
//! Both stand among the `//!` lines at its top: `//! version: 1.2.0`, `//! needs benchscript 0.1`, `//! needs team/llm 1.1`.

use std::fmt;

use crate::error::{Error, Result, nearest};

/// The program in `needs` lines; every other name there is that of an import.
const PROGRAM: &str = "benchscript";

/// What the `//!` lines at the top of a file say of versions.
#[derive(Debug, Default)]
pub struct Head {
    /// Its own version.
    pub version: Option<Version>,
    pub needs: Vec<Need>,
}

/// One `needs` line.
#[derive(Debug)]
pub struct Need {
    pub name: String,
    pub version: Version,
    /// Where it stands, from 1.
    pub line: usize,
}

/// A mistake and the line that it stands in.
pub type Misplaced = (Error, usize);

/// `1.2.0`, or the beginning of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = [0; 3];
        let mut parts = text.split('.');
        for number in &mut numbers {
            match parts.next() {
                Some(part) => *number = part.parse().ok()?,
                None => break,
            }
        }
        parts.next().is_none().then_some(Self(numbers))
    }

    /// This program's.
    fn program() -> Self {
        Self::parse(env!("CARGO_PKG_VERSION")).expect("our own version is three numbers")
    }

    /// Whether it will do where `needed` is asked for: it is as new, and its first number, which changes when callers must, is
    /// the same.
    fn satisfies(self, needed: Self) -> bool {
        self >= needed && self.0[0] == needed.0[0]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// Whether a `//!` line, without its slashes, is about versions and no words for a reader.
pub fn is_about_versions(line: &str) -> bool {
    line.trim().starts_with("version:") || need(line).is_some()
}

/// The name and the version of a `needs` line. `needs more memory than most` is a sentence: a version begins with a digit.
fn need(line: &str) -> Option<(&str, &str)> {
    let words: Vec<&str> = line.split_whitespace().filter(|word| *word != ">=").collect();
    match words.as_slice() {
        ["needs", name, version] if *name == PROGRAM || version.starts_with(|c: char| c.is_ascii_digit()) => {
            Some((name, version))
        }
        _ => None,
    }
}

impl Head {
    /// Reads the lines at the top of a file.
    pub fn of(text: &str) -> Result<Self, Misplaced> {
        let mut head = Self::default();
        let lines = text.lines().enumerate().skip_while(|(_, line)| line.trim().is_empty());
        for (at, line) in lines.map_while(|(at, line)| Some((at + 1, line.strip_prefix("//!")?))) {
            let version = |text: &str| {
                let wrong = || Error::usage(format!("`{text}` is not a version")).hint("write it as `1.2.0`");
                Version::parse(text).ok_or_else(|| (wrong(), at))
            };
            if let Some(own) = line.trim().strip_prefix("version:") {
                head.version = Some(version(own.trim())?);
            } else if let Some((name, needed)) = need(line) {
                head.needs.push(Need { name: name.to_owned(), version: version(needed)?, line: at });
            }
        }
        Ok(head)
    }

    /// That this program is new enough.
    pub fn allows_this_program(&self) -> Result<(), Misplaced> {
        let program = Version::program();
        match self.needs.iter().find(|need| need.name == PROGRAM && need.version > program) {
            None => Ok(()),
            Some(need) => Err((
                Error::usage(format!("this needs benchscript {}, but this is {program}", need.version))
                    .hint("install a newer benchscript"),
                need.line,
            )),
        }
    }

    /// That what is needed is imported at all: a misspelt name would check nothing.
    pub fn names_imports(&self, imports: &[String]) -> Result<(), Misplaced> {
        let known: Vec<&str> = imports.iter().map(|name| plain(name)).collect();
        let wrong = |need: &&Need| need.name != PROGRAM && !known.contains(&plain(&need.name));
        let Some(need) = self.needs.iter().find(wrong) else { return Ok(()) };
        let error = Error::usage(format!("`{}` is needed, but not imported", need.name));
        Err((
            match nearest(&need.name, &known) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => {
                    error.hint(format!("import it: `import \"{}\" as {};`", need.name, alias(&need.name)))
                }
            },
            need.line,
        ))
    }

    /// That the import `name`, which `file` is and whose head is `found`, is one that this file can use.
    pub fn allows(&self, name: &str, file: &str, found: &Self) -> Result<()> {
        let Some(need) = self.needs.iter().find(|need| plain(&need.name) == plain(name)) else {
            return Ok(());
        };
        let needed = format!("but line {} of this file needs {}", need.line, need.version);
        match found.version {
            Some(version) if version.satisfies(need.version) => Ok(()),
            Some(version) => {
                let error = Error::usage(format!("`{file}` is version {version}, {needed}"));
                Err(if version < need.version {
                    error.hint("get a newer one")
                } else {
                    error.hint(
                        "a new first number means that it is used differently: see its `benchscript doc`",
                    )
                })
            }
            None => Err(Error::usage(format!("`{file}` does not say which version it is, {needed}"))
                .hint("it says so in a line at its top: `//! version: 1.2.0`")),
        }
    }
}

/// An import's name without its ending.
fn plain(name: &str) -> &str {
    name.strip_suffix(".rhai").unwrap_or(name)
}

/// The name that a script usually gives to an import: the last part of its path.
pub fn alias(name: &str) -> String {
    let last = plain(name).rsplit('/').next().unwrap_or(name);
    last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn the_lines_at_the_top_are_read() {
        let head = Head::of(
            "\n//! Calls.\n//! version: 1.2\n//! needs benchscript >= 0.1\n//! needs team/llm 2.0.1\nfn f() {}\n//! version: 9\n",
        );
        let head = head.unwrap();
        assert_eq!(head.version.unwrap().to_string(), "1.2.0");
        let needs: Vec<String> =
            head.needs.iter().map(|need| format!("{} {} {}", need.name, need.version, need.line)).collect();
        assert_eq!(needs, ["benchscript 0.1.0 4", "team/llm 2.0.1 5"]);
    }

    #[test]
    fn sentences_are_left_alone() {
        let head = Head::of("//! This one\n//! needs more memory\n//! needs a 4 KiB page\n").unwrap();
        assert!(head.needs.is_empty() && head.version.is_none());
        let (error, line) = Head::of("//! Calls.\n//! version: new\n").unwrap_err();
        assert_eq!((error.message.as_str(), line), ("`new` is not a version", 2));
        assert!(Head::of("//! needs benchscript soon\n").is_err());
    }

    #[test]
    fn newer_ones_of_the_same_first_number_will_do() {
        for (is, needed, will_do) in [
            ("1.2.0", "1.1", true),
            ("1.1.0", "1.1", true),
            ("1.10", "1.9", true),
            ("1.0.9", "1.1", false),
            ("2.0.0", "1.1", false),
            ("0.1.0", "0.1.1", false),
        ] {
            assert_eq!(version(is).satisfies(version(needed)), will_do, "{is} for {needed}");
        }
        for wrong in ["", "1.", "v1", "1.2.3.4", "1.x", "-1"] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }
}
