//! What a trial asks of a cluster, in the words of Slurm.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What is not given is left to the site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// `HH:MM:SS`, `D-HH:MM:SS` or minutes, as `sbatch --time` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ntasks: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ntasks_per_node: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gres: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus_per_task: Option<u32>,
    /// A number with `K`, `M`, `G` or `T`; a bare number is MB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem: Option<Memory>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
}

/// A time limit: minutes, or a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Time {
    Minutes(u32),
    Text(String),
}

/// Megabytes, or a text with a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Memory {
    Megabytes(u64),
    Text(String),
}

impl Resources {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses what no scheduler would take.
    pub fn check(self) -> Result<Self> {
        if let Some(Time::Text(text)) = &self.time
            && !is_time(text)
        {
            return Err(Error::usage(format!("`time` cannot be \"{text}\""))
                .hint("write \"HH:MM:SS\", \"D-HH:MM:SS\" or minutes"));
        }
        if let Some(Memory::Text(text)) = &self.mem
            && !is_memory(text)
        {
            return Err(Error::usage(format!("`mem` cannot be \"{text}\""))
                .hint("write \"32G\", \"512M\" or megabytes"));
        }
        for (name, count) in [
            ("nodes", self.nodes),
            ("ntasks", self.ntasks),
            ("ntasks_per_node", self.ntasks_per_node),
            ("cpus_per_task", self.cpus_per_task),
        ] {
            if count == Some(0) {
                return Err(Error::usage(format!("`{name}` must be at least 1")));
            }
        }
        Ok(self)
    }

    /// `partition=gpu nodes=1`: what was asked, in the order of the fields.
    pub fn line(&self) -> String {
        let Ok(serde_json::Value::Object(asked)) = serde_json::to_value(self) else { return String::new() };
        let words = asked.iter().map(|(key, value)| match value {
            serde_json::Value::String(text) => format!("{key}={text}"),
            other => format!("{key}={other}"),
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

fn is_time(text: &str) -> bool {
    let (days, rest) = text.split_once('-').map_or((None, text), |(days, rest)| (Some(days), rest));
    let parts: Vec<&str> = rest.split(':').collect();
    let numbers = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    days.is_none_or(numbers) && (1..=3).contains(&parts.len()) && parts.into_iter().all(numbers)
}

fn is_memory(text: &str) -> bool {
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
    text.len() - digits.len() <= 1 && digits.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_memory_are_those_of_slurm() {
        for good in ["30", "01:00:00", "90:00", "2-12:00:00", "1-0"] {
            assert!(is_time(good), "{good}");
        }
        for bad in ["", "1h", "01:00:00:00", "-1", "x-1", "1:"] {
            assert!(!is_time(bad), "{bad}");
        }
        for (text, fits) in [("32G", true), ("512", true), ("32GB", false), ("G", false), ("1.5G", false)] {
            assert_eq!(is_memory(text), fits, "{text}");
        }
    }

    #[test]
    fn what_was_asked_is_one_line() {
        let asked = serde_json::json!({ "partition": "gpu", "nodes": 2, "mem": "32G", "time": "01:00:00" });
        let resources: Resources = serde_json::from_value(asked).expect("all are known");
        assert_eq!(resources.line(), "partition=gpu time=01:00:00 nodes=2 mem=32G");
        assert!(resources.check().is_ok());
    }
}
