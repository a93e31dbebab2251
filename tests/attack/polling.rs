//! Sessions by polling, which cost an attacker one request each.

use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;

use crate::http1::{Http1, SOCKETIO, opening};
use crate::http2::Http2;
use crate::scene::{Scene, Target, bounded, many};

/// Sends this many handshakes over one connection, or over up to 20 if the server closes them.
async fn handshakes(target: Target, version: u8, header: usize, count: usize) {
    let filler = "x".repeat(header);
    let path = opening(version);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX: {filler}\r\n\r\n");
    let mut left = count;
    for _ in 0..20 {
        let Ok(mut connection) = Http1::open(&target).await else {
            return;
        };
        while left > 0 {
            let batch = left.min(50);
            if connection.flood(&request, batch).await < batch {
                break;
            }
            left -= batch;
        }
    }
}

async fn handshakes_by_http2(target: Target, version: u8, header: usize, count: usize) {
    let mut left = count;
    for _ in 0..20 {
        let Ok(stream) = target.tcp(target.https).await else {
            return;
        };
        let Ok(stream) = target.http2(stream).await else {
            return;
        };
        let Ok(mut connection) = Http2::open(stream).await else {
            return;
        };
        while left > 0 {
            let batch = left.min(16);
            let path = opening(version);
            if connection.ask(&path, batch, header).await.is_err()
                || connection.answers(batch).await.is_err()
            {
                break;
            }
            left -= batch;
        }
    }
}

/// Asserts that the program withstands these handshakes.
async fn withstands<F: Future>(attack: &str, handshakes: impl FnOnce(Target) -> F) {
    let mut scene = Scene::start().await;
    let handshakes = handshakes(scene.target.clone());
    scene.withstands(attack, bounded(handshakes)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn many_handshakes_do_no_harm() {
    withstands("6,000 handshakes", |target| handshakes(target, 3, 0, 6000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn handshakes_with_long_headers_do_no_harm() {
    withstands("4,000 handshakes with 8 KB of headers", |target| {
        handshakes(target, 4, 8000, 4000)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn http2_handshakes_without_a_connect_do_no_harm() {
    withstands("8,000 handshakes by HTTP/2 without `40`", |target| {
        handshakes_by_http2(target, 4, 0, 8000)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn http2_handshakes_with_long_headers_do_no_harm() {
    withstands(
        "4,000 handshakes by HTTP/2 with 8 KB of headers",
        |target| handshakes_by_http2(target, 3, 8000, 4000),
    )
    .await;
}

/// Opens a session. Returns its paths for polling and for the WebSocket.
async fn session(connection: &mut Http1, version: u8) -> Option<(String, String)> {
    let sid = connection.session(version).await?;
    let path = |transport| format!("{SOCKETIO}?EIO={version}&transport={transport}&sid={sid}");
    Some((path("polling"), path("websocket")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn missing_attachments_do_no_harm() {
    let mut scene = Scene::start().await;
    let attack = many(scene.target.clone(), 600, 40, |target, _| async move {
        let mut connection = Http1::open(&target).await.ok()?;
        let (polling, websocket) = session(&mut connection, 4).await?;
        connection.ask(&format!("POST {polling}"), b"40").await?;
        let mut socket = connection.upgrade(&websocket).await?;
        for packet in ["2probe", "5"] {
            socket.send(Message::text(packet)).await.ok()?;
        }
        let placeholders: Vec<String> = (0..10)
            .map(|number| format!(r#"{{"_placeholder":true,"num":{number}}}"#))
            .collect();
        let event = format!(r#"4510-["hello",{}]"#, placeholders.join(","));
        socket.send(Message::text(event)).await.ok()?;
        for _ in 0..9 {
            let attachment = Message::binary(vec![0; 16_000]);
            if socket.send(attachment).await.is_err() {
                break;
            }
        }
        Some(socket)
    });
    scene
        .withstands("600 events of which one attachment is missing", attack)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn missing_attachments_by_polling_do_no_harm() {
    let mut scene = Scene::start().await;
    let attack = many(scene.target.clone(), 100, 20, |target, _| async move {
        let mut connection = Http1::open(&target).await.ok()?;
        let (polling, _) = session(&mut connection, 4).await?;
        let post = format!("POST {polling}");
        let event = "40\u{1e}4599999-[\"hello\",{\"_placeholder\":true,\"num\":0}]";
        connection.ask(&post, event.as_bytes()).await?;
        let attachment = format!("b{}", "A".repeat(16_000));
        for _ in 0..80 {
            let (status, _) = connection.ask(&post, attachment.as_bytes()).await?;
            if status != 200 {
                break;
            }
        }
        Some(connection)
    });
    scene
        .withstands("100 events of which all attachments are missing", attack)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn connects_and_closes_in_one_body_do_no_harm() {
    let soon = ["--ping-interval", "2s", "--ping-timeout", "2s"];
    let mut scene = Scene::with(&soon).await;
    let attack = many(scene.target.clone(), 40, 10, |target, number| async move {
        let mut connection = Http1::open(&target).await.ok()?;
        let bodies = ["40\u{1e}1", "40\u{1e}40\u{1e}41\u{1e}40\u{1e}41"];
        for turn in 0..25 {
            let (polling, _) = session(&mut connection, 4).await?;
            let body = bodies[(number + turn) % 2];
            connection
                .ask(&format!("POST {polling}"), body.as_bytes())
                .await?;
        }
        Some(())
    });
    scene
        .withstands("1,000 sessions that come and go in one body", attack)
        .await;
    scene.is_deserted().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn unfinished_request_bodies_do_no_harm() {
    let mut scene = Scene::start().await;
    let attack = many(scene.target.clone(), 1200, 100, |target, _| async move {
        let mut connection = Http1::open(&target).await.ok()?;
        let (polling, _) = session(&mut connection, 3).await?;
        let head =
            format!("POST {polling} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16384\r\n\r\n");
        let begun = [head.as_bytes(), &[b'x'; 16_000]].concat();
        crate::messages::write(&mut connection.stream, &begun).await?;
        Some(connection)
    });
    scene
        .withstands("1,200 bodies of which the end is missing", attack)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn unfinished_upgrades_do_no_harm() {
    let soon = ["--ping-interval", "2s", "--ping-timeout", "2s"];
    let mut scene = Scene::with(&soon).await;
    let attack = many(
        scene.target.clone(),
        1000,
        50,
        |target, number| async move {
            let mut connection = Http1::open(&target).await.ok()?;
            let (polling, websocket) = session(&mut connection, 4).await?;
            connection.ask(&format!("POST {polling}"), b"40").await?;
            let mut socket = connection.upgrade(&websocket).await?;
            if number % 2 == 0 {
                socket.send(Message::text("2probe")).await.ok()?;
            }
            Some(socket)
        },
    );
    let held = scene
        .withstands("1,000 upgrades that are not finished", attack)
        .await;
    drop(held);
    scene.is_deserted().await;
}
