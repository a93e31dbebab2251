//! The page for browsers: what `npm run build` makes of `web/`, embedded, and how it is handed out.

pub mod negotiation;

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use axum::response::IntoResponse;
use futures_util::stream;
use include_dir::{Dir, include_dir};

use super::host;
use negotiation::Coding;

/// Cargo builds again when one of these files changes or goes. It does not notice one that is added, but none comes alone:
/// names in `assets/` change with their contents, and the document names them.
static DIST: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../web/dist");
/// What is at `/`.
const DOCUMENT: &str = "index.html";
/// How the document says where its socket is: the words before the path, and the path the build puts there.
const SOCKET: (&str, &str) = (
    r#"<meta name="wulin-socket" content=""#,
    "/applet/websocket",
);

/// What the document may do. The last directive goes on with its own host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'";
/// What else keeps the document apart from others.
const GUARDS: [(&str, &str); 2] = [
    ("cross-origin-opener-policy", "same-origin"),
    (
        "permissions-policy",
        "geolocation=(self), camera=(), microphone=()",
    ),
];

/// One address, and what is there.
#[derive(Debug)]
pub struct File {
    /// The path.
    pub address: String,
    is_document: bool,
    media_type: &'static str,
    caching: &'static str,
    /// The same in every coding there is of it, the best coding first.
    variants: Vec<Variant>,
}

#[derive(Debug)]
struct Variant {
    coding: Coding,
    bytes: Bytes,
    tag: HeaderValue,
}

/// Everything there is, for a page whose socket is at `base_path`.
pub fn files(base_path: &str) -> Vec<File> {
    let mut names = Vec::new();
    collect(&DIST, &mut names);
    names
        .into_iter()
        .map(|name| File::new(name, base_path))
        .collect()
}

/// Whether addresses of the page begin with `/` and this name.
pub fn owns(name: &str) -> bool {
    DIST.contains(name)
}

/// The names of all files; another coding of a file is no file of its own.
fn collect(folder: &'static Dir, names: &mut Vec<&'static str>) {
    let packed = |name: &str| {
        Coding::PACKED.iter().any(|coding| {
            name.strip_suffix(coding.ending())
                .is_some_and(|name| DIST.contains(name))
        })
    };
    let paths = folder.files().filter_map(|file| file.path().to_str());
    names.extend(paths.filter(|name| !packed(name)));
    for folder in folder.dirs() {
        collect(folder, names);
    }
}

impl File {
    fn new(name: &'static str, base_path: &str) -> File {
        let is_document = name == DOCUMENT;
        let moved = is_document && base_path != SOCKET.1;
        let variants = if moved {
            vec![Variant::new(Coding::Identity, document(base_path).into())]
        } else {
            let there = |coding: Coding| {
                let file = DIST.get_file(format!("{name}{}", coding.ending()))?;
                Some(Variant::new(coding, Bytes::from_static(file.contents())))
            };
            Coding::ALL.into_iter().filter_map(there).collect()
        };
        File {
            address: format!("/{}", if is_document { "" } else { name }),
            is_document,
            media_type: media_type(name).unwrap_or("application/octet-stream"),
            caching: if asked_for_again(name) {
                "no-cache"
            } else if name.starts_with("assets/") {
                "public, max-age=31536000, immutable"
            } else {
                "public, max-age=86400"
            },
            variants,
        }
    }

    /// The answer to a GET, or to a HEAD once its body is left out.
    pub fn answer(&self, request: &Request<Body>) -> Response<Body> {
        let Some(variant) = self.best(request.headers()) else {
            let sentence = "This is not there in any encoding you accept.\n";
            return (StatusCode::NOT_ACCEPTABLE, sentence).into_response();
        };
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        // What a 304 must repeat (RFC 9110, 15.4.5) comes first; the date is hyper's.
        headers.insert(ETAG, variant.tag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.caching));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if negotiation::has(request.headers(), variant.tag.as_bytes()) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            // Of a body that is known to be empty axum would say so, and a Content-Length of 0 is wrong here (8.6).
            *response.body_mut() = Body::from_stream(stream::empty::<Result<Bytes, Infallible>>());
            return response;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        if variant.coding != Coding::Identity {
            let name = HeaderValue::from_static(variant.coding.name());
            headers.insert(CONTENT_ENCODING, name);
        }
        if self.is_document {
            headers.insert(CONTENT_SECURITY_POLICY, policy(request));
            for (name, value) in GUARDS {
                let name = HeaderName::from_static(name);
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        *response.body_mut() = Body::from(variant.bytes.clone());
        response
    }

    /// The variant the client likes best, and of equals the one we do; none if it refuses all.
    fn best(&self, headers: &HeaderMap) -> Option<&Variant> {
        let weighed = self
            .variants
            .iter()
            .map(|variant| (variant, variant.coding.weight(headers)));
        weighed
            .filter(|(_, weight)| *weight > 0.0)
            .rev() // of equals, `max_by` takes the last
            .max_by(|(_, left), (_, right)| left.total_cmp(right))
            .map(|(variant, _)| variant)
    }
}

impl Variant {
    fn new(coding: Coding, bytes: Bytes) -> Variant {
        // A browser that gets a 304 keeps the policy it has, so another policy is another version.
        let mut hasher = DefaultHasher::new();
        (POLICY, GUARDS, &bytes).hash(&mut hasher);
        let tag = format!("\"{:016x}\"", hasher.finish());
        Variant {
            coding,
            bytes,
            tag: HeaderValue::try_from(tag).expect("hexadecimal digits in quotes"),
        }
    }
}

/// The document of a server whose socket is elsewhere. A base path consists of characters that mean nothing in HTML.
fn document(base_path: &str) -> String {
    let (before, path) = SOCKET;
    let document = DIST
        .get_file(DOCUMENT)
        .and_then(include_dir::File::contents_utf8)
        .expect("web/dist has a document");
    document.replacen(
        &format!("{before}{path}\""),
        &format!("{before}{base_path}\""),
        1,
    )
}

/// Whether a browser asks for its newest version each time: the documents, and the worker that stands in for them.
fn asked_for_again(name: &str) -> bool {
    [".html", ".txt", "sw.js"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn media_type(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}

/// The document's policy. To Safari before 15.4, 'self' is no WebSocket (<https://bugs.webkit.org/show_bug.cgi?id=201591>), so
/// the host the document was asked from is named as well.
fn policy(request: &Request<Body>) -> HeaderValue {
    named(request)
        .and_then(|host| HeaderValue::try_from(format!("{POLICY} wss://{host}")).ok())
        .unwrap_or(HeaderValue::from_static(POLICY))
}

/// The host as the client wrote it, if a policy can name it: IPv6 it cannot.
fn named(request: &Request<Body>) -> Option<&str> {
    let host = host::asked(request)?;
    let (name, port) = host::split(host)?;
    if name.starts_with('[') {
        return None;
    }
    // A colon with nothing behind it is no port of a policy.
    Some(if port.is_empty() { name } else { host })
}

#[cfg(test)]
mod tests {
    use axum::http::header::HOST;

    use super::*;

    const DEFAULT: &str = SOCKET.1;

    fn asked(uri: &str, headers: &[(HeaderName, &str)]) -> Request<Body> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    fn named(address: &str, base_path: &str) -> File {
        files(base_path)
            .into_iter()
            .find(|file| file.address == address)
            .unwrap()
    }

    fn coding(file: &File, accepted: &str) -> Option<Coding> {
        let request = asked("/", &[(axum::http::header::ACCEPT_ENCODING, accepted)]);
        Some(file.best(request.headers())?.coding)
    }

    #[test]
    fn every_file_is_of_a_known_kind_and_there_as_it_is() {
        for file in files(DEFAULT) {
            assert!(media_type(&file.address).is_some() || file.is_document);
            let last = file.variants.last().unwrap();
            assert_eq!(last.coding, Coding::Identity, "{}", file.address);
        }
    }

    #[test]
    fn the_smallest_coding_the_client_likes_best_is_taken() {
        let file = named("/", DEFAULT);
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip, br;q=0.9", Some(Coding::Gzip)),
            ("gzip, br;q=0", Some(Coding::Gzip)),
            ("gzip;q=0.1", Some(Coding::Gzip)),
            ("*", Some(Coding::Brotli)),
            ("br, identity", Some(Coding::Brotli)),
            ("identity, br;q=0.9", Some(Coding::Identity)),
            ("zstd", Some(Coding::Identity)),
            ("*;q=0, identity;q=0.1", Some(Coding::Identity)),
            ("*;q=0", None),
            ("zstd, identity;q=0", None),
        ] {
            assert_eq!(coding(&file, accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn the_document_says_where_the_socket_is() {
        let (usual, moved) = (named("/", DEFAULT), named("/", "/game"));
        let usual = usual.best(&HeaderMap::new()).unwrap();
        let there = moved.best(&HeaderMap::new()).unwrap();
        let text = |variant: &Variant| String::from_utf8(variant.bytes.to_vec()).unwrap();
        let meta = |path| format!(r#"<meta name="wulin-socket" content="{path}">"#);
        assert_eq!(text(usual).matches(&meta(DEFAULT)).count(), 1);
        assert_eq!(
            text(there),
            text(usual).replace(&meta(DEFAULT), &meta("/game"))
        );
        assert_ne!(usual.tag, there.tag);
        assert_eq!(coding(&moved, "br, gzip"), Some(Coding::Identity));
        assert_eq!(coding(&moved, "br, identity;q=0"), None);
    }

    #[test]
    fn the_policy_names_the_host_if_it_can() {
        let sources = |request: &Request<Body>| {
            let policy = policy(request);
            let (_, sources) = policy.to_str().unwrap().split_once("; connect-src ")?;
            Some(sources.to_owned())
        };
        for (host, expected) in [
            ("a.example", "'self' wss://a.example"),
            ("a-1.example:8443", "'self' wss://a-1.example:8443"),
            ("127.0.0.1:8443", "'self' wss://127.0.0.1:8443"),
            ("my_host", "'self' wss://my_host"),
            ("a.example:", "'self' wss://a.example"),
            ("[::1]:8443", "'self'"),
            ("a.example;", "'self'"),
            ("a.example; script-src *", "'self'"),
            ("a.example:8443 *", "'self'"),
            ("*.example", "'self'"),
            ("a.example:*", "'self'"),
            (":443", "'self'"),
            ("", "'self'"),
            ("武", "'self'"),
        ] {
            let request = asked("/", &[(HOST, host)]);
            assert_eq!(sources(&request).unwrap(), expected, "{host}");
        }
        // As HTTP/2 has it.
        let request = asked("https://b.example:8443/", &[]);
        assert_eq!(sources(&request).unwrap(), "'self' wss://b.example:8443");
        assert_eq!(sources(&asked("/", &[])).unwrap(), "'self'");
    }
}
