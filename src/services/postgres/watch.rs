//! What a server says of itself during a load: counters before and after, waits and locks once a second.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::{PostgresReply, client::Server, session::PostgresSession};
use crate::load::Watch;
use crate::measure::{Failure, failure};

/// How often waits and locks are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How long the server may take to see that sessions are closed, and to add up what they counted.
const SETTLING: Duration = Duration::from_secs(2);
/// How long it may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(10);
/// Statements that are told, by the time that they took.
const MOST_STATEMENTS: usize = 10;

/// Columns of pg_stat_database, and what they are called in results.
const COUNTERS: &[(&str, &str)] = &[
    ("xact_commit", "commits"),
    ("xact_rollback", "rollbacks"),
    ("blks_hit", "blocks_hit"),
    ("blks_read", "blocks_read"),
    ("tup_returned", "rows_returned"),
    ("tup_fetched", "rows_fetched"),
    ("tup_inserted", "rows_inserted"),
    ("tup_updated", "rows_updated"),
    ("tup_deleted", "rows_deleted"),
    ("temp_files", "temp_files"),
    ("temp_bytes", "temp_bytes"),
    ("deadlocks", "deadlocks"),
    ("conflicts", "conflicts"),
];

/// Sessions of this program in this database, but for the one that asks.
const OURS: &str = "select count(*) from pg_stat_activity where datname = current_database() \
     and application_name = 'benchscript' and pid <> pg_backend_pid()";

/// What sessions do: the event that they wait for, `cpu` if for none.
const WAITS: &str = "select case when state = 'idle in transaction' then 'idle in transaction' \
     else coalesce(wait_event_type || ':' || wait_event, 'cpu') end, count(*) from pg_stat_activity \
     where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid() \
     and state in ('active', 'idle in transaction') group by 1";

const LOCKS: &str = "select (select count(*) from pg_locks where not granted), (select numbackends - 1 from \
     pg_stat_database where datname = current_database())";

/// What is asked here shall not stand among the statements of the load. Who may not say so goes on without.
const UNTRACKED: &str = "do $$ begin perform set_config('pg_stat_statements.track', 'none', true); \
     exception when others then null; end $$";

/// Takes the first numbers and goes on in a thread of its own.
pub fn begin(server: Arc<Server>) -> Result<Box<dyn Watch>, Failure> {
    let (began, beginning) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("watch postgres".to_owned())
        .spawn(move || serve(&server, began, stopped))
        .map_err(|error| Failure::from_io("starting a thread", &error))?;
    // A thread that ended says so by closing the channel.
    match beginning.recv() {
        Ok(Ok(())) => Ok(Box::new(Watching { stop, thread })),
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(ended()),
    }
}

type Said = Result<Map<String, Value>, Failure>;

struct Watching {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Said>,
}

impl Watch for Watching {
    fn end(self: Box<Self>) -> Said {
        // If it is gone, its result says why.
        self.stop.send(()).ok();
        self.thread.join().unwrap_or_else(|_| Err(ended()))
    }
}

fn ended() -> Failure {
    Failure::lost(failure::IO, "the thread that watches the server ended")
}

fn serve(server: &Server, began: mpsc::Sender<Result<(), Failure>>, stop: oneshot::Receiver<()>) -> Said {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::from_io("starting an event loop", &error))?;
    runtime.block_on(async {
        let start = async {
            let mut session = PostgresSession::new(server.connect().await?);
            // All in one transaction, so that what is counted is the load's alone.
            session.ask("begin").await?;
            Observer::start(session).await
        };
        let started = tokio::time::timeout(PATIENCE, start).await.unwrap_or_else(|_| Err(silent()));
        let mut observer = match started {
            Ok(observer) => observer,
            Err(failure) => {
                began.send(Err(failure.clone())).ok();
                return Err(failure);
            }
        };
        began.send(Ok(())).ok();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                _ = &mut stop => break,
                () = tokio::time::sleep(EVERY) => {}
            }
            let sample = tokio::time::timeout(PATIENCE, observer.sample()).await;
            sample.unwrap_or_else(|_| Err(silent()))?;
        }
        tokio::time::timeout(PATIENCE, observer.end()).await.unwrap_or_else(|_| Err(silent()))
    })
}

fn silent() -> Failure {
    Failure::lost(failure::TIMEOUT, format!("no answer within {PATIENCE:?}"))
}

/// Calls, milliseconds, rows and text of a statement by its number.
type Statements = HashMap<String, (f64, f64, f64, String)>;

struct Observer {
    session: PostgresSession,
    /// Our sessions that were open before the load.
    before: u64,
    counters: Vec<f64>,
    /// The schema of pg_stat_statements, if it is there.
    schema: Option<String>,
    statements: Statements,
    samples: u64,
    sessions_max: u64,
    lock_waits_max: u64,
    waits: BTreeMap<String, u64>,
}

impl Observer {
    async fn start(session: PostgresSession) -> Result<Self, Failure> {
        let mut observer = Self {
            session,
            before: 0,
            counters: Vec::new(),
            schema: None,
            statements: Statements::new(),
            samples: 0,
            sessions_max: 0,
            lock_waits_max: 0,
            waits: BTreeMap::new(),
        };
        observer.session.ask(UNTRACKED).await?;
        observer.before = observer.number(OURS).await?;
        let schema = "select quote_ident(nspname) from pg_extension join pg_namespace n on n.oid = extnamespace \
             where extname = 'pg_stat_statements'";
        let found = observer.fresh(schema).await?;
        observer.schema = cell(&found, 0, 0).map(str::to_owned);
        observer.statements = observer.read_statements().await?;
        observer.counters = observer.read_counters().await?;
        Ok(observer)
    }

    /// Looks at what the sessions do now.
    async fn sample(&mut self) -> Result<(), Failure> {
        let waits = self.fresh(WAITS).await?;
        for row in 0..waits.rows.len() {
            let event = cell(&waits, row, 0).unwrap_or_default().to_owned();
            *self.waits.entry(event).or_default() += number(&waits, row, 1) as u64;
        }
        let locks = self.fresh(LOCKS).await?;
        self.lock_waits_max = self.lock_waits_max.max(number(&locks, 0, 0) as u64);
        self.sessions_max = self.sessions_max.max(number(&locks, 0, 1) as u64);
        self.samples += 1;
        Ok(())
    }

    async fn end(mut self) -> Said {
        // Sessions hand in what they counted when they close.
        let end = Instant::now() + SETTLING;
        while self.number(OURS).await? > self.before && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut said = Map::new();
        let counters = self.read_counters().await?;
        for (((_, name), now), before) in COUNTERS.iter().zip(&counters).zip(&self.counters) {
            said.insert((*name).to_owned(), json!((now - before) as i64));
        }
        let of = |name: &str| said.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        let (hit, read) = (of("blocks_hit"), of("blocks_read"));
        if hit + read > 0.0 {
            said.insert("cache_hit_ratio".to_owned(), json!(hit / (hit + read)));
        }
        said.insert("samples".to_owned(), json!(self.samples));
        said.insert("sessions_max".to_owned(), json!(self.sessions_max));
        said.insert("lock_waits_max".to_owned(), json!(self.lock_waits_max));
        said.insert("wait_events".to_owned(), json!(self.waits));
        if self.schema.is_some() {
            let statements = self.read_statements().await?;
            said.insert("statements".to_owned(), most_expensive(statements, &self.statements));
        }
        self.session.ask("rollback").await?;
        Ok(said)
    }

    async fn read_counters(&mut self) -> Result<Vec<f64>, Failure> {
        let columns: Vec<&str> = COUNTERS.iter().map(|(column, _)| *column).collect();
        let sql =
            format!("select {} from pg_stat_database where datname = current_database()", columns.join(", "));
        let reply = self.fresh(&sql).await?;
        Ok((0..COUNTERS.len()).map(|at| number(&reply, 0, at)).collect())
    }

    /// What pg_stat_statements counts; nothing where it is not loaded or we may not read it.
    async fn read_statements(&mut self) -> Result<Statements, Failure> {
        let Some(schema) = &self.schema else { return Ok(Statements::new()) };
        let sql = format!(
            "select queryid, sum(calls), sum(total_exec_time), sum(rows), min(query) from {schema}.pg_stat_statements \
             where dbid = (select oid from pg_database where datname = current_database()) group by queryid"
        );
        self.session.ask("savepoint look").await?;
        let reply = match self.fresh(&sql).await {
            Ok(reply) => reply,
            Err(failure) if failure.session_lost => return Err(failure),
            Err(_) => {
                self.session.ask("rollback to look").await?;
                self.schema = None;
                return Ok(Statements::new());
            }
        };
        let row = |row| {
            let text = |at| cell(&reply, row, at).unwrap_or_default().to_owned();
            (text(0), (number(&reply, row, 1), number(&reply, row, 2), number(&reply, row, 3), text(4)))
        };
        Ok((0..reply.rows.len()).map(row).collect())
    }

    /// Statistics as they are now: within a transaction the server repeats what it said first.
    async fn fresh(&mut self, sql: &str) -> Result<PostgresReply, Failure> {
        self.session.ask(&format!("select pg_stat_clear_snapshot(); {sql}")).await
    }

    async fn number(&mut self, sql: &str) -> Result<u64, Failure> {
        Ok(number(&self.fresh(sql).await?, 0, 0) as u64)
    }
}

/// What the statements added since `before`, the ones that took most time first.
fn most_expensive(now: Statements, before: &Statements) -> Value {
    let since = |(id, (calls, ms, rows, text)): (String, (f64, f64, f64, String))| {
        let (calls_before, ms_before, rows_before) =
            before.get(&id).map_or((0.0, 0.0, 0.0), |(calls, ms, rows, _)| (*calls, *ms, *rows));
        (calls - calls_before, ms - ms_before, rows - rows_before, text)
    };
    let mut added: Vec<_> = now.into_iter().map(since).filter(|(calls, ..)| *calls > 0.0).collect();
    added.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown = added.into_iter().take(MOST_STATEMENTS).map(|(calls, ms, rows, text)| {
        json!({
            "statement": super::sql::shown(&text),
            "calls": calls as i64,
            "rows": rows as i64,
            "total_ms": ms,
            "mean_ms": ms / calls,
        })
    });
    shown.collect()
}

fn cell(reply: &PostgresReply, row: usize, column: usize) -> Option<&str> {
    reply.rows.get(row)?.get(column)?.as_deref()
}

/// A number of an answer; 0 for NULL.
fn number(reply: &PostgresReply, row: usize, column: usize) -> f64 {
    cell(reply, row, column).and_then(|text| text.parse().ok()).unwrap_or(0.0)
}
