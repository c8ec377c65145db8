//! The Rhai module `postgres`.

use std::{any::Any, sync::Arc, time::Duration};

use rhai::{Array, Map, plugin::*};

use crate::error::{Error, ErrorKind, Result};
use crate::load::payload::{Generator, Param};
use crate::measure::{Outcome, clock::millis};
use crate::script::{
    ScriptResult,
    explain::a,
    operation::Op,
    options::{from_json, options, to_json},
    raise,
};
use crate::services::postgres::{self as service, ClientOptions, PostgresOperation, PostgresReply, Text};

/// How long `run()` waits for the end of a script.
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// A database that scripts describe statements to.
#[derive(Clone)]
pub struct PostgresClient(Arc<service::PostgresClient>);

/// What `run()` of a statement returns.
#[derive(Clone)]
pub struct PostgresAnswer {
    reply: Arc<PostgresReply>,
    elapsed_ns: u64,
}

/// PostgreSQL: statements, transactions, rows in lumps; `tpcb`, `select_only` and other ready-made workloads.
///
/// Values stand in a statement as `$1`, `$2` with an array behind it, or as `{name}` with a map: the same name is the same
/// value everywhere in a transaction, and `{turn}` the number of the call. With a map `{{` and `}}` are braces. A value is
/// a plain value or a generator; `()` is NULL. Types are found by the server, as for any untyped literal.
///
/// Failures: `sql` (the server refused the statement), `conflict` (deadlock, serialization, a lock: trying again may help),
/// `auth` (user or password), `refused` (no server, too many connections, starting up), `closed`, `reset`, `timeout`.
/// A statement that timed out may go on in the server.
///
/// `result.server` holds what the database counted meanwhile: `commits`, `rollbacks`, `blocks_hit`, `blocks_read`,
/// `cache_hit_ratio`, `rows_returned`, `rows_fetched`, `rows_inserted`, `rows_updated`, `rows_deleted`, `temp_files`, `temp_bytes`,
/// `deadlocks`, `conflicts`; sampled once a second `samples`, `sessions_max`, `lock_waits_max` and `wait_events` (how often
/// sessions were seen in each, `cpu` where they waited for nothing); with the extension pg_stat_statements `statements`.
#[export_module]
pub mod postgres {
    /// A database: `"postgres://user:password@host:5432/database?sslmode=require"`, or over a Unix socket
    /// `"postgres://user@/database?host=/var/run/postgresql"`. Nothing is sent until an operation runs.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://postgres@127.0.0.1:5432/benchmark");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn client(ctx: NativeCallContext, url: &str) -> ScriptResult<PostgresClient> {
        let client = ClientOptions::parse(url).and_then(service::client);
        client.map(PostgresClient).map_err(raise(&ctx))
    }

    /// A database by its parts: `host` (`"127.0.0.1"`, or the folder of a Unix socket such as `"/var/run/postgresql"`), `port` (5432), `user` (`"postgres"`), `password`, `database` (the user's
    /// name), `tls` (`"prefer"`; `"disable"`, `"require"`, `"verify"`), `ca` (a PEM file to trust), `mode` (`"prepared"`: each
    /// statement is parsed once a session; `"extended"`: at each call; `"simple"`: values are written into the text).
    ///
    /// ```rhai
    /// let db = postgres::client(#{ user: "ann", password: "secret", database: "shop", mode: "simple" });
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_of_parts(ctx: NativeCallContext, settings: Map) -> ScriptResult<PostgresClient> {
        let client = options("postgres::client", settings).and_then(service::client);
        client.map(PostgresClient).map_err(raise(&ctx))
    }

    /// A database by its URL with options on top.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/shop", #{ user: "ann", tls: "disable", mode: "extended" });
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_with(ctx: NativeCallContext, url: &str, settings: Map) -> ScriptResult<PostgresClient> {
        let client = ClientOptions::parse(url)
            .and_then(|parsed| options("postgres::client", on_top(settings, parsed)))
            .and_then(service::client);
        client.map(PostgresClient).map_err(raise(&ctx))
    }

    /// The operation of one statement that returns rows; without values its text is sent as it is.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// let count = db.query("select count(*) from orders");
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn query(ctx: NativeCallContext, client: &mut PostgresClient, sql: &str) -> ScriptResult<Op> {
        client.statement(sql, Dynamic::UNIT).map_err(raise(&ctx))
    }

    /// The same with an array of values for `$1`, `$2` and so on.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// let order = db.query("select * from orders where id = $1", [data::zipf(1, 1_000_000)]);
    /// let range = db.query("select * from orders where id >= $1 order by id limit 100", [data::uniform(1, 999_900)]);
    /// ```
    #[rhai_fn(global, name = "query", return_raw, pure)]
    pub fn query_numbered(
        ctx: NativeCallContext,
        client: &mut PostgresClient,
        sql: &str,
        values: Array,
    ) -> ScriptResult<Op> {
        client.statement(sql, values.into()).map_err(raise(&ctx))
    }

    /// The same with a map of values for `{name}`s, and `name`, what the operation is called in results.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// let order = db.query("select * from orders where id = {id}", #{ id: data::uniform(1, 1_000_000), name: "order" });
    /// ```
    #[rhai_fn(global, name = "query", return_raw, pure)]
    pub fn query_named(
        ctx: NativeCallContext,
        client: &mut PostgresClient,
        sql: &str,
        values: Map,
    ) -> ScriptResult<Op> {
        client.statement(sql, values.into()).map_err(raise(&ctx))
    }

    /// The operation of one statement that changes something. Takes values as `query` does.
    ///
    /// ```rhai,no_run
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// db.execute("create table if not exists orders (id bigint primary key, note text)").run();
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn execute(ctx: NativeCallContext, client: &mut PostgresClient, sql: &str) -> ScriptResult<Op> {
        client.statement(sql, Dynamic::UNIT).map_err(raise(&ctx))
    }

    /// The same with an array of values.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// let insert = db.execute("insert into orders values ($1, $2)", [data::sequence(), data::text(5)]);
    /// ```
    #[rhai_fn(global, name = "execute", return_raw, pure)]
    pub fn execute_numbered(
        ctx: NativeCallContext,
        client: &mut PostgresClient,
        sql: &str,
        values: Array,
    ) -> ScriptResult<Op> {
        client.statement(sql, values.into()).map_err(raise(&ctx))
    }

    /// The same with a map of values, and `name`.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// let touch = db.execute("update orders set note = {note} where id = {id}", #{ id: data::zipf(1, 500), note: "seen" });
    /// ```
    #[rhai_fn(global, name = "execute", return_raw, pure)]
    pub fn execute_named(
        ctx: NativeCallContext,
        client: &mut PostgresClient,
        sql: &str,
        values: Map,
    ) -> ScriptResult<Op> {
        client.statement(sql, values.into()).map_err(raise(&ctx))
    }

    /// The operation of several statements in one text, as they are, in one transaction; the answer has the rows of the last one
    /// that returns any. `run()` waits up to an hour, so that tables can be filled.
    ///
    /// ```rhai,no_run
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// db.script("drop table if exists t; create table t (id int primary key); analyze t").run();
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn script(ctx: NativeCallContext, client: &mut PostgresClient, sql: &str) -> ScriptResult<Op> {
        PostgresOperation::script(&client.0, sql)
            .map(|script| op(script).waiting(AN_HOUR).preparing())
            .map_err(raise(&ctx))
    }

    /// The operation of several statements between `begin` and `commit`: each is a text, or an array of a text and its values.
    /// Where one is refused, the transaction is rolled back and the call fails. Each statement has a row in the results.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// let pay = db.transaction([
    ///     ["update accounts set balance = balance - $1 where id = $2", [data::uniform(1, 100), data::uniform(1, 1_000)]],
    ///     "insert into payments default values",
    /// ]);
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn transaction(
        ctx: NativeCallContext,
        client: &mut PostgresClient,
        statements: Array,
    ) -> ScriptResult<Op> {
        client.transaction(statements, Map::new()).map_err(raise(&ctx))
    }

    /// The same with a map of values for the `{name}`s of all statements, `name` and `isolation` (`"serializable"`,
    /// `"repeatable read"`, `"read committed"`).
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// let pay = db.transaction([
    ///     "update accounts set balance = balance - {amount} where id = {from}",
    ///     "update accounts set balance = balance + {amount} where id = {into}",
    /// ], #{ amount: data::uniform(1, 100), from: data::uniform(1, 500), into: data::uniform(501, 1_000),
    ///       name: "pay", isolation: "serializable" });
    /// ```
    #[rhai_fn(global, name = "transaction", return_raw, pure)]
    pub fn transaction_with(
        ctx: NativeCallContext,
        client: &mut PostgresClient,
        statements: Array,
        values: Map,
    ) -> ScriptResult<Op> {
        client.transaction(statements, values).map_err(raise(&ctx))
    }

    /// The operation of inserting `rows` rows with one statement. Generators draw for each row; a sequence goes on from row to
    /// row and from call to call.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// let lump = db.insert_batch("orders", ["id", "note"], 100, [data::sequence(), data::text(5)]);
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn insert_batch(
        ctx: NativeCallContext,
        client: &mut PostgresClient,
        table: &str,
        columns: Array,
        rows: i64,
        values: Array,
    ) -> ScriptResult<Op> {
        let lump = lump(columns, rows, values).and_then(|(columns, rows, values)| {
            PostgresOperation::insert_batch(&client.0, table, &columns, rows, &values)
        });
        lump.map(op).map_err(raise(&ctx))
    }

    /// The operation of copying `rows` rows into a table (`COPY ... FROM STDIN`): the fastest way to fill one.
    ///
    /// ```rhai
    /// let db = postgres::client("postgres://127.0.0.1/benchmark");
    /// let fill = db.copy("orders", ["id", "note"], 10_000, [data::sequence(), data::text(5)]);
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn copy(
        ctx: NativeCallContext,
        client: &mut PostgresClient,
        table: &str,
        columns: Array,
        rows: i64,
        values: Array,
    ) -> ScriptResult<Op> {
        let lump = lump(columns, rows, values).and_then(|(columns, rows, values)| {
            PostgresOperation::copy(&client.0, table, &columns, rows, &values)
        });
        lump.map(op).map_err(raise(&ctx))
    }

    /// The rows of an answer: an array of maps by the names of the columns. Numbers, booleans and JSON are such, NULL is `()`,
    /// all else is text as the server writes it.
    ///
    /// ```rhai
    /// fn first_id(answer) { answer.rows[0].id }
    /// ```
    #[rhai_fn(global, get = "rows", pure)]
    pub fn rows(answer: &mut PostgresAnswer) -> Array {
        (0..answer.reply.rows.len()).map(|at| Dynamic::from_map(answer.map(at))).collect()
    }

    /// One row of an answer by its number, from 0.
    ///
    /// ```rhai
    /// fn balance(answer) { answer.row(0).balance }
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn row(ctx: NativeCallContext, answer: &mut PostgresAnswer, number: i64) -> ScriptResult<Map> {
        let count = answer.reply.rows.len();
        match usize::try_from(number).ok().filter(|at| *at < count) {
            Some(at) => Ok(answer.map(at)),
            None => {
                let error =
                    Error::new(ErrorKind::Protocol, format!("no row {number} in an answer of {count} rows"));
                Err(raise(&ctx)(
                    error.hint("rows are numbered from 0; `answer.rows.len()` says how many there are"),
                ))
            }
        }
    }

    /// The first value of the first row: what `select count(*)` is asked for.
    ///
    /// ```rhai
    /// fn is_empty(answer) { answer.value == 0 }
    /// ```
    #[rhai_fn(global, get = "value", return_raw, pure)]
    pub fn value(ctx: NativeCallContext, answer: &mut PostgresAnswer) -> ScriptResult<Dynamic> {
        let first = answer.reply.rows.first().and_then(|row| row.first());
        match (first, answer.reply.columns.first()) {
            (Some(text), Some((_, kind))) => Ok(read(text.as_deref(), *kind)),
            _ => {
                let error = Error::new(ErrorKind::Protocol, "no value in an answer without rows");
                Err(raise(&ctx)(error.hint("ask first: `if answer.rows.len() > 0 { ... }`")))
            }
        }
    }

    /// Rows returned, inserted, updated, deleted or copied, as the server counts them; in a transaction of all statements.
    ///
    /// ```rhai
    /// fn found(answer) { answer.affected == 1 }
    /// ```
    #[rhai_fn(global, get = "affected", pure)]
    pub fn affected(answer: &mut PostgresAnswer) -> i64 {
        answer.reply.affected as i64
    }

    /// How long the call took, a new connection included, in milliseconds.
    ///
    /// ```rhai
    /// fn slow(answer) { answer.elapsed_ms > 10.0 }
    /// ```
    #[rhai_fn(global, get = "elapsed_ms", pure)]
    pub fn elapsed_ms(answer: &mut PostgresAnswer) -> f64 {
        millis(answer.elapsed_ns)
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn answer_to_string(answer: &mut PostgresAnswer) -> String {
        let PostgresReply { rows, affected, .. } = &*answer.reply;
        format!("{} rows, {affected} affected in {:.3} ms", rows.len(), millis(answer.elapsed_ns))
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn client_to_string(client: &mut PostgresClient) -> String {
        use crate::load::Client;
        client.0.endpoint()
    }
}

impl PostgresClient {
    fn statement(&self, sql: &str, values: Dynamic) -> Result<Op> {
        let (mut name, mut named) = (None, Vec::new());
        let mut text = Text { sql: sql.to_owned(), values: None };
        if let Some(map) = values.clone().try_cast::<Map>() {
            let mut own = Own::read(map)?;
            name = own.name.take();
            if own.isolation.is_some() {
                return Err(Error::usage("`isolation` is an option of transactions")
                    .hint("write `db.transaction([...], #{ isolation: \"serializable\" })`"));
            }
            named = own.values;
        } else if let Some(array) = values.try_cast::<Array>() {
            text.values = Some(params("$", array)?);
        }
        PostgresOperation::statement(&self.0, name, text, &named).map(op)
    }

    fn transaction(&self, statements: Array, values: Map) -> Result<Op> {
        let own = Own::read(values)?;
        let texts = statements.into_iter().map(text).collect::<Result<Vec<_>>>()?;
        PostgresOperation::transaction(&self.0, own.name, own.isolation.as_deref(), &texts, &own.values)
            .map(op)
    }
}

impl PostgresAnswer {
    fn map(&self, at: usize) -> Map {
        let values = self.reply.columns.iter().zip(&self.reply.rows[at]);
        values.map(|((name, kind), text)| (name.as_str().into(), read(text.as_deref(), *kind))).collect()
    }
}

/// The map behind a statement: two options, every other key is a value for its text.
#[derive(Default)]
struct Own {
    name: Option<String>,
    isolation: Option<String>,
    values: Vec<(String, Param)>,
}

impl Own {
    fn read(map: Map) -> Result<Self> {
        let mut own = Self::default();
        for (key, value) in map {
            let word = |value: Dynamic| {
                let wrong = |found| Error::usage(format!("`{key}` must be a text, not {}", a(found)));
                value.into_string().map_err(wrong)
            };
            match key.as_str() {
                "name" => own.name = Some(word(value)?),
                "isolation" => own.isolation = Some(word(value)?),
                name => own.values.push((name.to_owned(), param(name, value)?)),
            }
        }
        Ok(own)
    }
}

/// Options, with what a URL says where they say nothing.
fn on_top(mut settings: Map, url: ClientOptions) -> Map {
    let tls = serde_json::to_value(url.tls).map_or(Dynamic::UNIT, from_json);
    let mut given: Vec<(&str, Dynamic)> = vec![
        ("host", url.host.into()),
        ("port", i64::from(url.port).into()),
        ("user", url.user.into()),
        ("tls", tls),
    ];
    given.extend(url.password.map(|password| ("password", password.into())));
    given.extend(url.database.map(|database| ("database", database.into())));
    for (name, value) in given {
        settings.entry(name.into()).or_insert(value);
    }
    settings
}

/// One statement of a transaction.
fn text(statement: Dynamic) -> Result<Text> {
    let usage = |found: &str| {
        Error::usage(format!("a statement of a transaction must be a text, not {}", a(found)))
            .hint("write `\"update ...\"`, or `[\"update ... $1\", [value]]`")
    };
    if statement.is_string() {
        return Ok(Text { sql: statement.into_string().map_err(usage)?, values: None });
    }
    let found = statement.type_name();
    let parts = statement.into_array().map_err(usage)?;
    let Ok([sql, values]) = <[Dynamic; 2]>::try_from(parts) else { return Err(usage(found)) };
    let values = values.into_array().map_err(usage)?;
    Ok(Text { sql: sql.into_string().map_err(usage)?, values: Some(params("$", values)?) })
}

fn lump(columns: Array, rows: i64, values: Array) -> Result<(Vec<String>, u64, Vec<Param>)> {
    let word = |value: Dynamic| {
        value
            .into_string()
            .map_err(|found| Error::usage(format!("a column must be a text, not {}", a(found))))
    };
    let columns = columns.into_iter().map(word).collect::<Result<Vec<_>>>()?;
    let rows =
        u64::try_from(rows).map_err(|_| Error::usage(format!("{rows} rows")).hint("give 1 or more"))?;
    Ok((columns, rows, params("value ", values)?))
}

fn params(before: &str, values: Array) -> Result<Vec<Param>> {
    values.into_iter().enumerate().map(|(at, value)| param(&format!("{before}{}", at + 1), value)).collect()
}

fn param(field: &str, value: Dynamic) -> Result<Param> {
    match value.clone().try_cast::<Generator>() {
        Some(generator) => Ok(Param::Drawn(generator)),
        None => to_json(&value, field).map(Param::Fixed),
    }
}

fn op(operation: PostgresOperation) -> Op {
    Op::new(operation, answer)
}

fn answer(reply: Box<dyn Any + Send>, _outcome: Outcome, elapsed_ns: u64) -> Dynamic {
    let reply =
        *reply.downcast::<PostgresReply>().expect("a PostgreSQL session replies with a PostgresReply");
    Dynamic::from(PostgresAnswer { reply: Arc::new(reply), elapsed_ns })
}

/// A value as a script reads it, by the number of its type.
fn read(text: Option<&str>, kind: u32) -> Dynamic {
    let Some(text) = text else { return Dynamic::UNIT };
    let number = |value: Option<Dynamic>| value.unwrap_or_else(|| text.into());
    match kind {
        16 => (text == "t").into(),
        // int8, int2, int4, oid.
        20 | 21 | 23 | 26 => number(text.parse::<i64>().ok().map(Into::into)),
        // float4, float8, numeric.
        700 | 701 | 1700 => number(text.parse::<f64>().ok().map(Into::into)),
        // json, jsonb.
        114 | 3802 => number(serde_json::from_str(text).ok().map(from_json)),
        _ => text.into(),
    }
}
