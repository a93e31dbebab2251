//! Clients that send too much, or never read.

#![allow(unreachable_pub)]

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::json;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::http1::{Http1, SOCKETIO};
use crate::scene::{Scene, Target, Tls, many};
use crate::support::hello;

/// Writes all bytes. `None` if the server closes, or takes none for 2 s.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Option<()> {
    let writing = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    let writing = time::timeout(Duration::from_secs(2), writing);
    writing.await.ok()?.ok()
}

/// Sends a message. `None` if the server closes, or takes none for 2 s.
async fn send(socket: &mut WebSocketStream<Tls>, message: Message) -> Option<()> {
    let sending = time::timeout(Duration::from_secs(2), socket.send(message));
    sending.await.ok()?.ok()
}

/// A WebSocket with a receive buffer of 2 KiB, which is never read.
async fn deaf(target: &Target, path: &str) -> Option<WebSocketStream<Tls>> {
    let stream = target.narrow(target.https).await.ok()?;
    let stream = target.http1(stream).await.ok()?;
    let request = format!("wss://localhost{path}").into_client_request();
    let upgraded = tokio_tungstenite::client_async(request.ok()?, stream).await;
    upgraded.ok().map(|(socket, _)| socket)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn websockets_that_never_read_do_no_harm() {
    let mut scene = Scene::start().await;
    let attack = many(scene.target.clone(), 500, 50, |target, number| async move {
        let mut socket = deaf(&target, "/applet/websocket").await?;
        let greeting = json!({"event": "hello", "data": hello(&format!("deaf{number}"))});
        send(&mut socket, Message::text(greeting.to_string())).await?;
        // Each message is answered by a fault that quotes its event name, which has almost the greatest length.
        let nonsense = json!({"event": "x".repeat(16_000)}).to_string();
        for _ in 0..40 {
            if send(&mut socket, Message::text(nonsense.clone()))
                .await
                .is_none()
            {
                break;
            }
        }
        Some(socket)
    });
    scene
        .withstands("500 WebSockets that never read", attack)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn floods_of_control_frames_do_no_harm() {
    let mut scene = Scene::start().await;
    let attack = many(scene.target.clone(), 60, 60, |target, number| async move {
        let version = 3 + number % 2;
        let path = format!("{SOCKETIO}?EIO={version}&transport=websocket");
        let mut socket = deaf(&target, &path).await?;
        if version == 4 {
            send(&mut socket, Message::text("40")).await?;
        }
        let frame = match number % 6 {
            0 => Message::text(format!("2{}", "x".repeat(16_000))),
            1 => Message::text("3"),
            2 => Message::text("40/x,"),
            3 => Message::Ping(vec![0; 125].into()),
            4 => Message::text("2"),
            _ => Message::Pong(vec![0; 125].into()),
        };
        for _ in 0..3000 {
            if send(&mut socket, frame.clone()).await.is_none() {
                break;
            }
        }
        Some(socket)
    });
    scene
        .withstands("60 floods of pings and the like", attack)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn short_visits_do_no_harm() {
    let soon = ["--ping-interval", "2s", "--ping-timeout", "2s"];
    let mut scene = Scene::with(&soon).await;
    let attack = many(scene.target.clone(), 10, 10, |target, crowd| async move {
        let mut connection = Http1::open(&target).await.ok()?;
        for number in 0..400 {
            let sid = connection.session(3).await?;
            let greeting = json!(["hello", hello(&format!("p{crowd}-{number}"))]);
            let greeting = format!("42{greeting}");
            let body = format!("{}:{greeting}1:1", greeting.len());
            let path = format!("POST {SOCKETIO}?EIO=3&transport=polling&sid={sid}");
            connection.ask(&path, body.as_bytes()).await?;
        }
        Some(())
    });
    scene.withstands("4,000 passers-by", attack).await;
    scene.is_deserted().await;
}
