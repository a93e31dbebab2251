//! Builds the chain above a leaf certificate, and chooses the best one to send if there are several.
//!
//! A cross-signed authority has more than one issuer, so certificates form a graph and not a list. Some clients follow
//! the chain as it is sent: if it leads over an expired certificate, they refuse it although another path would be
//! good.

use std::sync::LazyLock;
use std::time::SystemTime;

use rustls_pki_types::TrustAnchor;

use super::certificate::{Certificate, Root};

/// The most certificates in a chain. Authorities use three or four; clients give up after about six.
const LONGEST: usize = 10;

/// The most paths that are looked at. Each cross-signed authority doubles their number, and a folder may hold anything.
const MOST_PATHS: usize = 64;

/// The roots that phones and browsers trust.
static PUBLIC: LazyLock<Vec<Root>> = LazyLock::new(|| {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter();
    roots.filter_map(Root::new).collect()
});

/// A leaf certificate with those that are sent above it.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    /// The leaf first, each followed by its issuer.
    pub(crate) links: Vec<&'a Certificate>,
    /// Certificates above the leaf that have expired and are not sent.
    pub(crate) expired: Vec<&'a Certificate>,
}

/// The best chain from `leaf` upwards, as far as `pool` has issuers. A path without expired certificates is preferred,
/// then one that ends at a root; among equals the first in `pool`. The chain stops before an expired certificate: no
/// client accepts a path through it, and some refuse the whole chain because of it.
pub(crate) fn chain<'a>(
    leaf: &'a Certificate,
    pool: &[&'a Certificate],
    now: SystemTime,
) -> Chain<'a> {
    best(leaf, pool, &PUBLIC, now)
}

/// The names of the roots at which clients end with these certificates: first the root that the chain leads to, then
/// those that some clients reach from a certificate closer to the leaf.
pub(crate) fn ends(
    leaf: &Certificate,
    pool: &[&Certificate],
    anchors: &[TrustAnchor<'_>],
    at: SystemTime,
) -> Vec<String> {
    let roots: Vec<_> = anchors.iter().filter_map(Root::new).collect();
    let links = best(leaf, pool, &roots, at).links;
    // Clients go only through authorities whose name is the issuer's name; a matching key identifier is not enough for
    // them.
    let sound = (1..links.len())
        .take_while(|number| {
            let (below, link) = (links[number - 1], links[*number]);
            link.is_ca() && link.is_valid_at(at) && below.issuer == link.subject
        })
        .count();
    let mut names: Vec<String> = Vec::new();
    for link in links[..=sound].iter().rev() {
        let root = roots.iter().find(|root| link.is_issued_by_root(root));
        let name = root.map(|root| root.subject.short.clone());
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

/// How good a path is, the most important first: all certificates are valid now, nothing was cut off, and the end is a
/// known root (2), self-signed (1) or neither (0).
type PathRank = (bool, bool, u8);

fn best<'a>(
    leaf: &'a Certificate,
    pool: &[&'a Certificate],
    roots: &[Root],
    now: SystemTime,
) -> Chain<'a> {
    let mut search = Search::new(leaf, pool);
    search.climb(&mut vec![0]);
    let Search { nodes, paths, .. } = search;
    let all = |numbers: &[usize]| numbers.iter().map(|number| nodes[*number]).collect();
    let has_expired = |number: &usize| nodes[*number].not_after < now;
    // The usual case: one path and nothing expired. It saves parsing the public roots at the start.
    if let [path] = paths.as_slice()
        && !path[1..].iter().any(has_expired)
    {
        return Chain {
            links: all(path),
            expired: Vec::new(),
        };
    }
    let is_known = |one: &Certificate| roots.iter().any(|root| one.is_issued_by_root(root));

    let mut chosen: Option<(PathRank, &[usize])> = None;
    for path in &paths {
        // An expired issuer of the leaf is sent all the same, unless a root has signed the leaf: a leaf alone would
        // hide what is wrong.
        let needed = if path.len() > 1 && has_expired(&path[1]) && !is_known(nodes[0]) {
            2
        } else {
            1
        };
        let above = path[needed.min(path.len())..].iter();
        let kept = needed.min(path.len()) + above.take_while(|number| !has_expired(number)).count();
        let top = nodes[path[kept - 1]];
        let end = match top {
            top if is_known(top) => 2,
            top if top.is_self_signed() => 1,
            _ => 0,
        };
        let links_hold = path[1..kept]
            .iter()
            .all(|number| nodes[*number].is_valid_at(now));
        let rank = (links_hold, kept == path.len(), end);
        if chosen.as_ref().is_none_or(|(best, _)| rank > *best) {
            chosen = Some((rank, &path[..kept]));
        }
    }
    let kept = chosen.map_or(&[0][..], |(_, kept)| kept);
    let mut expired: Vec<usize> = paths.iter().flatten().copied().collect();
    expired.sort_unstable();
    expired.dedup();
    expired.retain(|number| has_expired(number) && *number != 0 && !kept.contains(number));
    Chain {
        links: all(kept),
        expired: all(&expired),
    }
}

/// Finds all paths upwards from the first of `nodes`, depth first. A path is a list of indices into `nodes`.
struct Search<'a> {
    nodes: Vec<&'a Certificate>,
    /// The issuers of each node, computed at first use: verifying signatures is the expensive part.
    issuers: Vec<Option<Vec<usize>>>,
    paths: Vec<Vec<usize>>,
}

impl<'a> Search<'a> {
    fn new(leaf: &'a Certificate, pool: &[&'a Certificate]) -> Search<'a> {
        let mut nodes = vec![leaf];
        for one in pool {
            if !nodes.contains(one) {
                nodes.push(one);
            }
        }
        Search {
            issuers: vec![None; nodes.len()],
            nodes,
            paths: Vec::new(),
        }
    }

    /// Extends `path` by each issuer of its last certificate, and adds it to `paths` where it ends.
    fn climb(&mut self, path: &mut Vec<usize>) {
        if self.paths.len() >= MOST_PATHS {
            return;
        }
        let mut is_end = true;
        if path.len() < LONGEST {
            for issuer in self.issuers(path[path.len() - 1]) {
                if !path.contains(&issuer) {
                    is_end = false;
                    path.push(issuer);
                    self.climb(path);
                    path.pop();
                }
            }
        }
        if is_end {
            self.paths.push(path.clone());
        }
    }

    fn issuers(&mut self, of: usize) -> Vec<usize> {
        let Search { nodes, issuers, .. } = self;
        let known = issuers[of].get_or_insert_with(|| {
            if nodes[of].is_self_signed() {
                return Vec::new();
            }
            let others = (0..nodes.len()).filter(|other| *other != of);
            others
                .filter(|other| nodes[of].is_issued_by(nodes[*other]))
                .collect()
        });
        known.clone()
    }
}
