//! Rows of a CSV or JSONL file, read once and held in memory: each call takes one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::Encoding;
use crate::error::{Error, Result, nearest};
use crate::load::Turn;
use crate::measure::hash::{Draws, hash_texts};

/// Files up to this size are held in memory.
const LARGEST: u64 = 1 << 30;

/// Which row a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Row number = number of the call, from the first again after the last.
    InTurn,
    /// Any row, each equally often.
    Random,
}

/// The rows of a file, by column.
#[derive(Debug)]
pub struct Rows {
    path: PathBuf,
    pub order: Order,
    columns: Vec<String>,
    /// Each as long as `columns`.
    rows: Vec<Vec<Value>>,
    /// One for all columns, so that the values of a call come from one row.
    stream: u64,
}

impl Rows {
    /// Reads a file that ends in `.csv` (the first line names the columns) or `.jsonl` (an object a line).
    pub fn read(path: &Path, order: Order) -> Result<Self> {
        let shown = path.display();
        let failed =
            |error: std::io::Error| Error::io(format!("cannot read the rows of `{shown}`")).because(&error);
        let size = fs::metadata(path).map_err(failed)?.len();
        if size > LARGEST {
            return Err(Error::usage(format!(
                "`{shown}` has {size} bytes; rows are held in memory, at most 1 GiB"
            ))
            .hint("take a sample of it"));
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        let (columns, rows) = match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => csv(&text),
            Some("jsonl" | "ndjson") => jsonl(&text),
            _ => Err(Error::usage("its name tells no format").hint("name it `.csv` or `.jsonl`")),
        }
        .map_err(|error| Error {
            message: format!("cannot read the rows of `{shown}`: {}", error.message),
            ..error
        })?;
        if rows.is_empty() {
            return Err(Error::usage(format!("`{shown}` has no rows")));
        }
        let stream = hash_texts(&["rows", &shown.to_string()]);
        Ok(Self { path: path.to_owned(), order, columns, rows, stream })
    }

    /// The number of a column.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.columns.iter().position(|known| known == name).ok_or_else(|| {
            let known: Vec<&str> = self.columns.iter().map(String::as_str).collect();
            let error = Error::usage(format!("`{}` has no column `{name}`", self.path.display()));
            match nearest(name, &known) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("columns: {}", known.join(", "))),
            }
        })
    }

    pub fn count(&self) -> usize {
        self.rows.len()
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value that this turn takes from a column.
    pub fn value(&self, column: usize, turn: Turn) -> &Value {
        &self.rows[self.row(turn)][column]
    }

    /// The whole row of this turn as an object.
    pub fn object(&self, turn: Turn) -> Value {
        let row = &self.rows[self.row(turn)];
        self.columns.iter().cloned().zip(row.iter().cloned()).collect::<Map<_, _>>().into()
    }

    /// Appends [`Rows::object`] as JSON, without making it.
    pub fn write(&self, turn: Turn, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (name, value)) in self.columns.iter().zip(&self.rows[self.row(turn)]).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            Encoding::Json.text(name, out);
            out.push(b':');
            Encoding::Json.value(value, out);
        }
        out.push(b'}');
    }

    fn row(&self, turn: Turn) -> usize {
        let count = self.rows.len() as u64;
        let at = match self.order {
            Order::InTurn => turn.number % count,
            Order::Random => Draws::new(turn.seed, self.stream, turn.number, turn.step).below(count),
        };
        at as usize
    }
}

type Parsed = (Vec<String>, Vec<Vec<Value>>);

/// RFC 4180: commas, quotes doubled inside quotes, line breaks inside quotes. Numbers become numbers.
fn csv(text: &str) -> Result<Parsed> {
    let mut lines = records(text)?.into_iter();
    let columns = lines.next().ok_or_else(|| Error::usage("the file is empty"))?;
    let columns: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    let mut rows = Vec::new();
    for (number, record) in lines.enumerate() {
        if record.len() != columns.len() {
            let (has, needs, line) = (record.len(), columns.len(), number + 2);
            return Err(Error::usage(format!(
                "record {line} has {has} fields, but the first line names {needs}"
            )));
        }
        rows.push(record.into_iter().map(|(field, quoted)| typed(field, quoted)).collect());
    }
    Ok((columns, rows))
}

/// What stands in quotes is text; so is a number that would be written otherwise, such as 007.
fn typed(field: String, quoted: bool) -> Value {
    if !quoted {
        if let Ok(number) = field.parse::<i64>()
            && number.to_string() == field
        {
            return number.into();
        }
        if let Ok(number) = field.parse::<f64>()
            && field.contains('.')
            && let Some(number) = serde_json::Number::from_f64(number)
        {
            return Value::Number(number);
        }
    }
    Value::String(field)
}

/// Fields, and whether each was quoted.
fn records(text: &str) -> Result<Vec<Vec<(String, bool)>>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let (mut field, mut quoted, mut inside) = (String::new(), false, false);
    let mut letters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if inside && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' if inside => inside = false,
            '"' if field.is_empty() && !quoted => (inside, quoted) = (true, true),
            ',' if !inside => record.push((std::mem::take(&mut field), std::mem::take(&mut quoted))),
            '\r' if !inside && letters.peek() == Some(&'\n') => {}
            '\n' if !inside => {
                record.push((std::mem::take(&mut field), std::mem::take(&mut quoted)));
                records.push(std::mem::take(&mut record));
            }
            letter => field.push(letter),
        }
    }
    if inside {
        return Err(Error::usage("a quoted field has no end"));
    }
    if !field.is_empty() || !record.is_empty() {
        record.push((field, quoted));
        records.push(record);
    }
    // An empty line is no record.
    records.retain(|record| !matches!(record.as_slice(), [(only, false)] if only.is_empty()));
    Ok(records)
}

/// Objects of scalars, arrays or objects; the first one names the columns, and every line must have them.
fn jsonl(text: &str) -> Result<Parsed> {
    let mut columns: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = |what: String| Error::usage(format!("line {}: {what}", number + 1));
        let mut object: Map<String, Value> =
            serde_json::from_str(line).map_err(|error| at(format!("no JSON object: {error}")))?;
        if columns.is_empty() {
            columns = object.keys().cloned().collect();
        }
        let row =
            columns.iter().map(|column| object.remove(column).ok_or_else(|| at(format!("no `{column}`"))));
        rows.push(row.collect::<Result<_>>()?);
    }
    Ok((columns, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(number: u64) -> Turn {
        Turn { seed: 1, number, step: 0 }
    }

    #[test]
    fn csv_fields_keep_their_commas_quotes_and_kinds() {
        let (columns, rows) = csv("id,name,score\r\n1,\"a, \"\"b\"\"\nc\",2.5\n007,,-3\n\n").unwrap();
        assert_eq!(columns, ["id", "name", "score"]);
        let shown: Vec<String> = rows.iter().map(|row| Value::from(row.clone()).to_string()).collect();
        assert_eq!(shown, [r#"[1,"a, \"b\"\nc",2.5]"#, r#"["007","",-3]"#]);
    }

    #[test]
    fn broken_files_are_named_by_their_line() {
        assert_eq!(csv("a,b\n1\n").unwrap_err().message, "record 2 has 1 fields, but the first line names 2");
        assert_eq!(csv("a\n\"x").unwrap_err().message, "a quoted field has no end");
        assert_eq!(jsonl("{\"a\":1}\n{\"b\":1}").unwrap_err().message, "line 2: no `a`");
    }

    #[test]
    fn the_columns_of_a_call_come_from_one_row() {
        let (columns, rows) = csv("a,b\n1,10\n2,20\n3,30\n").unwrap();
        for order in [Order::InTurn, Order::Random] {
            let rows =
                Rows { path: "x.csv".into(), order, columns: columns.clone(), rows: rows.clone(), stream: 5 };
            for number in 0..50 {
                let (a, b) = (rows.value(0, turn(number)), rows.value(1, turn(number)));
                assert_eq!(a.as_i64().unwrap() * 10, b.as_i64().unwrap());
                let mut whole = Vec::new();
                rows.write(turn(number), &mut whole);
                assert_eq!(String::from_utf8(whole).unwrap(), rows.object(turn(number)).to_string());
            }
        }
        let rows = Rows { path: "x.csv".into(), order: Order::InTurn, columns, rows, stream: 5 };
        let first: Vec<i64> = (0..4).map(|number| rows.value(0, turn(number)).as_i64().unwrap()).collect();
        assert_eq!(first, [1, 2, 3, 1]);
    }
}
