//! The program from the outside: what it says, and that it says no secret.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use crate::harness::{ADMIN, Client, SECRET};

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ffmpeg_the_sample_stands_in_and_the_program_says_so() {
    let cache = tempfile::tempdir().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_cloud-player-origin"))
        .args(["--listen", "127.0.0.1:0", "--cache", cache.path().to_str().unwrap()])
        .env("PATH", "/nonexistent")
        .env("CLOUD_PLAYER_ORIGIN_SECRET", SECRET)
        .env("CLOUD_PLAYER_ADMIN_TOKEN", ADMIN)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut running = Running(child.unwrap());
    let mut stderr = BufReader::new(running.0.stderr.take().unwrap());
    let (mut said, mut host) = (String::new(), None);
    while !said.contains("Ctrl-C") {
        let mut line = String::new();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended: {said}");
        if let Some(address) = line.strip_prefix("origin: http://") {
            host = Some(address.trim().trim_end_matches('/').to_owned());
        }
        said += &line;
    }
    assert!(said.contains("ffmpeg is not installed"), "{said}");
    let mut client = Client::connect(&host.unwrap()).await;
    let info = client.send("GET", "/getplayinfo/v4/1/lesson", &[], "").await.json();
    assert_eq!(info["code"], 0);
    assert!(info["warning"].as_str().unwrap().contains("sample"));
    let url = info["media"]["streamingInfo"]["drmOutput"][0]["url"].as_str().unwrap().to_owned();
    let token = info["media"]["streamingInfo"]["drmToken"].as_str().unwrap().to_owned();
    assert_eq!(client.send("GET", crate::harness::path_of(&url), &[], "").await.status, 200);
    assert_eq!(client.send("GET", &format!("/keys/lesson/0?token={token}"), &[], "").await.status, 200);
    assert_eq!(client.send("GET", "/keys/lesson/0?token=wrong", &[], "").await.status, 403);

    running.0.kill().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    running.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    for secret in [SECRET, ADMIN, token.as_str(), url.rsplit('=').next().unwrap()] {
        assert!(!said.contains(secret), "a secret was said: {said}");
    }
}

#[test]
fn a_taken_port_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output =
        Command::new(env!("CARGO_BIN_EXE_cloud-player-origin")).args(["--listen", &addr]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("cannot listen on {addr}")));
}
