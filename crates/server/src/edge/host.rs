//! The host of a request, as clients write it: `example.com`, `Example.COM.:8443`, `example.com:`, `[::1]:80`.

use std::net::Ipv6Addr;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::HOST;

/// The host of a request, with its port: the authority of an absolute address, which takes precedence (RFC 9112,
/// 3.2.2), or else the `Host` header. None if there is no host, or more than one header.
pub fn asked(request: &Request<Body>) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        let authority = authority.as_str();
        return Some(
            authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host),
        );
    }
    let mut headers = request.headers().get_all(HOST).iter();
    let host = headers.next()?.to_str().ok()?;
    headers.next().is_none().then_some(host)
}

/// Splits a host into name and port; the port is empty if none is given. None if it is no valid host. The name of an
/// IPv6 address keeps its brackets.
pub fn split(host: &str) -> Option<(&str, &str)> {
    let (name, rest) = if host.starts_with('[') {
        let (name, rest) = host.split_at(host.find(']')? + 1);
        name[1..name.len() - 1].parse::<Ipv6Addr>().ok()?;
        (name, rest)
    } else {
        let (name, rest) = host.split_at(host.find(':').unwrap_or(host.len()));
        // Underscores are not allowed in host names, but many machines have them.
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        (!name.is_empty() && name.bytes().all(sound)).then_some(())?;
        (name, rest)
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => port,
        None => rest.is_empty().then_some("")?,
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some((name, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_splits_into_name_and_port() {
        for (host, name, port) in [
            ("a.example", "a.example", ""),
            ("a.example:", "a.example", ""),
            ("A.Example.:8443", "A.Example.", "8443"),
            ("my_host", "my_host", ""),
            ("192.0.2.1:80", "192.0.2.1", "80"),
            ("[::1]", "[::1]", ""),
            ("[2001:db8::1]:80", "[2001:db8::1]", "80"),
        ] {
            assert_eq!(split(host), Some((name, port)), "{host}");
        }
        for host in [
            "", ":", ":80", "a b", "a/b", "a@b", "武", "[::1", "[]", "[a]", "[::1]x", "::1", "a:b",
            "a:8:9", "[::1]:b", "a\"b",
        ] {
            assert_eq!(split(host), None, "{host}");
        }
    }

    #[test]
    fn absolute_address_takes_precedence_over_the_host_header() {
        let asked_for = |uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().uri(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            asked(&request.body(Body::empty()).unwrap()).map(str::to_owned)
        };
        let some = |host: &str| Some(host.to_owned());
        assert_eq!(asked_for("/", &["a.example"]), some("a.example"));
        assert_eq!(
            asked_for("http://b.example:80/", &["a.example"]),
            some("b.example:80")
        );
        assert_eq!(asked_for("http://u:p@b.example/", &[]), some("b.example"));
        assert_eq!(asked_for("/", &[]), None);
        assert_eq!(asked_for("/", &["a.example", "b.example"]), None);
    }
}
