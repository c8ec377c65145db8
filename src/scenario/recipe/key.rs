//! Keys of recipes: what each may hold, and what becomes of it.

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Ours first, then those that recipes in use elsewhere have for it.
    pub names: &'static [&'static str],
    /// What it is called in the scenario; the first of its names unless told.
    pub is: &'static str,
    pub kind: Kind,
    pub fate: Fate,
    /// What it says, for the schema.
    pub about: &'static str,
}

/// What may stand behind a key.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    /// A whole number, and the least that it may be.
    Whole(u64),
    /// A number above 0.
    Number,
    /// A number from 0 to 1.
    Share,
    /// `"30s"`, or a number of seconds.
    Time,
    /// `"4 KiB"`, or a number of bytes.
    Size,
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
    /// What is so anyway.
    Only(bool),
    /// `"01:00:00"`, as Slurm writes it, or a number of minutes.
    WallTime,
    /// `"32G"`, as Slurm writes it.
    Memory,
    /// A number of gigabytes of memory.
    Gigabytes,
    /// One text or several.
    Texts,
    /// A line for a shell, or a program and its arguments. `$` is left to the shell.
    Command,
    /// Operations by weight: a map, or `"get:set=50:50"`.
    Mix,
    /// Sizes by weight: `[[0.9, "4 KiB"], [0.1, "1 MiB"]]`, a map of sizes to weights, or a list of sizes.
    Sizes,
    /// Any map.
    Map,
    /// A list of maps.
    Maps,
    /// Objectives.
    Slo,
    /// A number, or a map of `count` and `backoff`.
    Retries,
    /// A map of `failures`, `error_rate` and `after`.
    Stop,
    /// A flag, or how many at once.
    Parallel,
    /// Keys of its own.
    Section(&'static [&'static [Key]]),
}

impl Kind {
    /// Whether a list of such values is a list of points to measure.
    pub fn sweeps(self) -> bool {
        self.is_number() || matches!(self, Self::Text | Self::Flag | Self::Word(_))
    }

    /// Whether a range may stand for it.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Whole(_) | Self::Number | Self::Share | Self::Time | Self::Size)
    }
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// An option of `scenario(...)`.
    Scenario,
    /// One of `resources`.
    Resource,
    /// A setting of the service that is started.
    Definition,
    /// What is called.
    Calls,
    /// How much load for how long.
    Plan,
    /// So many calls of an operation: its weight, and a part of the plan's `requests`.
    Count(&'static str),
    /// How long to wait when the service is ready.
    Settle,
    /// Stands in the notes of the run, under these words.
    Note(&'static str),
    /// The keys in it are read as if they stood beside it.
    Inline,
    /// The form of the recipe reads it.
    Form,
    /// It can have one value, which changes nothing.
    Same,
    /// Not here, and why.
    Refused(&'static str),
}

pub const fn key(names: &'static [&'static str], kind: Kind, fate: Fate, about: &'static str) -> Key {
    Key { names, is: names[0], kind, fate, about }
}

/// Keys that are known and not taken, for one reason.
pub const fn refused(names: &'static [&'static str], reason: &'static str) -> Key {
    Key { names, is: names[0], kind: Kind::Map, fate: Fate::Refused(reason), about: reason }
}

impl Key {
    /// The same under another name of the scenario.
    pub const fn meaning(self, is: &'static str) -> Self {
        Self { is, ..self }
    }
}
