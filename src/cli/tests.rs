//! The help of every subcommand: it has examples, and they can be typed.

use clap::{Command, CommandFactory, Parser};

use super::Cli;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_has_examples_that_parse() {
    let mut tried = 0;
    for (name, help) in helps(&Cli::command(), "") {
        let (_, examples) =
            help.split_once("Examples:").unwrap_or_else(|| panic!("`{name}` has no examples"));
        for example in examples.lines().take_while(|line| line.is_empty() || line.starts_with("  ")) {
            for call in calls(example) {
                let parsed = Cli::try_parse_from(&call);
                assert!(parsed.is_ok(), "{name}: {call:?}: {}", parsed.err().expect("it failed"));
                tried += 1;
            }
        }
    }
    assert!(tried > 20, "only {tried} examples were found");
}

/// Every command with the text below its options.
fn helps(command: &Command, above: &str) -> Vec<(String, String)> {
    let name = format!("{above} {}", command.get_name());
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut all = vec![(name.clone(), text)];
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        all.extend(helps(below, &name));
    }
    all
}

/// The calls of benchscript in a line of shell, without what a remark adds after several blanks.
fn calls(line: &str) -> Vec<Vec<String>> {
    let line = line.trim().split("   ").next().unwrap_or_default();
    let parts = line.split("&&").flat_map(|part| part.split(['|', '>']));
    let words =
        parts.map(|part| part.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect());
    words.filter(|words: &Vec<String>| words.first().is_some_and(|word| word == "benchscript")).collect()
}
