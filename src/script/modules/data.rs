//! The Rhai module `data`.

use std::{path::Path, sync::Arc};

use rhai::{Array, plugin::*};

use crate::error::Error;
use crate::load::{
    Turn,
    payload::{Generator, Order, Rows},
};
use crate::script::{
    ScriptResult,
    explain::a,
    host,
    options::{from_json, to_json},
    raise,
};

/// The rows of a file as a script value.
pub type DataRows = Arc<Rows>;

/// Values for requests, generated natively: each a pure function of the seed, the operation, the parameter and the
/// number of the call. The same seed sends the same requests, whatever the number of threads.
#[export_module]
pub mod data {
    /// 0, 1, 2, ...: the number of the call. About 30 ns a value.
    ///
    /// ```rhai
    /// let order = http::client("http://127.0.0.1:8080").get("/orders/{id}", #{ id: data::sequence() });
    /// ```
    pub fn sequence() -> Generator {
        Generator::sequence(0, 1)
    }

    /// `start`, `start + 1`, ...
    ///
    /// ```rhai
    /// let ids = data::sequence(1_000);
    /// ```
    #[rhai_fn(name = "sequence")]
    pub fn sequence_from(start: i64) -> Generator {
        Generator::sequence(start, 1)
    }

    /// `start`, `start + step`, ...
    ///
    /// ```rhai
    /// let even = data::sequence(0, 2);
    /// ```
    #[rhai_fn(name = "sequence")]
    pub fn sequence_by(start: i64, step: i64) -> Generator {
        Generator::sequence(start, step)
    }

    /// Numbers from `low` to `high`, each equally likely: whole ones (both ends included) or, if either is a float,
    /// fractions. About 50 ns a value, 70 ns for fractions.
    ///
    /// ```rhai
    /// let user = data::uniform(1, 1_000);
    /// let price = data::uniform(0.5, 9.5);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn uniform(ctx: NativeCallContext, low: i64, high: i64) -> ScriptResult<Generator> {
        Generator::uniform(low, high).map_err(raise(&ctx))
    }

    #[rhai_fn(name = "uniform", return_raw)]
    pub fn uniform_float(ctx: NativeCallContext, low: f64, high: f64) -> ScriptResult<Generator> {
        Generator::uniform_float(low, high).map_err(raise(&ctx))
    }

    /// Whole numbers from `low` to `high`, the first the most popular, by Zipf's law with exponent 1. About 90 ns a value,
    /// however many there are.
    ///
    /// ```rhai
    /// let article = data::zipf(1, 1_000_000);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn zipf(ctx: NativeCallContext, low: i64, high: i64) -> ScriptResult<Generator> {
        Generator::zipf(low, high, 1.0).map_err(raise(&ctx))
    }

    /// Zipf's law with any positive exponent: the higher, the more a few values dominate.
    ///
    /// ```rhai
    /// let article = data::zipf(1, 1_000_000, 1.3);
    /// ```
    #[rhai_fn(name = "zipf", return_raw)]
    pub fn zipf_with(ctx: NativeCallContext, low: i64, high: i64, exponent: f64) -> ScriptResult<Generator> {
        Generator::zipf(low, high, exponent).map_err(raise(&ctx))
    }

    /// Normally distributed fractions. About 100 ns a value.
    ///
    /// ```rhai
    /// let temperature = data::normal(20.0, 4.0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn normal(ctx: NativeCallContext, mean: f64, stddev: f64) -> ScriptResult<Generator> {
        Generator::normal(mean, stddev).map_err(raise(&ctx))
    }

    /// Exponentially distributed fractions: times between independent events. About 100 ns a value.
    ///
    /// ```rhai
    /// let pause = data::exponential(0.5);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exponential(ctx: NativeCallContext, mean: f64) -> ScriptResult<Generator> {
        Generator::exponential(mean).map_err(raise(&ctx))
    }

    /// One of `values`, each equally likely. About 50 ns a value.
    ///
    /// ```rhai
    /// let colour = data::choice(["red", "green", "blue"]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn choice(ctx: NativeCallContext, values: Array) -> ScriptResult<Generator> {
        let values: crate::error::Result<Vec<_>> =
            values.iter().map(|value| to_json(value, "choice")).collect();
        values.and_then(Generator::choice).map_err(raise(&ctx))
    }

    /// One of `values`, each as likely as its weight says. About 50 ns a value.
    ///
    /// ```rhai
    /// let kind = data::choice(["read", "write"], [9, 1]);
    /// ```
    #[rhai_fn(name = "choice", return_raw)]
    pub fn weighted_choice(ctx: NativeCallContext, values: Array, weights: Array) -> ScriptResult<Generator> {
        weighted(&values, &weights).map_err(raise(&ctx))
    }

    /// UUIDs, version 4. About 100 ns a value.
    ///
    /// ```rhai
    /// let id = data::uuid();
    /// ```
    pub fn uuid() -> Generator {
        Generator::uuid()
    }

    /// Word-like text of `words` words. About 15 ns a word.
    ///
    /// ```rhai
    /// let comment = data::text(20);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn text(ctx: NativeCallContext, words: i64) -> ScriptResult<Generator> {
        Generator::text(words, words).map_err(raise(&ctx))
    }

    /// Word-like text of `fewest` to `most` words.
    ///
    /// ```rhai
    /// let comment = data::text(5, 50);
    /// ```
    #[rhai_fn(name = "text", return_raw)]
    pub fn text_between(ctx: NativeCallContext, fewest: i64, most: i64) -> ScriptResult<Generator> {
        Generator::text(fewest, most).map_err(raise(&ctx))
    }

    /// `length` bytes that do not compress, for request bodies. About 0.25 ns a byte; 1.3 ns in JSON and headers, where they
    /// are base64.
    ///
    /// ```rhai
    /// let upload = http::client("http://127.0.0.1:8080").put("/blob", #{ body: data::bytes(65_536) });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn bytes(ctx: NativeCallContext, length: i64) -> ScriptResult<Generator> {
        Generator::bytes(length).map_err(raise(&ctx))
    }

    /// Vectors of `dimension` 32-bit floats of length 1, in any direction: a JSON array. About 60 ns a dimension: 23 µs for
    /// 384.
    ///
    /// ```rhai
    /// let search = http::client("http://127.0.0.1:8080").post("/search", #{ json: #{ vector: data::vector(384) } });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn vector(ctx: NativeCallContext, dimension: i64) -> ScriptResult<Generator> {
        Generator::vector(dimension).map_err(raise(&ctx))
    }

    /// The rows of a `.csv` or `.jsonl` file: call number n takes row n, from the first again after the last.
    ///
    /// ```rhai,no_run
    /// let users = data::rows("users.csv");
    /// let page = http::client("http://127.0.0.1:8080").get("/users/{id}", #{ id: users.column("id") });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rows(ctx: NativeCallContext, path: &str) -> ScriptResult<DataRows> {
        read_rows(path, "in turn").map_err(raise(&ctx))
    }

    /// The rows of a file, taken `"in turn"` or at `"random"`. The columns of one call always come from one row.
    ///
    /// ```rhai,no_run
    /// let users = data::rows("users.csv", "random");
    /// ```
    #[rhai_fn(name = "rows", return_raw)]
    pub fn rows_in(ctx: NativeCallContext, path: &str, order: &str) -> ScriptResult<DataRows> {
        read_rows(path, order).map_err(raise(&ctx))
    }

    /// The values of one column. About 50 ns a value, however many rows there are.
    ///
    /// ```rhai,no_run
    /// let name = data::rows("users.csv").column("name");
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn column(ctx: NativeCallContext, rows: &mut DataRows, name: &str) -> ScriptResult<Generator> {
        Generator::column(rows.clone(), name).map_err(raise(&ctx))
    }

    /// Whole rows, as JSON objects. About 30 ns a column.
    ///
    /// ```rhai,no_run
    /// let order = http::client("http://127.0.0.1:8080").post("/orders", #{ json: data::rows("orders.jsonl").row() });
    /// ```
    #[rhai_fn(global, pure)]
    pub fn row(rows: &mut DataRows) -> Generator {
        Generator::row(rows.clone())
    }

    /// How many rows there are.
    ///
    /// ```rhai,no_run
    /// print(data::rows("users.csv").len());
    /// ```
    #[rhai_fn(global, name = "len", pure)]
    pub fn row_count(rows: &mut DataRows) -> i64 {
        rows.count() as i64
    }

    /// The values that a generator gives for the first `count` calls, to look at.
    ///
    /// ```rhai
    /// print(data::zipf(1, 100).sample(10));
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn sample(ctx: NativeCallContext, generator: &mut Generator, count: i64) -> ScriptResult<Array> {
        let count = u64::try_from(count).ok().filter(|count| *count <= 1_000_000).ok_or_else(|| {
            raise(&ctx)(
                crate::error::Error::usage(format!("cannot sample {count} values"))
                    .hint("between 0 and 1,000,000"),
            )
        })?;
        let seed = host(&ctx).seed();
        let stream = Generator::stream("sample", "");
        let value = |number| generator.value(stream, Turn { seed, number, step: 0 });
        Ok((0..count).map(|number| from_json(value(number))).collect())
    }
}

fn read_rows(path: &str, order: &str) -> crate::error::Result<DataRows> {
    let order = match order {
        "in turn" => Order::InTurn,
        "random" => Order::Random,
        other => {
            return Err(Error::usage(format!("rows cannot be taken `{other}`"))
                .hint("write `\"in turn\"` or `\"random\"`"));
        }
    };
    Rows::read(Path::new(path), order).map(Arc::new)
}

fn weighted(values: &Array, weights: &Array) -> crate::error::Result<Generator> {
    if values.len() != weights.len() {
        let (values, weights) = (values.len(), weights.len());
        return Err(crate::error::Error::usage(format!(
            "{values} values need as many weights, not {weights}"
        )));
    }
    let pairs = values.iter().zip(weights).map(|(value, weight)| {
        let weight =
            weight.as_float().or_else(|_| weight.as_int().map(|whole| whole as f64)).map_err(|found| {
                crate::error::Error::usage(format!("a weight must be a number, not {}", a(found)))
            })?;
        Ok((to_json(value, "choice")?, weight))
    });
    pairs.collect::<crate::error::Result<Vec<_>>>().and_then(Generator::weighted)
}
