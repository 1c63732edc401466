//! The page that lists sessions. What players send is foreign text: all of it is escaped.

use std::fmt::Write as _;

use serde_json::Value;

use super::store::Summary;

pub(super) fn render(sessions: &[Summary]) -> String {
    let mut page = HEAD.to_owned();
    if sessions.is_empty() {
        page += "<p>No player has reported yet.</p>";
    } else {
        page += "<table><tr><th>Session<th>Last seen (UTC)<th>Batches<th>Quality of experience</tr>";
        for session in sessions {
            // Writing to a string does not fail.
            let _ = write!(
                page,
                "<tr><td><a href=\"telemetry/sessions/{}\">{}</a><td>{}<td>{}<td>{}</tr>",
                url_encoded(&session.session_id),
                escaped(&session.session_id),
                escaped(&session.last_seen_utc),
                session.batches,
                session.qoe.as_ref().map_or_else(|| "not yet".to_owned(), qoe),
            );
        }
        page += "</table>";
    }
    page + "</html>\n"
}

/// The plain fields of a record; lists and objects as JSON.
fn qoe(record: &Value) -> String {
    let Value::Object(fields) = record else { return escaped(&record.to_string()) };
    let mut list = "<dl>".to_owned();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "kind") {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(list, "<div><dt>{}<dd>{}</div>", escaped(name), escaped(&text));
    }
    list + "</dl>"
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
<meta name=\"viewport\" content=\"width=device-width\"><style>\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem;color:#222}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.5rem .8rem;border-bottom:1px solid #ddd}\
dl{margin:0;display:flex;flex-wrap:wrap;gap:.2rem 1.4rem}dt{color:#777;font-size:.8em}dd{margin:0;overflow-wrap:anywhere}\
</style><h1>Playback sessions</h1>";
