//! Checks of plain requests: the redirect from HTTP to HTTPS, and the answer at the base path.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use wulin_client::address::Address;
use wulin_http::exchange::Answer;

use super::finding::Finding;
use super::network::{connect, words};
use super::tls::{Target, once, reason};

/// Whether plain HTTP redirects to HTTPS. Without that, people who type the domain into a browser may see nothing.
pub(super) async fn redirect(address: &Address, peer: SocketAddr, patience: Duration) -> Finding {
    let port = peer.port();
    let plain = Address {
        port,
        ..address.clone()
    };
    let ask = async {
        let stream = connect(peer, patience).await?;
        once(stream, "GET", "/", &plain.authority(80), "").await
    };
    let answer: io::Result<Answer> = timeout(patience, ask)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    match answer {
        Ok(answer) => judge_redirect(address, port, &answer),
        Err(error) => Finding::warning(
            format!("nothing at http, port {port}: {}", words(&error)),
            format!(
                "Whoever types the domain without https:// may get nowhere. Open port {port} in the security group and \
                 let Wulin have it (--http-port); players are not affected."
            ),
        ),
    }
}

fn judge_redirect(address: &Address, port: u16, answer: &Answer) -> Finding {
    let wanted = format!("https://{address}/");
    let location = answer.header("location").unwrap_or_default();
    match answer.status.as_u16() {
        301 | 302 | 307 | 308 if same_place(location, &wanted) => {
            Finding::ok(format!("port {port} leads to {wanted}"))
        }
        301 | 302 | 307 | 308 => Finding::warning(
            format!("port {port} leads to {location:?}, not to {wanted}"),
            "Another server may have the port; players are not affected.",
        ),
        status => Finding::warning(
            format!("port {port} answers with {status} and does not lead to HTTPS"),
            "Another server has the port, or a cloud shows a page of its own: in mainland China that is what happens to a \
             domain without an ICP filing (备案).",
        ),
    }
}

/// Whether two URLs lead to the same host and port: `:443` may be written or left out.
fn same_place(location: &str, wanted: &str) -> bool {
    let read = |text: &str| {
        text.to_ascii_lowercase()
            .starts_with("https://")
            .then(|| Address::parse(text, 443).ok())
            .flatten()
    };
    read(location).is_some() && read(location) == read(wanted)
}

/// What a Wulin server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// Its version.
    pub(super) version: String,
    /// Its instance, which older versions do not tell.
    pub(super) instance: Option<String>,
}

/// Whether Wulin answers at the base path, and what it says of itself.
pub(super) async fn status(target: &Target, base_path: &str) -> (Option<Told>, Finding) {
    match target.ask("GET", base_path, "").await {
        Ok(answer) => judge_status(base_path, &answer),
        Err(error) => {
            let finding = Finding::failed(
                format!("no answer to GET {base_path}: {}", reason(&error)),
                "Look into the server's log; `wulin health` on the machine says whether it works.",
            );
            (None, finding)
        }
    }
}

fn judge_status(path: &str, answer: &Answer) -> (Option<Told>, Finding) {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let word = |name: &str| body.as_ref().and_then(|body| body[name].as_str());
    if (answer.status.as_u16(), word("service")) == (200, Some("wulin")) {
        let told = Told {
            version: word("version")
                .unwrap_or("of an unknown version")
                .to_owned(),
            instance: word("instance").map(str::to_owned),
        };
        let finding = Finding::ok(format!("Wulin {} at {path}", told.version));
        return (Some(told), finding);
    }
    (None, stranger(path, answer))
}

/// The finding for an answer that is not of Wulin.
fn stranger(path: &str, answer: &Answer) -> Finding {
    let location = answer.header("location");
    match (answer.status.as_u16(), location) {
        (301 | 302 | 303 | 307 | 308, Some(location)) => Finding::failed(
            format!("{path} leads to {location:?} ({})", answer.status),
            "Phones follow no redirect when they open a WebSocket: let the name lead to Wulin itself.",
        ),
        (404, _) => Finding::failed(
            format!("there is nothing at {path} (404)"),
            "Give the server's path with --base-path. If it is this one, another program has the port, or a proxy in \
             front leads elsewhere.",
        ),
        (502..=504, _) => Finding::failed(
            format!(
                "a proxy in front finds no server behind it ({})",
                answer.status
            ),
            "Start Wulin, or correct the proxy's address for it. Wulin needs no proxy.",
        ),
        (status, _) => Finding::failed(
            format!(
                "what answers at {path} is not Wulin ({status}): {}",
                answer.words()
            ),
            "Another program has the port: `ss -ltnp` on the machine shows which. Wulin needs no proxy in front.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use http::header::LOCATION;

    use super::*;
    use crate::check::finding::Severity;

    fn answer(status: u16, location: &str, body: &str) -> Answer {
        Answer {
            status: status.try_into().unwrap(),
            headers: [(LOCATION, location.try_into().unwrap())]
                .into_iter()
                .collect(),
            body: body.to_owned().into(),
            cut: None,
        }
    }

    #[test]
    fn redirect_must_lead_to_the_same_host_over_https() {
        let address = Address::parse("a.example", 443).unwrap();
        let outcome =
            |status, location| judge_redirect(&address, 80, &answer(status, location, "")).outcome;
        assert_eq!(outcome(301, "https://a.example/"), Severity::Ok);
        assert_eq!(outcome(308, "https://A.example:443"), Severity::Ok);
        for (status, location) in [
            (301, "https://b.example/"),
            (301, "http://a.example/"),
            (302, "/login"),
            (200, ""),
        ] {
            assert_eq!(outcome(status, location), Severity::Warning, "{location}");
        }
    }

    #[test]
    fn only_a_wulin_answer_passes() {
        let judge = |status, body| judge_status("/ws", &answer(status, "", body));
        let (told, good) = judge(200, r#"{"service":"wulin","version":"9.9"}"#);
        assert_eq!(told.unwrap().version, "9.9");
        assert_eq!(
            (good.outcome, &*good.detail),
            (Severity::Ok, "Wulin 9.9 at /ws")
        );
        assert_eq!(
            judge(200, "<h1>Welcome to nginx!</h1>").1.outcome,
            Severity::Failed
        );
        let moved = judge_status("/ws", &answer(301, "https://www.a.example/ws", "")).1;
        assert!(moved.outcome == Severity::Failed && moved.detail.contains("www.a.example"));
        assert!(judge(404, "").1.remedy.unwrap().contains("--base-path"));
        assert!(judge(502, "").1.detail.contains("proxy"));
    }
}
