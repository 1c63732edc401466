//! The page that lists sessions. What players send is foreign text: all of it is escaped.

use std::fmt::Write as _;

use serde_json::Value;

use super::store::Summary;

pub(super) fn render(sessions: &[Summary]) -> String {
    let mut page = HEAD.to_owned();
    if sessions.is_empty() {
        page += "<p>No player has reported yet.</p>";
    } else {
        for session in sessions {
            // Writing to a string does not fail.
            let _ = write!(
                page,
                "<article id=\"{0}\"><h2><a href=\"telemetry/sessions/{0}\">{1}</a></h2>\
                 <p>last seen {2} UTC, batches: {3}</p>{4}</article>",
                url_encoded(&session.session_id),
                escaped(&session.session_id),
                escaped(&session.last_seen_utc),
                session.batches,
                session.qoe.as_ref().map_or_else(|| "<p>No record yet.</p>".to_owned(), qoe),
            );
        }
    }
    page + "</html>\n"
}

/// The fields of a record; lists and objects as JSON.
fn qoe(record: &Value) -> String {
    let Value::Object(fields) = record else { return escaped(&record.to_string()) };
    let mut list = "<dl>".to_owned();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "kind") {
        let _ = write!(list, "<div><dt>{}<dd>{}</div>", escaped(name), escaped(&shown(value)));
    }
    list + "</dl>"
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        // A ratio with all its binary digits says less.
        Value::Number(number) if number.is_f64() => format!("{:.4}", number.as_f64().unwrap_or_default()),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        // Spaces, so that lines can break.
        Value::Array(items) if items.iter().all(Value::is_number) => {
            items.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            _ => out.push(c),
        }
    }
    out
}

fn url_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            _ => out += &format!("%{b:02X}"),
        }
    }
    out
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Playback sessions</title>\
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=icon href=data:,><style>\
:root{color-scheme:light dark;--quiet:light-dark(#667080,#929cab);--line:light-dark(#e0e3e8,#2a303a);\
--link:light-dark(#2a6fdb,#6ea3ff);--card:light-dark(#fff,#181c22)}\
body{font:15px/1.45 system-ui,sans-serif;font-variant-numeric:tabular-nums;max-width:1100px;margin:0 auto;padding:1rem;\
background:light-dark(#f4f5f7,#0f1216);color:light-dark(#1a1f29,#e6e9ee)}\
h1{font-size:1.4rem;margin:.5rem 0 1rem}h2{font-size:1rem;margin:0;overflow-wrap:anywhere}a{color:var(--link)}\
article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:.9rem 1rem;margin-bottom:1rem}\
article:target{border-color:var(--link)}article p{margin:0 0 .7rem;color:var(--quiet);font-size:.9em}\
dl{margin:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.5rem 1rem}\
dt{color:var(--quiet);font-size:.8em}dd{margin:0;overflow-wrap:anywhere}\
</style><h1>Playback sessions</h1>";
