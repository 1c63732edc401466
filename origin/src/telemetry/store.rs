//! Batches and records in SQLite.

use std::path::Path;
use std::sync::Mutex;

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::lock;
use crate::clock::unix_ms;

/// The telemetry database.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Mutex<Connection>,
}

/// A session in the list. Times are Unix milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) session_id: String,
    pub(crate) batches: u64,
    pub(crate) first_seen: u64,
    pub(crate) last_seen: u64,
    /// `last_seen` as UTC text.
    #[serde(skip)]
    pub(crate) last_seen_utc: String,
    /// The latest record of kind `qoe`.
    pub(crate) qoe: Option<Value>,
}

impl Store {
    /// Opens the database in `file`, or in memory.
    pub(crate) fn open(file: Option<&Path>) -> rusqlite::Result<Self> {
        let connection = match file {
            Some(file) => Connection::open(file)?,
            None => Connection::open_in_memory()?,
        };
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Stores a batch; false when it is there already.
    pub(crate) fn add(
        &self,
        session: &str,
        seq: u32,
        records: &[Map<String, Value>],
    ) -> rusqlite::Result<bool> {
        let mut connection = lock(&self.connection);
        let transaction = connection.transaction()?;
        let added = transaction.execute(
            "INSERT OR IGNORE INTO batch (session_id, seq, received_ms) VALUES (?1, ?2, ?3)",
            params![session, seq, i64::try_from(unix_ms()).unwrap_or(i64::MAX)],
        )?;
        if added == 0 {
            return Ok(false);
        }
        {
            let mut insert = transaction.prepare(
                "INSERT INTO record (session_id, seq, place, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for (place, record) in (0_i64..).zip(records) {
                let kind = record.get("kind").and_then(Value::as_str);
                insert.execute(params![
                    session,
                    seq,
                    place,
                    kind,
                    Value::Object(record.clone()).to_string()
                ])?;
            }
        }
        transaction.commit()?;
        Ok(true)
    }

    /// The newest sessions, newest first.
    pub(crate) fn sessions(&self) -> rusqlite::Result<Vec<Summary>> {
        let connection = lock(&self.connection);
        let mut query = connection.prepare(SESSIONS)?;
        let rows = query.query_map([SESSIONS_MAX], |row: &Row<'_>| {
            let qoe: Option<String> = row.get("qoe")?;
            Ok(Summary {
                session_id: row.get("session_id")?,
                batches: row.get::<_, i64>("batches")?.unsigned_abs(),
                first_seen: row.get::<_, i64>("first_seen")?.unsigned_abs(),
                last_seen: row.get::<_, i64>("last_seen")?.unsigned_abs(),
                last_seen_utc: row.get("last_seen_utc")?,
                qoe: qoe.and_then(|text| serde_json::from_str(&text).ok()),
            })
        })?;
        rows.collect()
    }

    /// All records of a session in the order of its batches.
    pub(crate) fn records(&self, session: &str) -> rusqlite::Result<Vec<Value>> {
        let connection = lock(&self.connection);
        let mut query =
            connection.prepare("SELECT body FROM record WHERE session_id = ?1 ORDER BY seq, place")?;
        let rows = query.query_map([session], |row| row.get::<_, String>(0))?;
        rows.map(|text| Ok(serde_json::from_str(&text?).unwrap_or_default())).collect()
    }
}

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS batch (
        session_id TEXT NOT NULL, seq INTEGER NOT NULL, received_ms INTEGER NOT NULL,
        PRIMARY KEY (session_id, seq)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS record (
        session_id TEXT NOT NULL, seq INTEGER NOT NULL, place INTEGER NOT NULL, kind TEXT, body TEXT NOT NULL,
        PRIMARY KEY (session_id, seq, place)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS batch_received ON batch (received_ms);
";

const SESSIONS: &str = "
    SELECT session_id, count(*) AS batches, min(received_ms) AS first_seen, max(received_ms) AS last_seen,
        datetime(max(received_ms) / 1000, 'unixepoch') AS last_seen_utc,
        (SELECT body FROM record WHERE record.session_id = batch.session_id AND kind = 'qoe'
            ORDER BY seq DESC, place DESC LIMIT 1) AS qoe
    FROM batch GROUP BY session_id ORDER BY last_seen DESC, session_id LIMIT ?1
";

const SESSIONS_MAX: i64 = 500;
