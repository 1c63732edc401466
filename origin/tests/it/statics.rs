//! The `www` directory.

use cloud_player_origin::Config;

use crate::harness::{Site, config};

#[tokio::test]
async fn files_have_their_types_and_stay_inside() {
    let outer = tempfile::tempdir().unwrap();
    let www = outer.path().join("www");
    std::fs::create_dir_all(www.join("demo")).unwrap();
    std::fs::write(outer.path().join("secret.txt"), "secret").unwrap();
    for (name, text) in [
        ("index.html", "<p>home"),
        ("demo/index.html", "<p>demo"),
        ("a.js", ""),
        ("a.mjs", "1"),
        ("a.wasm", "2"),
        ("a.css", "3"),
        (".hidden", "4"),
    ] {
        std::fs::write(www.join(name), text).unwrap();
    }
    let site = Site::with(Config { www: Some(www), ..config() }).await;
    for (path, mime) in [
        ("/", "text/html; charset=utf-8"),
        ("/s/x/", "text/html; charset=utf-8"),
        ("/demo/", "text/html; charset=utf-8"),
        ("/a.js", "text/javascript; charset=utf-8"),
        ("/a.mjs", "text/javascript; charset=utf-8"),
        ("/a.wasm", "application/wasm"),
        ("/a.css?v=1", "text/css; charset=utf-8"),
    ] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, mime), "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache");
    }
    assert_eq!(site.get("/demo/").await.text(), "<p>demo");
    for path in [
        "/../secret.txt",
        "/demo/../../secret.txt",
        "/%2e%2e/secret.txt",
        "//secret.txt",
        "/.hidden",
        "/none",
    ] {
        assert_eq!(site.get(path).await.refusal(), (404, "not_found".into()), "{path}");
    }
    assert_eq!(site.connect().await.send("POST", "/a.js", &[], "").await.refusal(), (405, "method".into()));
}
