//! The Rhai module `report`.

use rhai::{Array, Map, plugin::*};

use crate::error::{Error, Result};
use crate::report as pages;
use crate::script::{LoadResult, ScriptResult, explain::a, host, not_in_a_journey, raise};

/// Notes and tables for the reader of the results.
#[export_module]
pub mod report {
    /// Adds a sentence to the run's notes; the report shows them.
    ///
    /// ```rhai
    /// report::note("the cache was warm");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn note(ctx: NativeCallContext, text: &str) -> ScriptResult<()> {
        not_in_a_journey(&ctx, "a note")?;
        let host = host(&ctx);
        if host.is_planning() {
            return Ok(());
        }
        host.open_folder().map_err(raise(&ctx))?;
        if let Some(folder) = &mut host.state().folder {
            folder.run.notes.push(text.to_owned());
        }
        Ok(())
    }

    /// An array of maps as an aligned table, to print. Columns stand in the order of their names.
    ///
    /// ```rhai
    /// print(report::table([#{ users: 1, rate: 950.5 }, #{ users: 2, rate: 1_820.0 }]));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn table(ctx: NativeCallContext, rows: Array) -> ScriptResult<String> {
        as_table(&rows, None).map_err(raise(&ctx))
    }

    /// The same with the columns of `order`, in that order.
    ///
    /// ```rhai
    /// print(report::table([#{ users: 1, rate: 950.5 }, #{ users: 2, rate: 1_820.0 }], ["users", "rate"]));
    /// ```
    #[rhai_fn(name = "table", return_raw)]
    pub fn table_in_order(ctx: NativeCallContext, rows: Array, order: Array) -> ScriptResult<String> {
        columns(&order).and_then(|order| as_table(&rows, Some(order))).map_err(raise(&ctx))
    }

    /// Results side by side, one line each, to print.
    ///
    /// ```rhai,no_run
    /// let home = http::client("http://127.0.0.1:8080").get("/");
    /// let results = [1, 8].map(|users| load::run(home, #{ concurrency: users, requests: 1_000 }));
    /// print(report::compare(results));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn compare(ctx: NativeCallContext, results: Array) -> ScriptResult<String> {
        let mut metrics = Vec::new();
        for result in &results {
            let Some(result) = result.clone().try_cast::<LoadResult>() else {
                let found = result.type_name();
                return Err(raise(&ctx)(Error::usage(format!(
                    "expected results of loads, found {}",
                    a(found)
                ))));
            };
            match result.outcome() {
                Some(outcome) => metrics.push(outcome.metrics.clone()),
                None => return Ok("not measured in a plan".to_owned()),
            }
        }
        Ok(pages::text::compare(&metrics, false))
    }
}

/// Names of columns, as an array of texts.
fn columns(order: &Array) -> Result<Vec<String>> {
    let name = |name: &Dynamic| {
        let text = name.clone().into_string();
        text.map_err(|found| Error::usage(format!("a column's name is a text, not {}", a(found))))
    };
    order.iter().map(name).collect()
}

/// `order` names the columns; without it all stand in the order of their names.
fn as_table(rows: &Array, order: Option<Vec<String>>) -> Result<String> {
    let mut maps = Vec::new();
    for row in rows {
        let found = row.type_name();
        let map = row.clone().try_cast::<Map>();
        maps.push(map.ok_or_else(|| Error::usage(format!("a table is made of maps, not of {}", a(found))))?);
    }
    let columns = order.unwrap_or_else(|| {
        let mut all: Vec<String> = maps.iter().flat_map(|map| map.keys().map(ToString::to_string)).collect();
        all.sort();
        all.dedup();
        all
    });
    let is_number = |column: &str| {
        let mut values = maps.iter().filter_map(|map| map.get(column));
        values.all(|value| value.is_int() || value.is_float())
    };
    let mut table = pages::Table::new("");
    for column in &columns {
        table = if is_number(column) { table.numbers(column, "") } else { table.words(column) };
    }
    for map in &maps {
        let cell =
            |column: &String| map.get(column.as_str()).map_or(String::new(), ToString::to_string).into();
        table.row(columns.iter().map(cell).collect());
    }
    Ok(table.text(false))
}
