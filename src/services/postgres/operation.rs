//! What a database is asked to do over and over: a statement, a transaction, rows in lumps.

use std::{cell::Cell, sync::Arc};

use serde_json::{Value as Json, json};

use super::{
    PostgresClient,
    copy::Copy,
    message,
    sql::{self, Piece},
    statement::{self, Statement},
    value::Value,
};
use crate::error::{Error, Result, nearest};
use crate::load::{Client, Operation, payload::Param};
use crate::measure::Summary;

/// A statement as it is written, with what stands for its places.
#[derive(Debug, Clone)]
pub struct Text {
    pub sql: String,
    /// For `$1`, `$2` and so on; none where the places are `{name}`s.
    pub values: Option<Vec<Param>>,
}

/// Values by name: the same name is the same value in each statement of a transaction.
pub type Named = [(String, Param)];

/// An operation of one client.
pub struct PostgresOperation {
    name: String,
    client: Arc<dyn Client>,
    pub(super) kind: Kind,
    figures: Figures,
    /// What its statements are called, where it has several.
    parts: Vec<String>,
    described: Json,
}

pub(super) enum Kind {
    Statement(Statement),
    /// With `begin` and `commit`.
    Transaction(Vec<Statement>),
    /// Several statements in one text, as messages.
    Script(Vec<u8>),
    Copy(Copy),
}

/// Which figures of its own a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figures {
    Select,
    Insert,
    Transaction,
}

impl PostgresOperation {
    /// One statement. With `named` its places are `{name}`s.
    pub fn statement(
        client: &Arc<PostgresClient>,
        name: Option<String>,
        text: Text,
        named: &Named,
    ) -> Result<Self> {
        let name = name.unwrap_or_else(|| sql::shown(&text.sql));
        let values = Values::new(&name, named)?;
        let statement = values.compile(client, &text, "")?;
        values.all_used()?;
        let word = text.sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let figures = match word.as_str() {
            "select" | "with" | "values" | "table" => Figures::Select,
            "insert" => Figures::Insert,
            _ => Figures::Transaction,
        };
        let told = json!({ "statement": text.sql });
        Ok(Self::new(client, name, Kind::Statement(statement), figures, told))
    }

    /// Several statements between `begin` and `commit`.
    pub fn transaction(
        client: &Arc<PostgresClient>,
        name: Option<String>,
        isolation: Option<&str>,
        texts: &[Text],
        named: &Named,
    ) -> Result<Self> {
        if texts.is_empty() {
            return Err(Error::usage("a transaction without a statement")
                .hint("write `db.transaction([\"update ...\", \"select ...\"])`"));
        }
        let shown: Vec<String> = texts.iter().map(|text| sql::shown(&text.sql)).collect();
        let name = name.unwrap_or_else(|| "transaction".to_owned());
        let begin = match isolation {
            None => "begin".to_owned(),
            Some(level) => format!("begin isolation level {}", checked_isolation(level)?),
        };
        let values = Values::new(&name, named)?;
        let plain =
            |sql: &str| values.compile(client, &Text { sql: sql.to_owned(), values: Some(Vec::new()) }, "");
        let mut statements = vec![plain(&begin)?];
        for (at, text) in texts.iter().enumerate() {
            statements.push(values.compile(client, text, &format!("{}.", at + 1))?);
        }
        statements.push(plain("commit")?);
        values.all_used()?;
        let told = json!({ "statements": shown, "begin": begin });
        let parts = [vec!["begin".to_owned()], shown, vec!["commit".to_owned()]].concat();
        let operation = Self::new(client, name, Kind::Transaction(statements), Figures::Transaction, told);
        Ok(Self { parts, ..operation })
    }

    /// Several statements in one text, sent as it is.
    pub fn script(client: &Arc<PostgresClient>, sql: &str) -> Result<Self> {
        if sql.contains('\0') {
            return Err(Error::usage("a statement with a zero byte"));
        }
        let mut messages = Vec::new();
        message::query(sql, &mut messages);
        let told = json!({ "script": sql });
        Ok(Self::new(client, sql::shown(sql), Kind::Script(messages), Figures::Transaction, told))
    }

    /// `rows` rows with one INSERT.
    pub fn insert_batch(
        client: &Arc<PostgresClient>,
        table: &str,
        columns: &[String],
        rows: u64,
        values: &[Param],
    ) -> Result<Self> {
        check_table("insert_batch", columns, rows, values)?;
        let name = format!("insert {rows} rows into {table}");
        let names: Vec<String> = columns.iter().map(|column| sql::quoted(column)).collect();
        let mut pieces =
            vec![Piece::Text(format!("insert into {} ({}) values (", sql::quoted(table), names.join(", ")))];
        for at in 0..rows as usize * values.len() {
            if at > 0 {
                pieces.push(Piece::Text(if at % values.len() == 0 { "), (" } else { ", " }.to_owned()));
            }
            pieces.push(Piece::Value(at));
        }
        pieces.push(Piece::Text(")".to_owned()));
        let compiled =
            columns.iter().zip(values).map(|(column, value)| Value::new(value, &name, column)).collect();
        let statement = Statement::new(pieces, compiled, rows, client.mode(), |sql| client.number(sql))?;
        let told = json!({ "insert_into": table, "columns": columns, "rows": rows });
        Ok(Self::new(client, name, Kind::Statement(statement), Figures::Insert, told))
    }

    /// `rows` rows with one COPY.
    pub fn copy(
        client: &Arc<PostgresClient>,
        table: &str,
        columns: &[String],
        rows: u64,
        values: &[Param],
    ) -> Result<Self> {
        check_table("copy", columns, rows, values)?;
        let name = format!("copy {rows} rows into {table}");
        let names: Vec<String> = columns.iter().map(|column| sql::quoted(column)).collect();
        let command = format!("copy {} ({}) from stdin", sql::quoted(table), names.join(", "));
        let values =
            columns.iter().zip(values).map(|(column, value)| Value::new(value, &name, column)).collect();
        let told = json!({ "copy_into": table, "columns": columns, "rows": rows });
        Ok(Self::new(client, name, Kind::Copy(Copy::new(&command, values, rows)), Figures::Insert, told))
    }

    fn new(client: &Arc<PostgresClient>, name: String, kind: Kind, figures: Figures, mut told: Json) -> Self {
        told["mode"] = match kind {
            Kind::Statement(_) | Kind::Transaction(_) => json!(client.mode()),
            Kind::Script(_) | Kind::Copy(_) => json!("simple"),
        };
        told["tls"] = json!(client.encryption());
        Self { name, client: client.clone(), kind, figures, parts: Vec::new(), described: told }
    }
}

impl Operation for PostgresOperation {
    fn name(&self) -> &str {
        &self.name
    }

    fn service(&self) -> &'static str {
        "postgres"
    }

    fn component(&self) -> &'static str {
        "storage"
    }

    fn client(&self) -> &Arc<dyn Client> {
        &self.client
    }

    fn describe(&self) -> Json {
        self.described.clone()
    }

    fn parts(&self) -> &[String] {
        &self.parts
    }

    fn extras(&self, row: &Summary) -> Vec<(&'static str, f64)> {
        let (calls, rows) = (row.throughput, row.items as f64 / row.duration_s.max(1e-9));
        let mut extras = vec![("transactions_per_second", calls), ("rows_per_second", rows)];
        match self.figures {
            Figures::Select => extras.extend([("select_qps", calls), ("select_duration_s", row.duration_s)]),
            Figures::Insert => extras.extend([("insert_tps", calls), ("insert_duration_s", row.duration_s)]),
            Figures::Transaction => {}
        }
        extras
    }
}

/// The named values that all statements of one operation share.
struct Values<'a> {
    operation: &'a str,
    named: &'a Named,
    used: Vec<Cell<bool>>,
}

impl<'a> Values<'a> {
    fn new(operation: &'a str, named: &'a Named) -> Result<Self> {
        if named.iter().any(|(name, _)| name == "turn") {
            return Err(Error::usage("no value can be called `turn`")
                .hint("`{turn}` is always the number of the call; choose another name"));
        }
        Ok(Self { operation, named, used: vec![Cell::new(false); named.len()] })
    }

    /// `before` tells apart the values of several statements that have no names.
    fn compile(&self, client: &PostgresClient, text: &Text, before: &str) -> Result<Statement> {
        let (pieces, values) = match &text.values {
            Some(values) => {
                let pieces = sql::numbered(&text.sql);
                self.check_numbers(&text.sql, &pieces, values.len())?;
                let value = |(at, value)| Value::new(value, self.operation, &format!("{before}{}", at + 1));
                (pieces, values.iter().enumerate().map(value).collect())
            }
            // Without any names braces mean themselves.
            None if self.named.is_empty() && !text.sql.contains("{turn}") => {
                (vec![Piece::Text(text.sql.clone())], Vec::new())
            }
            None => {
                let mut names: Vec<String> = Vec::new();
                let mut values = Vec::new();
                let pieces = sql::named(&text.sql, |name| {
                    if let Some(known) = names.iter().position(|known| known == name) {
                        return Ok(known);
                    }
                    values.push(self.value(name, &text.sql)?);
                    names.push(name.to_owned());
                    Ok(values.len() - 1)
                })?;
                (pieces, values)
            }
        };
        Statement::new(pieces, values, 1, client.mode(), |sql| client.number(sql))
    }

    fn value(&self, name: &str, sql: &str) -> Result<Value> {
        if name == "turn" {
            return Ok(Value::Turn);
        }
        if let Some(at) = self.named.iter().position(|(known, _)| known == name) {
            self.used[at].set(true);
            return Ok(Value::new(&self.named[at].1, self.operation, name));
        }
        let names: Vec<&str> = self.named.iter().map(|(name, _)| name.as_str()).chain(["turn"]).collect();
        let error = Error::usage(format!("no value for `{{{name}}}` in `{}`", sql::shown(sql)));
        Err(match nearest(name, &names) {
            Some(near) => error.hint(format!("did you mean `{{{near}}}`?")),
            None => error.hint("write `{{` and `}}` for braces that are meant as they are"),
        })
    }

    fn all_used(&self) -> Result<()> {
        match self.named.iter().zip(&self.used).find(|(_, used)| !used.get()) {
            None => Ok(()),
            Some(((name, _), _)) => {
                Err(Error::usage(format!("value `{name}` of `{}` is not used", self.operation))
                    .hint(format!("write `{{{name}}}` where it belongs, or leave it out")))
            }
        }
    }

    fn check_numbers(&self, text: &str, pieces: &[Piece], count: usize) -> Result<()> {
        let used = |at| pieces.contains(&Piece::Value(at));
        let highest =
            pieces.iter().filter_map(|piece| if let Piece::Value(at) = piece { Some(at + 1) } else { None });
        let highest = highest.max().unwrap_or(0);
        let error = if highest > count {
            Error::usage(format!("no value for `${highest}` in `{}`", sql::shown(text)))
        } else if let Some(unused) = (0..count).find(|at| !used(*at)) {
            Error::usage(format!(
                "`${}` is not in `{}`, but there is a value for it",
                unused + 1,
                sql::shown(text)
            ))
        } else {
            return Ok(());
        };
        Err(error.hint("`$1` stands for the first value of the array, `$2` for the second"))
    }
}

fn check_table(what: &str, columns: &[String], rows: u64, values: &[Param]) -> Result<()> {
    if columns.is_empty() || columns.len() != values.len() {
        return Err(Error::usage(format!(
            "`{what}` has {} columns and {} values",
            columns.len(),
            values.len()
        ))
        .hint("give one value or generator for each column"));
    }
    if rows == 0 || rows > statement::MOST_ROWS {
        return Err(Error::usage(format!("`{what}` of {rows} rows"))
            .hint(format!("give 1 to {} rows", statement::MOST_ROWS)));
    }
    Ok(())
}

fn checked_isolation(level: &str) -> Result<String> {
    const LEVELS: &[&str] = &["serializable", "repeatable read", "read committed", "read uncommitted"];
    let word = level.to_ascii_lowercase();
    if LEVELS.contains(&word.as_str()) {
        return Ok(word);
    }
    Err(Error::usage(format!("there is no isolation level `{level}`"))
        .hint(format!("it may be \"{}\"", LEVELS.join("\", \""))))
}
